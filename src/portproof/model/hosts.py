"""Hosts and the groups they are in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALL: Final = "all"
UNGROUPED: Final = "ungrouped"


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the inventory names it, with its groups and the variables that apply to it."""

    name: str
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every host the audit must account for, in order, and the groups they form.

    ``source`` says where it comes from, for the report; ``digest`` identifies its contents.
    """

    hosts: tuple[Host, ...]
    source: str
    digest: str = ""

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Host names by group; ``all`` and ``ungrouped`` are groups, as in Ansible."""
        members: dict[str, list[str]] = {ALL: [], UNGROUPED: []}
        for host in self.hosts:
            for group in _groups(host.groups):
                members.setdefault(group, []).append(host.name)
        return {group: tuple(names) for group, names in members.items()}


def _groups(groups: Iterable[str]) -> list[str]:
    own = [group for group in groups if group not in (ALL, UNGROUPED)]
    return [ALL, *(own or [UNGROUPED])]
