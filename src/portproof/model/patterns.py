"""Host patterns with Ansible's meaning: ``web:&prod:!canary``, globs, ``~regex``, ``web[0:2]``.

The meaning follows Ansible's documentation, "Patterns: targeting hosts and groups": plain parts are
joined first, then ``&`` parts intersect, then ``!`` parts exclude, whatever their order. A plain
part that is a host's name is that host; any other part names groups before hosts, and a part with
wildcards names both. tests/cases/data/patterns.json holds what ansible-core answers.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from portproof.model.hosts import ALL, is_address

_PARTS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(
    r"(?P<name>.+)\[(?:(?P<one>-?[0-9]+)|(?P<first>[0-9]+)[:-](?P<last>[0-9]*))\]"
)
_WITH_PORT = re.compile(r"(?:[\w.-]|\[[^\]]*\])+:[0-9]+")
_WILD: Final = ".?*["
_NEVER_IN_NAMES: Final = re.compile(r"[\s(){}<>|;$^'\"`\\]")
"""Characters that stand in no name of a host or group; in a regular expression they may."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The hosts a pattern selects, in order, and the parts of it that name nothing."""

    names: tuple[str, ...]
    unmatched: tuple[str, ...]


class HostPattern:
    """A host pattern, split and checked when it is made."""

    def __init__(self, written: str) -> None:
        self.written = written
        self.parts = _split(written)
        if not self.parts:
            raise ValueError("an empty host pattern selects nothing; write all for every host")
        for part in self.parts:
            _check(part)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostPattern) and self.written == other.written

    def __hash__(self) -> int:
        return hash(self.written)

    def __str__(self) -> str:
        return self.written

    def __repr__(self) -> str:
        return f"HostPattern({self.written!r})"

    @cached_property
    def excludes_itself(self) -> bool:
        """Return whether a ``!`` part removes everything that the pattern could select."""
        excluded = {part[1:] for part in self.parts if part.startswith("!")}
        plain = {part for part in self.parts if part[0] not in "&!"} or {ALL}
        return ALL in excluded or "*" in excluded or plain <= excluded

    def select(self, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> Selection:
        """Select among host names, given the members of every group (``all`` among them)."""
        known = set(names)
        chosen: dict[str, None] = {}
        unmatched = []
        for part in _in_order(self.parts):
            matched = [part] if part in known else _match(bare_part(part), names, groups)
            chosen = _combine(chosen, part, matched)
            if not matched and bare_part(part) not in groups:
                unmatched.append(part)
        return Selection(tuple(chosen), tuple(unmatched))


def _split(written: str) -> tuple[str, ...]:
    if "," in written:
        return tuple(part.strip() for part in written.split(",") if part.strip())
    text = written.strip()
    if is_address(text) or _WITH_PORT.fullmatch(text):
        return (text,)
    if re.search(r"[^\s:]\s+[^\s:]", text):
        raise ValueError(
            f"{text!r} has a space between two names; write web:db for hosts in either"
            " and web:&prod for hosts in both"
        )
    if re.search(r"[\[\]]", _PARTS.sub("", text)):
        # Ansible drops such a bracket, so that "[" would select every host.
        raise ValueError(f"{text!r} has a bracket without the other one of its pair")
    return tuple(_PARTS.findall(text))


def bare_part(part: str) -> str:
    """Return a part of a pattern without the sign that intersects or excludes."""
    return part[1:] if part[0] in "&!" else part


def _check(part: str) -> None:
    bare = bare_part(part)
    if not bare:
        raise ValueError(f"the part {part!r} names no group or host")
    if bare.startswith("~"):
        _compile(bare)
    elif found := _NEVER_IN_NAMES.search(bare):
        text = f"the part {part!r} has {found[0]!r}, which no name has"
        raise ValueError(f"{text}; a regular expression begins with ~")


def _compile(part: str) -> re.Pattern[str]:
    if not part.startswith("~"):
        return re.compile(fnmatch.translate(part))
    try:
        return re.compile(part[1:])
    except re.error as error:
        raise ValueError(f"{part!r} is not a regular expression: {error}") from None


def _in_order(parts: Iterable[str]) -> list[str]:
    ordered = sorted(parts, key=lambda part: {"&": 1, "!": 2}.get(part[0], 0))
    return ordered if ordered[0][0] not in "&!" else [ALL, *ordered]


def _combine(chosen: dict[str, None], part: str, matched: list[str]) -> dict[str, None]:
    found = set(matched)
    if part.startswith("&"):
        return {name: None for name in chosen if name in found}
    if part.startswith("!"):
        return {name: None for name in chosen if name not in found}
    return chosen | dict.fromkeys(matched)


def _match(part: str, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    name, cut = _subscript(part)
    return _enumerate(name, names, groups)[cut]


def _subscript(part: str) -> tuple[str, slice]:
    match = None if part.startswith("~") else _SUBSCRIPT.fullmatch(part)
    if match is None:
        return part, slice(None)
    if match["one"]:
        index = int(match["one"])
        return match["name"], slice(index, index + 1 or None)
    first, last = int(match["first"]), int(match["last"] or -1)
    # To Ansible an end of 0 is no end at all: web[2:0] is web[2].
    return match["name"], slice(first, (last or first) + 1 or None)


def _enumerate(name: str, names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    matches = _compile(name).match
    in_groups = [group for group in groups if matches(group)]
    found = [host for group in in_groups for host in groups[group]]
    if not in_groups or name.startswith("~") or any(mark in name for mark in _WILD):
        found += [host for host in names if matches(host)]
    return found
