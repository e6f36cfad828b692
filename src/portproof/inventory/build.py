"""Build an inventory from hosts, with a digest of its contents."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from portproof.inventory.variables import Encrypted, NotFinite
from portproof.model.connection import Secret
from portproof.model.hosts import Host, Inventory


def assembled(
    hosts: Iterable[Host],
    source: str,
    *,
    members: Mapping[str, tuple[str, ...]] | None = None,
    warnings: Sequence[str] = (),
) -> Inventory:
    """Make an inventory with its groups and its digest."""
    every = tuple(hosts)
    bare = Inventory(every, source)
    return Inventory(
        hosts=every,
        source=source,
        digest=digest(every),
        everyone=bare.names(),
        members=bare.groups() if members is None else members,
        warnings=tuple(warnings),
    )


def digest(hosts: Iterable[Host]) -> str:
    """Return a SHA-256 over one line of JSON per host: its name, groups and variables, in order.

    Passwords are left out, encrypted or not: a digest is published, and short passwords could be
    guessed from it.
    """
    total = hashlib.sha256()
    encoder = msgspec.json.Encoder(order="sorted")
    encoded: dict[int, bytes] = {}
    for host in hosts:
        key = id(host.variables)
        if key not in encoded:
            encoded[key] = encoder.encode(_public(host.variables))
        total.update(encoder.encode((host.name, host.groups)) + encoded[key] + b"\n")
    return total.hexdigest()


def _public(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Secret | Encrypted | NotFinite) else value
        for name, value in variables.items()
    }
