"""Create a new compliance repository."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from portproof.content.shipped import shipped_policies
from portproof.errors import UsageError
from portproof.importers.writing import write

_TEMPLATE: Final = Path(__file__).parent.parent / "content" / "repository"
_DOT: Final = "dot-"
"""The prefix in the package for files whose names start with a dot in a repository."""
_BASELINE: Final = "baseline-"
_ID: Final = re.compile(rf"^(policy|test): {_BASELINE}", re.MULTILINE)
_TO_COPY: Final = re.compile(r"\A# To copy and edit:.*\n")


def new_repository(folder: Path, baselines: Sequence[str] = ()) -> tuple[Path, ...]:
    """Write a new compliance repository and return its files. Nothing is overwritten.

    Args:
        folder: The folder of the repository; it is created if it is missing.
        baselines: Baselines to copy into its policies, such as ``web-server``.

    Raises:
        UsageError: there is no such baseline.
        OutputError: a file exists already, or cannot be written; then nothing is written.
    """
    files = dict(_template()) | dict(_copies(baselines))
    write(folder, files)
    return tuple(folder / path for path in files)


def _template() -> Iterator[tuple[str, str]]:
    """Yield the path in the new repository and the text of every file."""
    for file in sorted(path for path in _TEMPLATE.rglob("*") if path.is_file()):
        parts = file.relative_to(_TEMPLATE).parts
        path = "/".join(re.sub(f"^{_DOT}", ".", part) for part in parts)
        yield path, file.read_text(encoding="utf-8")


def _copies(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the files of baselines, with ids for the user's own copies."""
    shipped = shipped_policies()
    known = [name.removeprefix(_BASELINE) for name in shipped if name.startswith(_BASELINE)]
    for given in names:
        name = given.removeprefix(_BASELINE)
        if name not in known:
            raise UsageError(
                f"there is no baseline named {given[:80]!a}; baselines are {', '.join(known)}"
            )
        file = shipped[_BASELINE + name]
        for each in (file, file.with_suffix(".test.yml")):
            text = _TO_COPY.sub("", each.read_text(encoding="utf-8"))
            yield f"policies/{each.name.removeprefix(_BASELINE)}", _ID.sub(r"\1: ", text)
