"""Know what IANA has registered: services by port and by name.

The table is IANA's Service Name and Transport Protocol Port Number Registry, made by
``tools/make_port_table.py``; ``data/NOTICE`` names its sources. It is read once, when first needed.
A registration says what a number is assigned to, not what actually listens there.
"""

import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from portproof.errors import UsageError
from portproof.model.limits import LAST_PORT
from portproof.text.suggestions import nearest

OBSERVED_PROTOCOLS: Final = ("tcp", "udp")
"""The protocols that portproof audits and that a query may name."""

_TABLE: Final = Path(__file__).parent / "data" / "ports.tsv.gz"
_ORDER: Final = ("tcp", "udp", "sctp", "dccp", "")
_GZIP: Final = 31  # zlib's window bits for gzip's format; cheaper to import than gzip itself
_LONGEST_SHOWN: Final = 40


class Service(NamedTuple):
    """One registration.

    ``name`` is empty if IANA assigned the port to no service; ``description`` then says why, such
    as "Reserved". ``protocol`` is empty if the registration is for every protocol. ``first`` and
    ``last`` differ only for the few registrations of a range.
    """

    name: str
    protocol: str
    first: int
    last: int
    description: str


class PortQuery(NamedTuple):
    """Ports a user asks about, ``first`` to ``last`` inclusive, with the protocols meant."""

    first: int
    last: int
    protocols: tuple[str, ...]


def by_port(port: int, protocol: str | None = None) -> tuple[Service, ...]:
    """Return every registration of ``port``, or only those for ``protocol``; tcp and udp first."""
    found = sorted(map(_service, _ports().get(port, ())), key=_rank)
    return tuple(s for s in found if protocol is None or s.protocol in {protocol, ""})


def by_name(name: str) -> tuple[Service, ...]:
    """Return every registration of the service ``name`` in any case, in the order of ports."""
    return tuple(map(_service, _names().get(name.casefold(), ())))


def suggest(name: str) -> list[str]:
    """Return up to three registered names that look like ``name``, best first."""
    near = nearest(name[:_LONGEST_SHOWN].casefold(), _names(), 3, alike=0.7)
    return [by_name(key)[0].name for key in near]


def parse_port_query(text: str) -> tuple[PortQuery, ...]:
    """Parse what a user typed: ``609``, ``609/udp``, ``ssh`` or ``ssh/tcp``.

    A number without a protocol means tcp and udp; a name means the ports and protocols it is
    registered with.

    Raises:
        UsageError: there is no such port, protocol or service; the message says what is valid.
    """
    wanted = text.strip()
    if by_name(wanted):
        return _named(wanted, OBSERVED_PROTOCOLS)
    what, slash, protocol = wanted.rpartition("/")
    if not slash:
        return _target(wanted, OBSERVED_PROTOCOLS)
    if protocol.casefold() not in OBSERVED_PROTOCOLS:
        raise UsageError(
            f"{_shown(protocol)} is not a protocol that portproof supports: "
            f"use /tcp or /udp, or leave it out for both"
        )
    return _target(what, (protocol.casefold(),))


def _target(what: str, protocols: tuple[str, ...]) -> tuple[PortQuery, ...]:
    if not (what.isascii() and what.isdigit()):
        return _named(what, protocols)
    # A long row of digits is out of range whatever its value; int() refuses to read very long ones.
    number = int(what) if len(what) <= _LONGEST_SHOWN else 0
    if not 1 <= number <= LAST_PORT:
        raise UsageError(f"{_shown(what)} is not a port: ports are 1 to {LAST_PORT}")
    return (PortQuery(number, number, protocols),)


def _named(name: str, protocols: tuple[str, ...]) -> tuple[PortQuery, ...]:
    services = by_name(name)
    if not services:
        raise UsageError(_unknown(name))
    usable = [s for s in services if s.protocol in {*protocols, ""}]
    if not usable:
        has = ", ".join(dict.fromkeys(s.protocol for s in services))
        raise UsageError(
            f"{services[0].name} is registered for {has}, not {' or '.join(protocols)}"
        )
    ranges = sorted({(s.first, s.last) for s in usable})
    return tuple(PortQuery(*ports, _protocols_at(ports, usable, protocols)) for ports in ranges)


def _protocols_at(
    ports: tuple[int, int], services: Iterable[Service], protocols: tuple[str, ...]
) -> tuple[str, ...]:
    there = {s.protocol for s in services if (s.first, s.last) == ports}
    return protocols if "" in there else tuple(p for p in protocols if p in there)


def _unknown(name: str) -> str:
    near = suggest(name)
    hint = f"did you mean {', '.join(near)}?" if near else "give a number instead, such as 609/tcp"
    return f"IANA has no registered service named {_shown(name)}; {hint}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")


@cache
def _lines() -> tuple[str, ...]:
    text = zlib.decompress(_TABLE.read_bytes(), wbits=_GZIP).decode()
    return tuple(text.rstrip("\n").split("\n"))


@cache
def _ports() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for line in _lines():
        first, _, last = line.partition("\t")[0].partition("-")
        for port in range(int(first), int(last or first) + 1):
            found.setdefault(port, []).append(line)
    return found


@cache
def _names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _lines():
        name = line.split("\t", 3)[2]
        if name:
            found.setdefault(name.casefold(), []).append(line)
    return found


def _service(line: str) -> Service:
    ports, protocol, name, description = line.split("\t")
    first, _, last = ports.partition("-")
    return Service(name, protocol, int(first), int(last or first), description)


def _rank(service: Service) -> int:
    return _ORDER.index(service.protocol)
