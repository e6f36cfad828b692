"""What a renderer is, and which are installed."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, Protocol, cast

from portproof.model.result import AuditResult

GROUP: Final = "portproof.renderers"


class Renderer(Protocol):
    """A module that writes results in one format.

    ``FILE`` is the name of its file in the audit folder.
    """

    FILE: str

    def render(self, result: AuditResult, templates: Path) -> Iterator[str]:
        """Write the result piece by piece; ``templates`` is the folder of report templates."""
        ...


def renderers() -> list[Renderer]:
    """The installed renderers, by name."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return [cast("Renderer", entry.load()) for entry in entries]
