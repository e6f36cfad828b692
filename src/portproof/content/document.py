"""Parse YAML by the rules of YAML 1.2, so that every value knows its line and column.

PyYAML follows YAML 1.1, where ``22:22`` is the number 1342 and ``no`` is false, and it lets the
last of two equal keys win. Here scalars follow the core schema of YAML 1.2 (section 10.3.2),
duplicate keys are refused, and aliases cannot expand without bound.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from portproof.errors import Code, Problem

_BASE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a file; a larger one is a mistake or an attack."""
MOST_VALUES: Final = 200_000
DEEPEST: Final = 60

Position = tuple[int, int]
KeyPath = tuple[str | int, ...]


class _Loader(_BASE):  # type: ignore[misc] # PyYAML's C loader is known only while running
    """Resolves plain scalars by the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own class attribute


_TAG: Final = "tag:yaml.org,2002:"
for _tag, _pattern, _first in (
    ("null", r"|~|null|Null|NULL", ["", "~", "n", "N"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(_TAG + _tag, re.compile(f"^(?:{_pattern})$"), _first)


@dataclass(slots=True)
class YamlDocument:
    """A file's value, the position of each part, and its errors as YAML.

    ``keys`` holds the position of each key, ``positions`` that of each value, by the path to it.
    """

    file: str
    value: Any = None
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> Position:
        """Return the position of a path, or of the nearest part of it that the file has."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.positions:
                return self.positions[path[:length]]
        return (0, 0)

    def problem(self, path: KeyPath, message: str, code: Code, *, at_key: bool = False) -> Problem:
        """Make a problem at a path of this document."""
        place = self.keys.get(path) if at_key else None
        return Problem(self.file, *(place or self.place(path)), written(path), message, code)


def written(path: KeyPath) -> str:
    """Return a path in dotted form: ``rules[2].closed``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_bytes(file: Path) -> bytes | Problem:
    """Return a file's contents, unless it cannot be read or is larger than any policy should be."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        return Problem.of_file(file, f"cannot be read: {error.strerror or error}", Code.UNREADABLE)
    if len(data) > MOST_BYTES:
        return Problem.of_file(
            file, f"is larger than {MOST_BYTES >> 20} MiB; split it", Code.TOO_LARGE
        )
    return data


def parse_document(name: str, data: bytes) -> YamlDocument:
    """Read YAML from bytes; ``name`` is what the problems call it."""
    document = YamlDocument(name)
    try:
        node = _compose(data)
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax_problem(name, error))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        document.problems.append(
            Problem.of_file(name, f"is not YAML in UTF-8: {error}", Code.ENCODING)
        )
    except RecursionError:
        document.problems.append(Problem.of_file(name, "is nested too deeply", Code.TOO_DEEP))
    else:
        _fill(document, node)
    return document


def _compose(data: bytes) -> yaml.Node | None:
    _check_depth(data)
    loader = _Loader(data.decode("utf-8-sig"))
    try:
        node: yaml.Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


def _check_depth(data: bytes) -> None:
    """Refuse deep nesting from the events, before a recursive composer meets it."""
    depth = 0
    loader = _Loader(data.decode("utf-8-sig"))
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise RecursionError
    finally:
        loader.dispose()


def _syntax_problem(name: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    text = " ".join(part for part in (error.context, error.problem) if part)
    return Problem(name, *place, "", f"is not YAML: {text}", Code.SYNTAX)


def _fill(document: YamlDocument, node: yaml.Node | None) -> None:
    if node is None:
        document.problems.append(Problem.of_file(document.file, "is empty", Code.EMPTY))
        return
    builder = _Builder(document)
    try:
        document.value = builder.build(node, ())
    except _DocumentTooLargeError as error:
        document.problems.append(Problem.of_file(document.file, str(error), Code.TOO_LARGE))


class _DocumentTooLargeError(Exception):
    """The document expands to an unreasonable size."""


class _Builder:
    """Turns nodes into plain values and records the position of each."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._values = 0
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401 - plain YAML values
        self._values += 1
        if self._values > MOST_VALUES or len(path) > DEEPEST:
            raise _DocumentTooLargeError("expands to too many values; check its aliases")
        self._document.positions[path] = _position(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise _DocumentTooLargeError("has an alias that contains itself")
        self._open.add(id(node))
        value = self._collection(node, path)
        self._open.discard(id(node))
        return value

    def _collection(self, node: yaml.Node, path: KeyPath) -> Any:  # noqa: ANN401 - plain YAML values
        if node.tag.removeprefix(_TAG) not in {"seq", "map"}:
            self._problem(
                node, path, f"has the tag {node.tag}, which is not supported", Code.UNKNOWN_TAG
            )
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: yaml.Node, path: KeyPath) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            if key in value:
                self._problem(key_node, here, "duplicate key", Code.DUPLICATE_KEY)
                continue
            self._document.keys[here] = _position(key_node)
            value[key] = self.build(value_node, here)
        return value

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:  # noqa: ANN401 - plain YAML values
        kind = node.tag.removeprefix(_TAG)
        if kind not in _SCALARS:
            self._problem(
                node, path, f"has the tag {node.tag}, which is not supported", Code.UNKNOWN_TAG
            )
            return node.value
        try:
            return _SCALARS[kind](node.value)
        except ValueError:
            self._problem(
                node, path, f"{node.value[:40]!r} is not a value of type {kind}", Code.WRONG_VALUE
            )
            return None

    def _problem(self, node: yaml.Node, path: KeyPath, message: str, code: Code) -> None:
        problem = Problem(self._document.file, *_position(node), written(path), message, code)
        self._document.problems.append(problem)


def _position(node: yaml.Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _integer(text: str) -> int:
    bases = {"0o": 8, "0x": 16}
    return int(text.replace("0o", "", 1) if text[:2] == "0o" else text, bases.get(text[:2], 10))


_SCALARS: Final[dict[str, Callable[[str], Any]]] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
}
