"""Follow the includes of a Fleet file: YAML files only, each once, never in a circle."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from portproof.content.document import YamlDocument
from portproof.errors import Code, Problem
from portproof.importers.documents import Library, why_unreadable
from portproof.importers.fields import Fields

_ENDINGS: Final = frozenset({".yml", ".yaml"})
"""What Fleet lets a list include (fleetdm/fleet, pkg/spec/gitops.go, allowed extensions)."""
_DEEPEST: Final = 10
"""Files within files; Fleet itself follows one level."""


class Includes:
    """Yields the valid documents of files, and collects the problems of the files."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._library = Library()
        self._open: list[str] = []

    def documents(self, file: Path) -> Iterator[YamlDocument]:
        """Yield the documents of a file. While one is in use, its file counts as open."""
        self._open.append(os.path.realpath(file))
        for document in self._library.documents(file):
            self.problems.extend(document.problems)
            if document.value is not None and not document.problems:
                yield document
        self._open.pop()

    def named_by(self, fields: Fields) -> Iterator[YamlDocument]:
        """Return the documents that ``path`` or ``paths`` name, relative to the including file."""
        folder = Path(fields.document.file).parent
        path, pattern = fields.text("path"), fields.text("paths")
        if path is not None:
            yield from self._included(fields, "path", Path(os.path.normpath(folder / path)))
        for file in self._matching(fields, folder, pattern) if pattern else ():
            yield from self._included(fields, "paths", file)

    def _matching(self, fields: Fields, folder: Path, pattern: str) -> list[Path]:
        if "\0" in pattern:
            fields.tell(("paths",), "has a character that is not allowed in a path")
            return []
        if "**" in pattern:
            fields.tell(("paths",), "has the wildcard **, which is not followed; name the files")
            return []
        files = sorted(glob.glob(os.path.join(glob.escape(str(folder)), pattern)))  # noqa: PTH118, PTH207 - pathlib refuses patterns that begin with .. or /
        found = [Path(os.path.normpath(file)) for file in files]
        yaml_files = [file for file in found if file.suffix.lower() in _ENDINGS]
        if not yaml_files:
            fields.tell(("paths",), "matches no YAML file")
        elif len(yaml_files) < len(found):
            others = len(found) - len(yaml_files)
            fields.tell(("paths",), f"matches {others} more that are not YAML by their names")
        return yaml_files

    def _included(self, fields: Fields, key: str, file: Path) -> Iterator[YamlDocument]:
        wrong = self._why_not(file)
        if wrong is not None:
            place = (*fields.path, key)
            self.problems.append(fields.document.problem(place, wrong, Code.INCLUDE))
        elif self._library.holds(file):
            fields.tell((key,), f"includes {file.name} again; it was read once")
        else:
            yield from self.documents(file)

    def _why_not(self, file: Path) -> str | None:
        if "\0" in str(file):
            return "has a character that is not allowed in a path"
        if file.suffix.lower() not in _ENDINGS:
            return f"includes {file.name}, which is not a YAML file by its name"
        if os.path.realpath(file) in self._open:
            return f"includes {file.name}, which is being read; it includes itself"
        if len(self._open) > _DEEPEST:
            return f"includes {file.name} more than {_DEEPEST} files deep"
        wrong = why_unreadable(file)
        return f"includes {file.name}, which {wrong}" if wrong else None
