"""Parse osquery's configuration files: JSON with comments and continued lines, with positions.

osquery joins lines that end in a backslash and leaves out lines that begin with ``#`` or ``//``
before it reads JSON (osquery/config/config.cpp, ``stripConfigComments``). A comma before a closing
bracket is accepted here, though osquery itself would not.
"""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Final

from portproof.content.document import (
    DEEPEST,
    MOST_VALUES,
    KeyPath,
    Position,
    YamlDocument,
    written,
)
from portproof.errors import Code, Problem

_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_STRING: Final = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"',
)
_PLAIN: Final = re.compile(
    r"(?:true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?)(?![\w.+-])"
)
_HALF: Final = re.compile("[\ud800-\udfff]")


def parse_json(name: str, data: bytes) -> YamlDocument:
    """Read a configuration from bytes; ``name`` is what the problems call it."""
    document = YamlDocument(name)
    try:
        source = _joined(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        document.problems.append(
            Problem.of_file(name, f"is not UTF-8: {error.reason}", Code.ENCODING)
        )
        return document
    reader = _JsonReader(source, document)
    try:
        document.value = reader.whole()
    except _SyntaxError as error:
        document.problems.append(
            Problem(name, *source.place(reader.at), "", str(error), error.code)
        )
    return document


class _SyntaxError(Exception):
    """A syntax error at the current position."""

    def __init__(self, message: str, code: Code = Code.SYNTAX) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class _SourceText:
    """The text as it is parsed, and where its pieces come from."""

    text: str = ""
    starts: list[int] = field(default_factory=list)
    places: list[Position] = field(default_factory=list)

    def place(self, offset: int) -> Position:
        """Return line and column, from 1, of a place in the text."""
        piece = bisect_right(self.starts, offset) - 1
        line, column = self.places[piece]
        return line, column + offset - self.starts[piece]


def _joined(text: str) -> _SourceText:
    source = _SourceText()
    pieces: list[str] = []
    length = 0
    continued = comment = False
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        comment = comment if continued else line.lstrip().startswith(("#", "//"))
        continued = line.endswith("\\")
        kept = "" if comment else line.removesuffix("\\")
        piece = kept if continued else f"{kept}\n"
        source.starts.append(length)
        source.places.append((number, 1))
        pieces.append(piece)
        length += len(piece)
    source.text = "".join(pieces).removesuffix("\n")
    return source


class _JsonReader:
    """Reads values one after the other and records the position of each."""

    def __init__(self, source: _SourceText, document: YamlDocument) -> None:
        self.at = 0
        self._source = source
        self._document = document
        self._values = 0

    def whole(self) -> Any:  # noqa: ANN401 - plain JSON values
        """Return the only value of the text."""
        value = self._value(())
        self._skip()
        if self.at < len(self._source.text):
            raise _SyntaxError("is not JSON: text follows the end of the value")
        return value

    def _value(self, path: KeyPath) -> Any:  # noqa: ANN401 - plain JSON values
        self._skip()
        self._values += 1
        if self._values > MOST_VALUES:
            raise _SyntaxError("holds too many values; split it", Code.TOO_LARGE)
        if len(path) > DEEPEST:
            raise _SyntaxError("is nested too deeply", Code.TOO_DEEP)
        self._document.positions[path] = self._source.place(self.at)
        if self._takes("{"):
            return self._object(path)
        if self._takes("["):
            return self._array(path)
        return self._scalar()

    def _object(self, path: KeyPath) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not self._ends("}", first=not value):
            self._skip()
            place = self._source.place(self.at)
            key = self._string()
            here = (*path, key)
            if key in value:
                self._twice(here, place)
            self._skip()
            if not self._takes(":"):
                raise _SyntaxError("is not JSON: expected ':' after a key")
            self._document.keys[here] = place
            value[key] = self._value(here)
        return value

    def _twice(self, path: KeyPath, place: Position) -> None:
        told = (self._document.file, *place, written(path))
        self._document.problems.append(Problem(*told, "duplicate key", Code.DUPLICATE_KEY))

    def _array(self, path: KeyPath) -> list[Any]:
        value: list[Any] = []
        while not self._ends("]", first=not value):
            value.append(self._value((*path, len(value))))
        return value

    def _ends(self, bracket: str, *, first: bool) -> bool:
        """Consume the closing bracket, or the comma before another item."""
        self._skip()
        if self._takes(bracket):
            return True
        if first:
            return False
        if not self._takes(","):
            raise _SyntaxError(f"is not JSON: expected ',' or '{bracket}'")
        self._skip()
        return self._takes(bracket)

    def _scalar(self) -> Any:  # noqa: ANN401 - plain JSON values
        if self._source.text.startswith('"', self.at):
            return self._string()
        found = _PLAIN.match(self._source.text, self.at)
        if found is None:
            raise _SyntaxError("is not JSON: expected a value")
        try:
            value = json.loads(found[0])
        except ValueError:
            raise _SyntaxError("is not JSON: a number is too long") from None
        self.at = found.end()
        return value

    def _string(self) -> str:
        found = _STRING.match(self._source.text, self.at)
        if found is None:
            raise _SyntaxError("is not JSON: expected text in double quotes, ended on its line")
        text = str(json.loads(found[0]))
        if _HALF.search(text):
            raise _SyntaxError("is not JSON: half of a surrogate pair is no character")
        self.at = found.end()
        return text

    def _takes(self, sign: str) -> bool:
        taken = self._source.text.startswith(sign, self.at)
        self.at += taken
        return taken

    def _skip(self) -> None:
        found = _SPACE.match(self._source.text, self.at)
        self.at = found.end() if found else self.at
