"""How a runner of GitHub Actions reads a step's output, from its documented rules.

A line is a command when it starts with ``::`` (blanks before it do not count) and names a known
command. Up to the next ``::`` come the name, a blank and properties with commas between them; the
rest is the message. ``%0D``, ``%0A`` and ``%25`` are taken back in the message, ``%3A`` and ``%2C``
in properties too. A line that is none is searched for ``##[name]``, the older form.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

KNOWN: Final = {
    "error",
    "warning",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "set-env",
    "set-output",
    "add-mask",
    "add-path",
    "add-matcher",
    "remove-matcher",
    "save-state",
    "stop-commands",
}
_LINES: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what it was given."""

    name: str
    properties: dict[str, str]
    data: str


def commands(text: str) -> Iterator[Command]:
    """Every command of a step's output; a line that is none must not be there."""
    for line in _LINES.split(text):
        if line:
            yield _command(line)


def _command(line: str) -> Command:
    text = line.lstrip()
    assert text.startswith("::"), f"not a command: {line[:200]!r}"
    head, found, data = text[2:].partition("::")
    assert found, f"a command without an end: {line[:200]!r}"
    name, _, rest = head.partition(" ")
    assert name in KNOWN, f"not a known command: {name!r}"
    pairs = [pair.split("=", 1) for pair in rest.split(",") if pair]
    return Command(name, {key: _property(value) for key, value in pairs}, _data(data))


def _data(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def _property(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
        text = text.replace(code, character)
    return text.replace("%25", "%")
