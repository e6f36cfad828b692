"""Write files into a repository: all or none, and never over an existing one."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from portproof.content.load import load
from portproof.errors import OutputError


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write every file below a folder, which is created if it is missing.

    Args:
        folder: A compliance repository.
        files: Texts by path in it: ``checks/ID.yml`` and ``policies/ID.yml``.

    Raises:
        OutputError: a file or an id is there already, or a file cannot be written. Then nothing is
            written.
    """
    standing = [str(folder / path) for path in files if os.path.lexists(folder / path)]
    _refuse("exist already", standing)
    _refuse("have ids that the new files would give", _ids_taken(folder, files))
    made: list[Path] = []
    try:
        for path, text in files.items():
            _write_one(folder / path, text, made)
    except BaseException as error:
        _undo(made)
        if not isinstance(error, OSError):
            raise
        where = error.filename or folder
        raise OutputError(f"cannot write {where}: {error.strerror or error}") from error


def _refuse(what: str, lines: Iterable[str]) -> None:
    listed = sorted(lines)
    if listed:
        text = f"nothing was written, because these files {what}:"
        raise OutputError("\n  ".join([text, *listed]))


def _ids_taken(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Return files of the repository that use an id of the import under another name."""
    policies, checks = folder / "policies", folder / "checks"
    content = load([policies] if policies.is_dir() else [], [checks] if checks.is_dir() else [])
    ids = {(PurePosixPath(path).parts[0], PurePosixPath(path).stem) for path in files}
    for check in content.checks:
        if ("checks", check.model.check) in ids:
            yield f"{check.document.file} ({check.model.check})"
    for policy in content.policies:
        if ("policies", policy.model.policy) in ids:
            yield f"{policy.document.file} ({policy.model.policy})"


def _write_one(file: Path, text: str, made: list[Path]) -> None:
    _make_folder(file.parent, made)
    with file.open("x", encoding="utf-8", newline="\n") as stream:
        made.append(file)
        stream.write(text)


def _make_folder(folder: Path, made: list[Path]) -> None:
    if folder.is_dir():
        return
    if folder.parent != folder:
        _make_folder(folder.parent, made)
    folder.mkdir()
    made.append(folder)


def _undo(made: list[Path]) -> None:
    for path in reversed(made):
        with contextlib.suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
