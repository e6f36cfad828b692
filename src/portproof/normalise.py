"""Rows of any platform and source become listeners; what cannot be read is said, not dropped.

The facts about osquery's rows are in docs/osquery.md, with their sources. In short: families are 2
for IPv4 and 10, 23 or 30 for IPv6; protocols 1, 58, 136 and 255 have no ports to judge; macOS
prints a dual-stack wildcard as ``0.0.0.0`` in the IPv6 family; on Linux a namespace that could not
be identified is ``0``, and its rows repeat rows of a namespace that could.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from portproof.model.addresses import Exposure, Stack, exposure, parse_address
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Identity, Platform, Row
from portproof.model.ports import LAST_PORT, Protocol

_IPV4: Final = "2"
_IPV6: Final = frozenset({"10", "23", "30"})
_NO_ADDRESS: Final = frozenset({"0", "1", "17"})
_PROTOCOLS: Final = {"6": Protocol.TCP, "17": Protocol.UDP}
_NO_NAMESPACE: Final = frozenset({"", "0"})
_NO_SOCKET: Final = frozenset({"", "0"})
_LISTEN: Final = "LISTEN"
_NOT_LISTENING: Final = frozenset(
    {
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "SYN_RCVD",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSED",
        "CLOSE_WAIT",
        "LAST_ACK",
        "CLOSING",
        "DELETE_TCB",
    }
)
_LONGEST_NUMBER: Final = 19
_LONGEST_TEXT: Final = 4096
_CACHE: Final = 65536


@dataclass(frozen=True, slots=True)
class Normalised:
    """The listeners among rows, and what is in the way of believing that there are no others.

    ``garbled`` quotes rows that make no sense, ``stateless`` rows of TCP sockets whose state is not
    told, so that they may or may not listen.
    """

    listeners: tuple[Listener, ...]
    garbled: tuple[str, ...] = ()
    stateless: tuple[str, ...] = ()


class _Bound(NamedTuple):
    address: str
    stack: Stack
    exposure: Exposure


class _Key(NamedTuple):
    protocol: Protocol
    bound: _Bound
    port: int
    place: Place
    namespace: str


class _GarbledError(ValueError):
    """A row that makes no sense."""


class _StatelessError(ValueError):
    """A TCP row that does not tell its state."""


def normalise(rows: Iterable[Row], identity: Identity) -> Normalised:
    """Collapse rows into listeners: one a protocol, address, port and namespace."""
    own = _own_rows(tuple(rows), identity)
    owners: dict[_Key, set[Owner]] = {}
    garbled, stateless = [], []
    for row in own.rows:
        try:
            key = _key(row, identity.platform, own.places)
            if key is not None:
                owners.setdefault(key, set()).add(_owner(row))
        except _GarbledError as error:
            garbled.append(str(error))
        except _StatelessError as error:
            stateless.append(str(error))
    listeners = tuple(_listener(key, found) for key, found in owners.items())
    return Normalised(listeners, tuple(garbled), tuple(stateless))


def _listener(key: _Key, owners: set[Owner]) -> Listener:
    known = {owner for owner in owners if owner.pid is not None} or owners
    return Listener(
        protocol=key.protocol,
        address=key.bound.address,
        port=key.port,
        stack=key.bound.stack,
        exposure=key.bound.exposure,
        place=key.place,
        namespace=key.namespace,
        owners=tuple(sorted(known, key=_by_pid)),
    )


def _by_pid(owner: Owner) -> tuple[int, str]:
    return (-1 if owner.pid is None else owner.pid, repr(owner))


class _Own(NamedTuple):
    rows: tuple[Row, ...]
    places: "Mapping[str, Place] | None"


class _Places(dict[str, Place]):
    """Namespaces that are known; any other one belongs to somebody else."""

    def __missing__(self, namespace: str) -> Place:
        return Place.UNKNOWN if namespace in _NO_NAMESPACE else Place.OTHER


def _own_rows(rows: tuple[Row, ...], identity: Identity) -> _Own:
    """Drop rows that repeat others, and say which namespaces are the host's own.

    A row in namespace 0 was read through a process whose namespace could not be identified. When a
    row of an identified namespace shows the same socket, both are one. If process 1 itself could
    not be identified, namespace 0 is the host's own, and so is the namespace its rows repeat.
    """
    if identity.platform is not Platform.LINUX:
        return _Own(rows, None)
    identified = {
        row.get("socket", ""): row.get("net_namespace", "")
        for row in rows
        if row.get("net_namespace", "") not in _NO_NAMESPACE
    }
    twins = [row for row in rows if _is_twin(row, identified)]
    places = _Places()
    if identity.host_namespace in _NO_NAMESPACE:
        places.update({identified[row["socket"]]: Place.HOST for row in twins})
        places["0"] = Place.HOST
    else:
        places[identity.host_namespace] = Place.HOST
    dropped = set(map(id, twins))
    return _Own(tuple(row for row in rows if id(row) not in dropped), places)


def _is_twin(row: Row, identified: Mapping[str, str]) -> bool:
    socket = row.get("socket", "")
    return row.get("net_namespace") == "0" and socket not in _NO_SOCKET and socket in identified


def _key(row: Row, platform: Platform, places: Mapping[str, Place] | None) -> _Key | None:
    """What a row's listener is known by, or None when the row is of no listener."""
    protocol = _protocol(row)
    if protocol is None or row.get("family") in _NO_ADDRESS:
        return None
    port = _number(row, "port")
    if port is None or port > LAST_PORT:
        raise _GarbledError(f"port {_quote(row.get('port'))}")
    if port == 0 or not _listens(protocol, row):
        return None
    namespace = row.get("net_namespace", "")
    place = Place.HOST if places is None else places[namespace]
    bound = _bound(row.get("family", ""), row.get("address", ""), platform)
    return _Key(protocol, bound, port, place, namespace)


