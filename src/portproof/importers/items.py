"""What an import finds, before it becomes checks and rules."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from portproof.content.document import MOST_BYTES, KeyPath, YamlDocument
from portproof.errors import Code, ContentError, Problem
from portproof.model.observation import Platform
from portproof.text.visible import shortened

_MOST_TEXT: Final = MOST_BYTES
"""Characters of all questions together; aliases can expand a small file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedItem:
    """One question of the source, and what makes it a rule there.

    ``judged`` is true if the source calls it passed when it returns rows.
    """

    document: YamlDocument
    path: KeyPath
    name: str
    title: str
    sql: str
    platforms: tuple[Platform, ...]
    because: str | None = None
    fix: str | None = None
    min_osquery: str | None = None
    judged: bool = False
    critical: bool = False

    @property
    def source(self) -> str:
        """The base name of the file it is written in."""
        return Path(self.document.file).name

    @property
    def size(self) -> int:
        """Characters of its texts."""
        texts = (self.name, self.title, self.sql, self.because, self.fix)
        return sum(len(text) for text in texts if text)

    def problem(self, message: str) -> Problem:
        """Report that it is left out."""
        text = f"{shortened(self.title, 60)!r} {message}; left out"
        return self.document.problem(self.path, text, Code.NOT_IMPORTED)


@dataclass(slots=True)
class ImportedItems:
    """The questions of a source, and what of it cannot be imported, each with its place."""

    items: list[ImportedItem] = field(default_factory=list)
    told: list[Problem] = field(default_factory=list)
    size: int = 0

    def add(self, item: ImportedItem) -> None:
        """Add a question.

        Raises:
            ContentError: there is more text than any source of policies has.
        """
        self.size += item.size
        if self.size > _MOST_TEXT:
            text = f"expands to more than {_MOST_TEXT >> 20} MiB of text; check the aliases"
            raise ContentError([item.document.problem(item.path, text, Code.TOO_LARGE)])
        self.items.append(item)
