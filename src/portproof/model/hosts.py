"""Hosts and the groups they are in."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from portproof.model.connection import Connection
from portproof.model.observation import Unobserved

ALL: Final = "all"
UNGROUPED: Final = "ungrouped"


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the inventory names it, with its groups and the variables that apply to it.

    Passwords among the variables are of a type that shows nothing (``model.connection.Secret``).
    """

    name: str
    groups: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A host and how it is reached, or the reason it cannot be."""

    host: Host
    connection: Connection | Unobserved


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every host the audit must account for, in order, and their groups.

    A limit leaves hosts out of the audit, not out of the inventory: host patterns still mean what
    they mean without it, ``web[0]`` the first of all web hosts. So ``everyone`` and ``members``
    tell of the hosts that were left out too.

    Attributes:
        hosts: The hosts to audit.
        source: Where the inventory comes from, for the report.
        digest: Identifies its contents, whatever the limit: SHA-256 in hexadecimal.
        everyone: The name of every host, in the inventory's order; empty if that is ``hosts``.
        members: Host names by group as the inventory orders them; empty if the hosts' own groups
            tell it all.
        warnings: What the inventory's reader must know, one sentence each.
        targets: How each of ``hosts`` is reached, in their order; empty where nobody is to be
            looked at, as in an audit that is read back.
        by_ansible: Whether Ansible read it, so that its settings count.
        by_ansible: Whether Ansible read it, so that its settings count.
    """

    hosts: tuple[Host, ...]
    source: str
    digest: str = ""
    everyone: tuple[str, ...] = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    by_ansible: bool = False

    def names(self) -> tuple[str, ...]:
        """Return the name of every host, whether the audit is limited to it or not."""
        return self.everyone or tuple(host.name for host in self.hosts)

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Host names by group, whatever the limit; ``all`` and ``ungrouped`` are groups too."""
        if self.members:
            return dict(self.members)
        members: dict[str, list[str]] = {ALL: [], UNGROUPED: []}
        for host in self.hosts:
            for group in _groups(host.groups):
                members.setdefault(group, []).append(host.name)
        return {group: tuple(names) for group, names in members.items()}


def _groups(groups: Iterable[str]) -> list[str]:
    own = [group for group in groups if group not in (ALL, UNGROUPED)]
    return [ALL, *(own or [UNGROUPED])]


def is_address(text: str) -> bool:
    """Return whether a host's name is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
