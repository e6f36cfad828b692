"""Open the files of an import: regular files only, each once, with several YAML documents."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from portproof.content.document import (
    MOST_VALUES,
    Position,
    YamlDocument,
    parse_document,
    read_bytes,
)
from portproof.errors import Code, Problem

MOST_DOCUMENTS: Final = 5_000
"""The largest known file of Fleet policies has about 500."""

_MARKER: Final = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
"""Where a document starts; no scalar can hold such a line (YAML 1.2, production 206)."""
_NOTHING: Final = re.compile(rb"(?:---)?(?:[ \t\r\n]++|#[^\n]*+|^%[^\n]*+)*+", re.MULTILINE)
_OF_A_DOCUMENT: Final = frozenset({"apiVersion", "kind", "spec"})


def why_unreadable(file: Path) -> str | None:
    """Return why a file is not read, or None: a device or a named pipe might never end."""
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError) as error:
        return f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
    return None if stat.S_ISREG(mode) else "is not a regular file"


def read_regular(file: Path) -> bytes | Problem:
    """Return a regular file's contents, unless it cannot be read or is too large."""
    wrong = why_unreadable(file)
    return Problem.of_file(file, wrong, Code.UNREADABLE) if wrong else read_bytes(file)


class Library:
    """The YAML files of one import, with a limit on all of them together."""

    def __init__(self) -> None:
        self._values = 0
        self._documents = 0
        self._read: set[str] = set()

    def holds(self, file: Path) -> bool:
        """Return whether the file was read already, by this or another name."""
        return os.path.realpath(file) in self._read

    def documents(self, file: Path) -> Iterator[YamlDocument]:
        """Return every document of a file; a problem of the whole file is in an empty one."""
        self._read.add(os.path.realpath(file))
        data = read_regular(file)
        if isinstance(data, Problem):
            yield YamlDocument(str(file), problems=[data])
            return
        for line, part in _parts(data):
            self._documents += 1
            if self._documents > MOST_DOCUMENTS or self._values > MOST_VALUES:
                problem = Problem(
                    str(file), line + 1, 0, "", "too much for one import; split it", Code.TOO_LARGE
                )
                yield YamlDocument(str(file), problems=[problem])
                return
            document = parse_document(str(file), part)
            self._values += len(document.positions)
            yield _moved(document, line)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each document that holds something, with the number of lines before it."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    start = line = 0
    for end in [*(each.start() for each in _MARKER.finditer(data)), len(data)]:
        if not _NOTHING.fullmatch(data, start, end):
            yield line, data[start:end]
        line += data.count(b"\n", start, end)
        start = end


def _moved(document: YamlDocument, lines: int) -> YamlDocument:
    def moved(place: Position) -> Position:
        return place[0] + lines, place[1]

    return YamlDocument(
        document.file,
        document.value,
        {path: moved(place) for path, place in document.positions.items()},
        {path: moved(place) for path, place in document.keys.items()},
        [_told(each, lines) for each in document.problems],
    )


def _told(problem: Problem, lines: int) -> Problem:
    again = problem.path in _OF_A_DOCUMENT and problem.code is Code.DUPLICATE_KEY
    hint = "; is a line --- missing above it?" if again else ""
    line = problem.line + lines if problem.line else 0
    return problem._replace(line=line, message=f"{problem.message}{hint}")
