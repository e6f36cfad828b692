"""Find the files that a path given by a user means."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from portproof.errors import Code, Problem

_ENDINGS: Final = (".yml", ".yaml")
_TESTS: Final = ".test"


def files_of_tests(path: Path) -> Iterator[Path | Problem]:
    """Yield the policy tests that belong to a path: ``*.test.yml``."""
    if path.is_dir():
        yield from (each for each in _walk(path, ()) if _holds_tests(each))
    else:
        own = path.with_name(f"{path.stem}{_TESTS}{path.suffix}")
        yield from (each for each in (own,) if each.exists())


def yaml_files(path: Path) -> Iterator[Path | Problem]:
    """Return the YAML files of a file or folder, sorted, with a problem for what cannot be read.

    Files of policy tests are left out.

    Folders are walked to the bottom, also through links. A link that leads back to a folder it is
    in, an unreadable folder and a missing path are problems: skipping them would leave rules out.
    """
    if path.is_dir():
        yield from (each for each in _walk(path, ()) if not _holds_tests(each))
    elif path.exists():
        yield path
    else:
        yield Problem.of_file(path, _why_missing(path), Code.UNREADABLE)


def _why_missing(path: Path) -> str:
    try:
        path.stat()
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "is neither a file nor a folder"


def _walk(folder: Path, above: tuple[str, ...]) -> Iterator[Path | Problem]:
    real = os.path.realpath(folder)
    if real in above:
        yield Problem.of_file(
            folder, f"is a link to {real}, which contains it; remove the link", Code.LINK_LOOP
        )
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Problem.of_file(folder, f"cannot be read: {error.strerror or error}", Code.UNREADABLE)
        return
    for entry in entries:
        if entry.is_dir() and not entry.name.startswith("."):
            yield from _walk(entry, (*above, real))
        elif _is_content(entry):
            yield entry


def _holds_tests(entry: Path | Problem) -> bool:
    return isinstance(entry, Path) and Path(entry.stem).suffix == _TESTS


def _is_content(entry: Path) -> bool:
    hidden = entry.name.startswith(".")
    return entry.suffix in _ENDINGS and not hidden
