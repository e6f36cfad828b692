"""Parse command lines for OpenSSH's client, as ``ansible_ssh_common_args`` holds them.

Every option comes out as a pair of its lower-case name in ssh_config(5) and its value. What the
options mean, and which of two counts, follows ssh(1) and ssh_config(5).
"""

import re
import shlex
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

OptionPair = tuple[str, str]

CONFIG_FILE: Final = "-f"
"""The key for ``-F``, which has no name in ssh_config(5)."""

HONOURED: Final = frozenset(
    {
        "proxyjump",
        "proxycommand",
        "userknownhostsfile",
        "stricthostkeychecking",
        "connecttimeout",
        "port",
        "user",
        "identityfile",
        "identitiesonly",
        CONFIG_FILE,
    }
)
_IDLE: Final = frozenset(
    {
        "batchmode",
        "compression",
        "controlmaster",
        "controlpath",
        "controlpersist",
        "forwardagent",
        "loglevel",
        "requesttty",
        "serveralivecountmax",
        "serveraliveinterval",
        "tcpkeepalive",
    }
)
"""Options that change neither which host is reached, nor as whom, nor the security."""

_FLAGS: Final = frozenset("aACqtTvx")
"""Flags without a value that have no effect either."""

_VALUES: Final = {
    "F": CONFIG_FILE,
    "J": "proxyjump",
    "S": "controlpath",
    "i": "identityfile",
    "l": "user",
    "p": "port",
}
_KEYWORD: Final = re.compile(r"\s*(?P<name>\w+)(?:\s*=\s*|\s+)(?P<value>.*\S)\s*", re.DOTALL)


class UnreadableError(ValueError):
    """The arguments hold something that portproof cannot honour; the message names it."""


def read_arguments(text: str) -> Iterator[OptionPair]:
    """Parse a command line into the options portproof honours, in order.

    Raises:
        UnreadableError: one cannot be honoured, or is no option.
    """
    words = deque(_words(text))
    while words:
        for name, value in _read(words.popleft(), words):
            if name in HONOURED:
                yield name, value
            elif name not in _IDLE:
                raise _not_honoured(f"-o {name}={value}")


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    """Split a command line, cached: most hosts of an inventory share theirs."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UnreadableError(f"is not a command line: {error}") from None


def _read(word: str, words: deque[str]) -> Iterator[OptionPair]:
    """Parse one word: flags may be combined, and an option with a value ends them."""
    if not re.fullmatch(r"-[A-Za-z0-9].*", word, re.DOTALL):
        raise _not_honoured(word)
    for place, letter in enumerate(word[1:], start=2):
        if letter in _FLAGS:
            continue
        if letter != "o" and letter not in _VALUES:
            raise _not_honoured(f"-{letter}")
        value = word[place:] or (words.popleft() if words else "")
        yield _keyword(value) if letter == "o" else (_VALUES[letter], _filled(letter, value))
        return


def _filled(letter: str, value: str) -> str:
    if not value:
        raise UnreadableError(f"has -{letter} without a value")
    return value


def _keyword(value: str) -> OptionPair:
    found = _KEYWORD.fullmatch(value)
    if not found:
        raise UnreadableError(f"has -o {value}, which is not an option with a value")
    return found["name"].lower(), unquoted(found["value"])


def unquoted(value: str) -> str:
    """Remove the double quotes around a whole value, as ssh_config(5) allows them."""
    inner = value[1:-1]
    return inner if value == f'"{inner}"' and '"' not in inner else value


def _not_honoured(what: str) -> UnreadableError:
    return UnreadableError(f"has {what}, which portproof cannot honour")
