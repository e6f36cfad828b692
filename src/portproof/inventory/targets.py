"""Resolve how the hosts of an inventory are reached, once for each."""

import platform
from collections.abc import Iterable
from dataclasses import replace

from portproof.inventory.connection import connection
from portproof.inventory.shared_addresses import sharing
from portproof.model.hosts import Host, Inventory, Target


def with_targets(inventory: Inventory, *, accept_new_host_keys: bool = False) -> Inventory:
    """Return an inventory that knows how each of its hosts is reached.

    Args:
        inventory: Hosts with their variables, decrypted as far as they can be.
        accept_new_host_keys: Whether the user wants unknown host keys to be recorded.
    """
    targets = targets_of(inventory.hosts, accept_new_host_keys=accept_new_host_keys)
    return replace(inventory, targets=targets, warnings=(*inventory.warnings, *sharing(targets)))


def targets_of(hosts: Iterable[Host], *, accept_new_host_keys: bool = False) -> tuple[Target, ...]:
    """Return how each host is reached."""
    here = own_names()
    return tuple(
        Target(host, connection(host, here=here, accept_new_host_keys=accept_new_host_keys))
        for host in hosts
    )


def own_names() -> frozenset[str]:
    """Return the names of this machine in lower case, without asking a name service."""
    name = platform.node().lower()
    return frozenset({name, name.partition(".")[0]} - {""})
