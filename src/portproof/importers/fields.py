"""Take from a mapping what portproof can represent, and report the rest."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from portproof.content.document import KeyPath, YamlDocument
from portproof.errors import Code, Problem
from portproof.model.observation import Platform
from portproof.policy.checks import VERSION

EVERYWHERE: Final = tuple(Platform)

_PLATFORMS: Final = {
    "any": EVERYWHERE,
    "all": EVERYWHERE,
    "linux": (Platform.LINUX,),
    "ubuntu": (Platform.LINUX,),
    "centos": (Platform.LINUX,),
    "darwin": (Platform.MACOS,),
    "windows": (Platform.WINDOWS,),
    "posix": (Platform.LINUX, Platform.MACOS),
}
"""The meaning of osquery's platform names (osquery/core/system.cpp, ``checkPlatform``)."""

_HALF: Final = re.compile("[\ud800-\udfff]")
_LONGEST: Final = 1 << 18
"""Characters of one text; nobody wrote a longer question."""


class Fields:
    """The keys of one mapping; those that are wrong or cannot be imported are reported.

    Args:
        document: Where the mapping is written.
        path: Its place there.
        told: Takes what is not imported.
    """

    def __init__(self, document: YamlDocument, path: KeyPath, told: list[Problem]) -> None:
        self.document = document
        self.path = path
        self._told = told
        self._left: dict[str, Any] = dict(value_at(document, path))

    def tell(self, below: KeyPath, message: str, *, at_key: bool = False) -> None:
        """Report that something at or below this place is not imported."""
        path = (*self.path, *below)
        self._told.append(self.document.problem(path, message, Code.NOT_IMPORTED, at_key=at_key))

    def has(self, key: str) -> bool:
        """Return whether there is such a key that holds something."""
        return self._left.get(key) is not None

    def names(self) -> list[str]:
        """Return the keys that are left, in order."""
        return list(self._left)

    def take(self, key: str) -> Any:  # noqa: ANN401 - plain YAML or JSON values
        """Return a key's value, or None, and mark the key as handled."""
        return self._left.pop(key, None)

    def text(self, key: str) -> str | None:
        """Return a key's text, or None if there is none; report another type."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.tell((key,), f"must be text, not {kind_of(value)}")
            return None
        if len(value) > _LONGEST or _HALF.search(value):
            why = "is too long" if len(value) > _LONGEST else "holds half of a surrogate pair"
            self.tell((key,), f"{why}; it is not imported")
            return None
        return value.strip() or None

    def platforms(self, key: str) -> tuple[Platform, ...]:
        """Return the platforms in a list such as ``darwin,linux``; all of them without a list.

        Names without a platform here are told. None may be left.
        """
        if self._left.get(key) in (None, "", "null"):
            return EVERYWHERE
        names = re.findall(r"[^\s,]+", (self.text(key) or "").lower())
        unknown = [name for name in names if name not in _PLATFORMS]
        if unknown:
            self.tell((key,), f"{', '.join(unknown)[:80]} is not a known platform; left out")
        meant = {each for name in names for each in _PLATFORMS.get(name, ())}
        return tuple(each for each in Platform if each in meant)

    def version(self, key: str) -> str | None:
        """Return the oldest version of osquery that can answer, if one is named."""
        text = self.text(key)
        if text is None or text == "null" or re.fullmatch(VERSION, text):
            return None if text == "null" else text
        self.tell((key,), f"{text[:40]!r} is not a version such as 5.0; it is not imported")
        return None

    def tell_rest(self) -> None:
        """Report every key that was not taken and holds something."""
        for key, value in self._left.items():
            if holds_something(value):
                self.tell((key,), "is not imported", at_key=True)


def fields_at(document: YamlDocument, path: KeyPath, told: list[Problem]) -> Fields | None:
    """Return the keys of the mapping at a place; None, with a report, if it is something else."""
    value = value_at(document, path)
    if isinstance(value, Mapping):
        return Fields(document, path, told)
    text = f"must be a mapping of keys to values, not {kind_of(value)}; left out"
    told.append(document.problem(path, text, Code.NOT_IMPORTED))
    return None


def value_at(document: YamlDocument, path: KeyPath) -> Any:  # noqa: ANN401 - plain YAML or JSON values
    """Return the value at an existing place of the document."""
    value = document.value
    for part in path:
        value = value[part]
    return value


def holds_something(value: Any) -> bool:  # noqa: ANN401 - plain YAML or JSON values
    """Return whether leaving a value out changes anything."""
    return value not in (None, "", False, [], {})


def kind_of(value: Any) -> str:  # noqa: ANN401 - plain YAML or JSON values
    """Describe the type of a value without its content: the file may be a wrong one."""
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}
    return "nothing" if value is None else names.get(type(value), "a number")


def items_of(document: YamlDocument, path: KeyPath, told: list[Problem]) -> Iterator[KeyPath]:
    """Yield the places of a list's items; None is an empty list, another type is reported."""
    value = value_at(document, path)
    if value is not None and not isinstance(value, list):
        text = f"must be a list, not {kind_of(value)}; left out"
        told.append(document.problem(path, text, Code.NOT_IMPORTED))
        return
    yield from ((*path, index) for index in range(len(value or ())))
