"""Writes rendered files into a folder of the user's, and overwrites nothing."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from portproof.errors import OutputError, UsageError

_UNFINISHED: Final = ".unfinished"


def write_new(folder: Path, files: Mapping[str, Iterable[str]]) -> list[Path]:
    """Write files that must not exist yet; either all of them are there in the end, or none.

    Raises:
        UsageError: one of them exists.
        OutputError: the folder cannot be written.
    """
    targets = {name: folder / name for name in files}
    there = [str(path) for path in targets.values() if path.exists() or path.is_symlink()]
    if there:
        raise UsageError(f"{', '.join(there)} exists already; nothing was written")
    with _tidied(targets.values()), _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, chunks in files.items():
            with _unfinished(targets[name]).open("x", encoding="utf-8", newline="\n") as file:
                file.writelines(chunks)
        for target in targets.values():
            _unfinished(target).replace(target)
    return list(targets.values())


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + _UNFINISHED)


@contextlib.contextmanager
def _tidied(targets: Iterable[Path]) -> Iterator[None]:
    try:
        yield
    finally:
        for target in targets:
            with contextlib.suppress(OSError):
                _unfinished(target).unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = error.filename or folder
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
