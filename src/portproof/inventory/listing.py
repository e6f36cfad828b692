"""Read what ``ansible-inventory --list`` prints: hosts in Ansible's order, groups and variables.

Hosts are taken from the groups, since those without variables are absent from ``_meta.hostvars``.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from portproof.errors import Code, ContentError, Problem
from portproof.inventory.json_numbers import with_marked_numbers
from portproof.inventory.variables import Variables
from portproof.model.hosts import ALL, UNGROUPED, Host

_META: Final = "_meta"
_LONGEST_NAME: Final = 255
_NO_NAME: Final = re.compile(r"[\x00-\x1f\x7f\[\],]|^\s*$")
"""Control characters, and marks of a range or list that was not expanded."""


class ListingMeta(msgspec.Struct, frozen=True):
    """The part of the output that is not a group."""

    hostvars: dict[str, msgspec.Raw] = {}


class InventoryGroup(msgspec.Struct, frozen=True):
    """A group's own hosts and the names of its child groups, both in order."""

    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """Every host in Ansible's order, and the names of the hosts of every group."""

    hosts: tuple[Host, ...]
    members: Mapping[str, tuple[str, ...]]


def read_listing(source: str, output: bytes | bytearray) -> Listing:
    """Turn the program's output into hosts.

    Args:
        source: What to name in an error.
        output: Everything it printed to standard output.

    Raises:
        ContentError: it is not an inventory in JSON, or names what cannot be a host.
    """
    try:
        raw = msgspec.json.decode(with_marked_numbers(output), type=dict[str, msgspec.Raw])
        meta = msgspec.json.decode(raw.pop(_META, msgspec.Raw(b"{}")), type=ListingMeta)
        groups = _rooted(
            {n: msgspec.json.decode(text, type=InventoryGroup) for n, text in raw.items()}
        )
        members = {name: _hosts(name, groups) for name in _in_order(groups)}
        _refuse_oddities(source, members[ALL], meta)
        return Listing(tuple(_read_hosts(members, meta)), members)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"ansible-inventory did not print an inventory: {error}"
        raise ContentError([Problem.of_file(source, text, Code.ANSIBLE)]) from None


def _rooted(groups: dict[str, InventoryGroup]) -> dict[str, InventoryGroup]:
    """Put groups without a parent under ``all``, so that no host can be missing."""
    top = groups.get(ALL, InventoryGroup())
    reached = set(_walk(ALL, groups))
    others = tuple(name for name in groups if name not in reached)
    return groups | {ALL: InventoryGroup(top.hosts, (*top.children, *others))}


def _in_order(groups: Mapping[str, InventoryGroup]) -> list[str]:
    """Return every group, parents first; one without hosts may only be named as a child."""
    return list(dict.fromkeys([ALL, UNGROUPED, *_walk(ALL, groups)]))


def _walk(name: str, groups: Mapping[str, InventoryGroup]) -> Iterator[str]:
    """Yield a group, its children, then theirs, each once: the order of Ansible's ``get_hosts``."""
    seen = {name: None}
    level = [name]
    while level:
        yield from level
        below = (child for each in level if each in groups for child in groups[each].children)
        level = [child for child in dict.fromkeys(below) if child not in seen]
        seen |= dict.fromkeys(level)


def _hosts(name: str, groups: Mapping[str, InventoryGroup]) -> tuple[str, ...]:
    families = (groups[each].hosts for each in _walk(name, groups) if each in groups)
    return tuple(dict.fromkeys(host for family in families for host in family))


def _refuse_oddities(source: str, names: tuple[str, ...], meta: ListingMeta) -> None:
    odd = [name for name in names if len(name) > _LONGEST_NAME or _NO_NAME.search(name)]
    told = [f"{ascii(name)[:80]} is not a host name{_advice(name)}" for name in odd]
    told += [f"host {name!a} is in no group" for name in set(meta.hostvars) - set(names)]
    if told:
        raise ContentError(Problem.of_file(source, text, Code.HOST_NAME) for text in told)


def _advice(name: str) -> str:
    if "[" not in name:
        return ""
    return "; to expand ranges in a list, enable Ansible's inventory plugin advanced_host_list"


def _read_hosts(members: Mapping[str, tuple[str, ...]], meta: ListingMeta) -> Iterator[Host]:
    variables = Variables()
    none: Mapping[str, Any] = {}
    groups = _groups_of(members)
    shared: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in members[ALL]:
        own = tuple(groups.get(name, ()))
        told = meta.hostvars.get(name)
        yield Host(
            name, shared.setdefault(own, own), none if told is None else variables.read(told)
        )


def _groups_of(members: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the groups of each host, by name, without the two every inventory has."""
    groups: dict[str, list[str]] = {}
    for group in sorted(set(members) - {ALL, UNGROUPED}):
        for host in members[group]:
            groups.setdefault(host, []).append(group)
    return groups
