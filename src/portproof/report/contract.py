"""Define what a format is, and load the installed ones."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, Protocol, cast

from portproof.errors import OutputError, PortproofError, UsageError
from portproof.result.result import AuditResult

GROUP: Final = "portproof.formats"
ALWAYS: Final = ("html", "json")
"""The formats every audit is written in."""


@dataclass(frozen=True, slots=True)
class Theme:
    """How a report looks.

    ``folders`` are searched in this order for each template, the stylesheet and the script;
    ``logo`` is an image file. An empty ``title`` or ``footer`` leaves the template's own.
    """

    folders: tuple[Path, ...]
    title: str = ""
    logo: Path | None = None
    footer: str = ""


class Format(Protocol):
    """A module that writes results in one output format.

    ``FILE`` is the name of the file it writes in the audit folder.
    """

    FILE: str

    def render(self, result: AuditResult, theme: Theme) -> Iterator[str]:
        """Yield the result piece by piece. Formats for machines ignore the theme."""
        ...


def format_names() -> list[str]:
    """Return the names of the installed formats."""
    return sorted(_entries())


def load_format(name: str) -> Format:
    """Load a format.

    Raises:
        UsageError: there is no such format. The message lists the known ones.
    """
    entry = _entries().get(name)
    if entry is None:
        known = ", ".join(format_names())
        raise UsageError(f"there is no format {name!a}; the formats are {known}")
    return cast("Format", entry.load())


def load_formats(names: Iterable[str], always: Iterable[str] = ALWAYS) -> dict[str, Format]:
    """Load the requested formats and those that are always written, each once.

    Raises:
        UsageError: there is no such format, or two formats write to the same file.
    """
    chosen = {name: load_format(name) for name in dict.fromkeys((*always, *names))}
    by_file: dict[str, str] = {}
    for name, each in chosen.items():
        other = by_file.setdefault(each.FILE, name)
        if other != name:
            raise UsageError(f"the formats {other} and {name} are both written to {each.FILE}")
    return chosen


def written(
    chosen: Mapping[str, Format], result: AuditResult, theme: Theme
) -> dict[str, Iterator[str]]:
    """Return the content of each format's file, by file name, rendered while it is read."""
    return {each.FILE: write(name, each, result, theme) for name, each in chosen.items()}


def write(name: str, chosen: Format, result: AuditResult, theme: Theme) -> Iterator[str]:
    """Render a result. An error fails the run and names the format.

    Raises:
        OutputError: the format failed.
        PortproofError: the format reports what is wrong.
    """
    try:
        yield from chosen.render(result, theme)
    except PortproofError:
        raise
    except Exception as error:
        raise OutputError(f"the format {name} cannot be written: {error}") from error


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
