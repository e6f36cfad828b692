"""What a renderer is, and which are installed."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, Protocol, cast

from portproof.errors import OutputError, PortproofError, UsageError
from portproof.result.result import AuditResult

GROUP: Final = "portproof.renderers"
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


class Renderer(Protocol):
    """A module that writes results in one format.

    ``FILE`` is the name of its file in the audit folder.
    """

    FILE: str

    def render(self, result: AuditResult, theme: Theme) -> Iterator[str]:
        """Write the result piece by piece; a format for machines takes nothing from the theme."""
        ...


def formats() -> list[str]:
    """The names of the installed formats."""
    return sorted(_entries())


def renderer(name: str) -> Renderer:
    """Load the renderer of a format.

    Raises:
        UsageError: there is no such format; the text lists those there are.
    """
    entry = _entries().get(name)
    if entry is None:
        known = ", ".join(formats())
        raise UsageError(f"there is no format {name!a}; the formats are {known}")
    return cast("Renderer", entry.load())


def renderers(names: Iterable[str], always: Iterable[str] = ALWAYS) -> dict[str, Renderer]:
    """Load the renderers of the formats asked for and of those that are always written, once each.

    Raises:
        UsageError: there is no such format, or two formats are written to the same file.
    """
    chosen = {name: renderer(name) for name in dict.fromkeys((*always, *names))}
    by_file: dict[str, str] = {}
    for name, each in chosen.items():
        other = by_file.setdefault(each.FILE, name)
        if other != name:
            raise UsageError(f"the formats {other} and {name} are both written to {each.FILE}")
    return chosen


def written(
    chosen: Mapping[str, Renderer], result: AuditResult, theme: Theme
) -> dict[str, Iterator[str]]:
    """Each format's file by its name, rendered as it is read (``write``)."""
    return {each.FILE: write(name, each, result, theme) for name, each in chosen.items()}


def write(name: str, chosen: Renderer, result: AuditResult, theme: Theme) -> Iterator[str]:
    """Render a result; whatever goes wrong fails the run and names the format.

    Raises:
        OutputError: the renderer failed.
        PortproofError: the renderer says itself what is wrong.
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
