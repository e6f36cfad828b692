"""Resolve how the hosts of an inventory are reached, once for each."""

import platform
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace

from portproof.inventory.connection import connection
from portproof.inventory.shared_addresses import sharing
from portproof.model.connection import Connection
from portproof.model.hosts import Host, Inventory, Target


def with_targets(inventory: Inventory, *, accept_new_host_keys: bool = False) -> Inventory:
    """Return an inventory that knows how each of its hosts is reached.

    Args:
        inventory: Hosts with their variables, decrypted as far as they can be.
        accept_new_host_keys: Whether the user wants unknown host keys to be recorded.
    """
    targets = targets_of(inventory.hosts, accept_new_host_keys=accept_new_host_keys)
    warnings = (*inventory.warnings, *sharing(targets), *_without_ssh(targets))
    return replace(inventory, targets=targets, warnings=warnings)


def _without_ssh(targets: Iterable[Target]) -> Iterator[str]:
    """Yield a warning where hosts are reached over SSH and there is no ssh program to ask."""
    connections = [target.connection for target in targets]
    over_ssh = any(
        isinstance(each, Connection) and each.kind == "ssh" and each.program is None
        for each in connections
    )
    if over_ssh and shutil.which("ssh") is None:
        yield (
            "there is no ssh program on PATH, so no OpenSSH configuration was read: hosts are"
            " reached as the inventory alone says"
        )


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
