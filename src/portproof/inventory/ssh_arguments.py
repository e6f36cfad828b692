"""Parse command lines for OpenSSH's client, as ``ansible_ssh_common_args`` holds them.

What the options mean is for ``ssh`` to say. Here they are only taken apart as its ``getopt`` does
it, so that a word that is no option cannot take the place of the host, and so that what would only
make ``ssh -G`` silent or write a file is left out.
"""

import re
import shlex
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

CONFIG_FILE: Final = "-f"
"""The name ``-F`` goes by among options: it has none in ssh_config(5)."""

_FLAGS: Final = frozenset("46AaCfgKkMNnqsTtvXxYy")
"""Options without a value (OpenSSH's ssh.c)."""

_VALUES: Final = frozenset("BbcDEeFIiJLlmoPpRSw")
"""Options with a value."""

_IDLE: Final = frozenset("AaCDEefgKkLMNnqRSsTtvwXxYy")
"""What changes neither whom a connection reaches, nor as whom, nor how it is trusted."""

_OPTIONS: Final = {
    "-4": ("addressfamily", "inet"),
    "-6": ("addressfamily", "inet6"),
}
_NAMES: Final = {
    "-F": CONFIG_FILE,
    "-J": "proxyjump",
    "-b": "bindaddress",
    "-i": "identityfile",
    "-l": "user",
    "-p": "port",
}
_KEYWORD: Final = re.compile(r"\s*(?P<name>\w+)(?:\s*=\s*|\s+)(?P<value>.*\S)\s*", re.DOTALL)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class UnreadableError(ValueError):
    """The arguments have something that cannot be handed on; the text names it."""


def read_arguments(text: str) -> tuple[str, ...]:
    """Return the words of a command line that can influence where ``ssh`` gets to, or its trust.

    Raises:
        UnreadableError: something is no option, or one that portproof cannot honour.
    """
    return _read_arguments(text)


@lru_cache(maxsize=256)
def _read_arguments(text: str) -> tuple[str, ...]:
    """Read a command line; most hosts of an inventory share theirs."""
    if _UNPRINTABLE.search(text):
        raise UnreadableError("has a line break or a control character")
    try:
        words = deque(shlex.split(text))
    except ValueError as error:
        raise UnreadableError(f"is not a command line: {error}") from None
    kept: list[str] = []
    while words:
        kept += _read(words.popleft(), words)
    return tuple(kept)


def _read(word: str, words: deque[str]) -> Iterator[str]:
    """Read one word: flags without a value may stand together, one with a value ends them."""
    if not re.fullmatch(r"-[A-Za-z0-9].*", word, re.DOTALL):
        raise _not_honoured(word)
    for place, letter in enumerate(word[1:], start=2):
        if letter in _FLAGS:
            yield from () if letter in _IDLE else (f"-{letter}",)
            continue
        if letter not in _VALUES:
            raise _not_honoured(f"-{letter}")
        value = word[place:] or (words.popleft() if words else "")
        if not value:
            raise UnreadableError(f"has -{letter} without a value")
        yield from () if letter in _IDLE else (f"-{letter}", value)
        return


def _not_honoured(what: str) -> UnreadableError:
    return UnreadableError(f"has {what}, which portproof does not support")


def options(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the options that arguments give, by their lower-case names in ssh_config(5).

    An option of the command line that has no such name goes by its letter.

    Args:
        arguments: Words that ``read_arguments`` returned, or of the same form.
    """
    words = iter(arguments)
    for word in words:
        if word in _OPTIONS:
            yield _OPTIONS[word]
        elif word == "-o":
            yield _keyword(next(words, ""))
        else:
            yield _NAMES.get(word, word), next(words, "")


def first(arguments: Iterable[str]) -> dict[str, str]:
    """Return the first value of each option, which is the one that counts for ``ssh``."""
    return dict(reversed([*options(arguments)]))


def _keyword(value: str) -> tuple[str, str]:
    found = _KEYWORD.fullmatch(value)
    return (found["name"].lower(), unquoted(found["value"])) if found else (value.lower(), "")


def unquoted(value: str) -> str:
    """Remove the double quotes around a whole value, as ssh_config(5) allows them."""
    inner = value[1:-1]
    return inner if value == f'"{inner}"' and '"' not in inner else value
