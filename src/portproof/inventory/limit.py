"""Apply ``--limit``, which selects hosts of an inventory."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from portproof.errors import UsageError
from portproof.model.hosts import Inventory
from portproof.model.patterns import HostPattern

_MOST_BYTES: Final = 16 * 1024 * 1024


def limited(inventory: Inventory, limit: str) -> Inventory:
    """Limit an audit to the hosts a pattern selects; ``@FILE`` in it reads patterns from a file.

    Raises:
        UsageError: the pattern is wrong, a part of it names nothing, or it selects no host.
    """
    pattern = _pattern(",".join(_parts(limit)), limit)
    selection = pattern.select(inventory.names(), inventory.groups())
    if selection.unmatched:
        unknown = ", ".join(selection.unmatched)
        raise UsageError(f"--limit {limit}: the inventory has no host or group named {unknown}")
    chosen = set(selection.names)
    hosts = tuple(host for host in inventory.hosts if host.name in chosen)
    if not hosts:
        raise UsageError(f"--limit {limit}: selects no host of the inventory")
    return replace(inventory, hosts=hosts, source=f"{inventory.source}, limited to {limit}")


def _pattern(written: str, limit: str) -> HostPattern:
    try:
        return HostPattern(written)
    except ValueError as error:
        raise UsageError(f"--limit {limit}: {error}") from None


def _parts(limit: str) -> Iterator[str]:
    for part in _pattern(limit, limit).parts:
        if part.startswith("@"):
            yield from _from_file(part[1:])
        else:
            yield part
    yield ""  # the trailing comma keeps a single part from being split at its colons


def _from_file(name: str) -> list[str]:
    """Read one pattern per line, as in Ansible's retry files."""
    try:
        with Path(name).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"--limit @{name}: cannot be read: {error}") from None
    if len(data) > _MOST_BYTES:
        raise UsageError(f"--limit @{name}: is larger than {_MOST_BYTES >> 20} MiB")
    lines = [line.strip() for line in data.decode("utf-8", "backslashreplace").splitlines()]
    patterns = [line for line in lines if line]
    if not patterns:
        raise UsageError(f"--limit @{name}: names no host")
    return patterns