def _protocol(row: Row) -> Protocol | None:
    if _number(row, "protocol") is None:
        raise _GarbledError(f"protocol {_quote(row.get('protocol'))}")
    return _PROTOCOLS.get(row["protocol"])


def _listens(protocol: Protocol, row: Row) -> bool:
    if protocol is Protocol.UDP:
        return row.get("remote_port", "") in {"", "0"}
    state = row.get("state", "")
    if state == _LISTEN or state in _NOT_LISTENING:
        return state == _LISTEN
    raise _StatelessError(f"tcp port {row.get('port')} in state {_quote(state)}")


@lru_cache(_CACHE)
def _bound(family: str, text: str, platform: Platform) -> _Bound:
    try:
        address = parse_address(text)
    except ValueError:
        raise _GarbledError(f"address {_quote(text)}") from None
    if family == _IPV4 and address.version == 4:  # noqa: PLR2004 - the version of IP
        return _Bound(str(address), Stack.IPV4, exposure(address))
    if family not in _IPV6:
        raise _GarbledError(f"address {_quote(text)} in family {_quote(family)}")
    if not address.is_unspecified:
        stack = Stack.IPV4 if address.version == 4 else Stack.IPV6  # noqa: PLR2004 - the version of IP
        return _Bound(str(address), stack, exposure(address))
    return _Bound("::", _wildcard(text, platform), Exposure.WILDCARD)


def _wildcard(text: str, platform: Platform) -> Stack:
    """Which families an IPv6 wildcard serves: only macOS tells them apart."""
    if text == "0.0.0.0":  # noqa: S104 - compared with, not bound to
        return Stack.DUAL
    return Stack.IPV6 if platform is Platform.MACOS else Stack.IPV6_MAYBE_DUAL


def _owner(row: Row) -> Owner:
    pid = _number(row, "pid")
    if pid is None:
        return Owner()
    return Owner(
        pid=pid,
        name=_text(row, "name"),
        path=_text(row, "path"),
        cmdline=_text(row, "cmdline"),
        uid=_number(row, "uid"),
        user=_text(row, "user"),
        started=_number(row, "start_time"),
        on_disk={"1": True, "0": False}.get(row.get("on_disk", "")),
        parent=_number(row, "parent"),
    )


def _number(row: Row, column: str) -> int | None:
    """A column as a number; None where it is empty, negative or not a number."""
    text = row.get(column) or ""
    plain = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if plain else None


def _text(row: Row, column: str) -> str:
    return (row.get(column) or "")[:_LONGEST_TEXT]


def _quote(text: str | None) -> str:
    return ascii(text)[:60] if text else "missing"
