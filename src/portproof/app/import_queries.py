"""Import policies and queries of Fleet or osquery."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.errors import Problem
from portproof.importers.drafting import draft
from portproof.importers.fleet import read_fleet
from portproof.importers.items import ImportedItems
from portproof.importers.pack import read_pack
from portproof.importers.rendering import files
from portproof.importers.writing import write
from portproof.text.visible import visible


class ImportFrom(StrEnum):
    """The kind of file to import."""

    FLEET = "fleet"
    PACK = "pack"


_READERS: Final[dict[ImportFrom, Callable[[Path], ImportedItems]]] = {
    ImportFrom.FLEET: read_fleet,
    ImportFrom.PACK: read_pack,
}


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What was imported from a file.

    Attributes:
        files: The files that were written; none if nothing could be imported.
        rules: How many rules were made.
        checks: How many checks were made.
        doubtful: How many of the rules pass by what is not there, and need a witness.
        left_out: The parts of the file that were not imported, each with the reason.
    """

    files: tuple[Path, ...]
    rules: int
    checks: int
    doubtful: int
    left_out: tuple[Problem, ...]


def import_queries(kind: ImportFrom, file: Path, output: Path) -> ImportOutcome:
    """Import a file, and write policies and checks. Nothing is overwritten.

    Args:
        kind: What the file is of.
        file: Documents of Fleet, or a pack or configuration of osquery.
        output: The folder whose folders ``policies`` and ``checks`` are written to.

    Raises:
        ContentError: the file cannot be read; holds every problem.
        OutputError: a file exists already, or cannot be written; then nothing is written.
    """
    found = _READERS[kind](file)
    taken = load([], [shipped("checks")]).check_by_id()
    made = draft(found, taken.keys())
    left_out = tuple(made.told)
    if not made.checks:
        return ImportOutcome((), 0, 0, 0, left_out)
    written = files(made, visible(file.name), file.stem)
    write(output, written)
    paths = tuple(output / path for path in written)
    return ImportOutcome(paths, len(made.rules), len(made.checks), made.doubtful, left_out)
