"""Warn of hosts of an inventory with different names that are reached at the same address.

Two names of one machine are legitimate. A copied ``ansible_host`` is a mistake that lets a host
count as proven that was never looked at. Only the author of the inventory can tell the two cases
apart.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from portproof.inventory.ssh_arguments import CONFIG_FILE, first
from portproof.model.connection import Connection
from portproof.model.hosts import Target

_ADDRESSES: Final = 10
"""Addresses named in warnings; the rest is counted."""
_NAMES: Final = 5
"""Hosts that are named of an address before the rest is counted."""
_SSH: Final = "22"
"""The port of a host that is given none (RFC 4253, section 4.1)."""

_SharedEndpoint = tuple[str, str | None, str | None, str | None, str | None]


def sharing(targets: Iterable[Target]) -> tuple[str, ...]:
    """Return a warning for each address at which several hosts are reached, and one for the rest.

    Hosts behind different jump hosts, and hosts that cannot be reached, share nothing. What
    ``~/.ssh/config`` and name servers make of an address is not asked.
    """
    names = dict[_SharedEndpoint, list[str]]()
    for target in targets:
        if isinstance(target.connection, Connection):
            names.setdefault(_way(target.connection), []).append(target.host.name)
    shared = [(way, names) for way, names in names.items() if len(names) > 1]
    return tuple(_told(shared))


def _way(way: Connection) -> _SharedEndpoint:
    """Return what two hosts have in common if they are the same machine."""
    if way.kind == "local":
        return "", None, None, None, None
    given = first(way.arguments)
    ways = (given.get("proxyjump"), given.get("proxycommand"))
    jump, command = (None if each == "none" else each for each in ways)
    port, config = given.get("port", _SSH), given.get(CONFIG_FILE)
    return _canonical(way.address), port, jump, command, config


def _canonical(address: str) -> str:
    host = address.rpartition("@")[2]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")


def _told(shared: Sequence[tuple[_SharedEndpoint, list[str]]]) -> Iterator[str]:
    for (address, port, *_), names in shared[:_ADDRESSES]:
        listed, everyone = _listed(names), "both" if len(names) == 2 else "all of them"  # noqa: PLR2004 - two are both
        where = f"at the same address, {address} port {port}" if address else "as this machine"
        yield f"{listed} are reached {where}: {everyone} may be one machine"
    if rest := shared[_ADDRESSES:]:
        hosts = sum(len(names) for _, names in rest)
        addresses = f"{len(rest)} more address{'es' * (len(rest) != 1)}"
        yield f"and {addresses} at which several hosts are reached, {hosts} hosts in all"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMES:
        return f"{', '.join(names[:_NAMES])} and {len(names) - _NAMES} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"
