"""Turn rows of any platform and source into listeners; report rows that cannot be read.

The facts about osquery's rows are in docs/osquery.md, with their sources. In short: families are 2
for IPv4 and 10, 23 or 30 for IPv6; protocols 1, 58 and 255 have no ports to judge, and 136 is
UDP-Lite; macOS prints a dual-stack wildcard as ``0.0.0.0`` in the IPv6 family; on Linux a namespace
that could not be identified is ``0``, and its rows repeat rows of a namespace that could. Some
columns only the probe tells: ``sources.socket_details`` adds them.

A row is skipped only for a value that is known to mean "no listener". Any other value may be a
listener that was misread, so the row counts as malformed and absence is not proven.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from operator import itemgetter
from typing import Final, NamedTuple

from portproof.model.addresses import Exposure, Stack, exposure, parse_address
from portproof.model.limits import LAST_PORT
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Identity, Platform, Row
from portproof.model.ports import Protocol

_IPV4: Final = "2"
_IPV6: Final = frozenset({"10", "23", "30"})
_NO_ADDRESS: Final = frozenset({"0", "1", "17"})
_LITE: Final = "136"
_PROTOCOLS: Final = {"6": Protocol.TCP, "17": Protocol.UDP, _LITE: Protocol.UDP}
_PORTLESS: Final = frozenset({"1", "58", "255"})
_LOOPBACK_DEVICE: Final = "1"
"""The number of the interface ``lo`` in every network namespace of Linux (LOOPBACK_IFINDEX)."""
_NOTHING: Final = frozenset({"", "0"})
_UNREAD: Final = "0"
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
_MOST_OWNERS: Final = 1000
"""Owners of one listener that are listed one by one."""
_CACHE: Final = 65536


@dataclass(frozen=True, slots=True)
class Normalised:
    """The listeners among rows, and what prevents concluding that there are no others.

    ``garbled`` quotes malformed rows; ``stateless`` quotes rows of TCP sockets without a state,
    which may or may not listen.
    """

    listeners: tuple[Listener, ...]
    garbled: tuple[str, ...] = ()
    stateless: tuple[str, ...] = ()


class ListenerFilter(NamedTuple):
    """Which listeners are needed: those on ``ports``, and those for which ``watches`` is true."""

    ports: Container[int]
    watches: Callable[[Protocol, int], object]


_HERE: Final = (Place.HOST, "")
_COLUMNS: Final = ("family", "protocol", "address", "port", "remote_port", "state")
_every_column = itemgetter(*_COLUMNS)


def _ends(row: Row) -> tuple[str | None, ...]:
    """Return the columns that say what a row's socket is bound to."""
    try:
        ends: tuple[str | None, ...] = _every_column(row)
    except KeyError:
        return tuple(map(row.get, _COLUMNS))
    return ends


class _Bound(NamedTuple):
    address: str
    stack: Stack
    exposure: Exposure


class _Socket(NamedTuple):
    protocol: Protocol
    bound: _Bound
    port: int
    lite: bool


class _SocketKey(NamedTuple):
    socket: _Socket
    place: Place
    namespace: str


class _Endpoint(NamedTuple):
    """What all rows of one socket have in common, whichever process they were read through."""

    socket: str
    protocol: str
    family: str
    address: str
    port: str


class _SocketOwner(NamedTuple):
    socket: str
    owner: Owner


class _MalformedRowError(ValueError):
    """A malformed row."""


class _StatelessError(ValueError):
    """A TCP row without the socket's state."""


def normalise(
    rows: Iterable[Row], identity: Identity, wanted: ListenerFilter | None = None
) -> Normalised:
    """Collapse rows into listeners: one for each protocol, address, port and namespace.

    Every row is validated, and reported if it is malformed; with ``wanted``, only the listeners it
    selects are returned.
    """
    told = tuple(rows)
    spaces = _spaces(told, identity)
    tells_dual = identity.platform is Platform.MACOS and identity.source.startswith("osquery")
    held: dict[_SocketKey, set[_SocketOwner]] = {}
    garbled, stateless = [], []
    for row in told:
        try:
            socket = _socket(*_ends(row), row.get("v6only"), row.get("device"), tells_dual)
            if socket is None:
                continue
            if wanted is None or _is_wanted(socket, wanted):
                owner = _SocketOwner(row.get("socket", ""), _owner(row))
                held.setdefault(_SocketKey(socket, *_place(row, spaces)), set()).add(owner)
            elif spaces and row.get("net_namespace") not in spaces.places:
                _place(row, spaces)  # a malformed namespace is reported in any case
        except _MalformedRowError as error:
            garbled.append(str(error))
        except _StatelessError as error:
            stateless.append(str(error))
    listeners = tuple(_listener(key, found) for key, found in held.items())
    return Normalised(listeners, tuple(sorted(garbled)), tuple(sorted(stateless)))


def _is_wanted(socket: _Socket, wanted: ListenerFilter) -> bool:
    return socket.port in wanted.ports or bool(wanted.watches(socket.protocol, socket.port))


def _listener(key: _SocketKey, held: set[_SocketOwner]) -> Listener:
    return Listener(
        protocol=key.socket.protocol,
        address=key.socket.bound.address,
        port=key.socket.port,
        stack=key.socket.bound.stack,
        exposure=key.socket.bound.exposure,
        place=key.place,
        namespace=key.namespace,
        owners=_owners(held),
        lite=key.socket.lite,
    )


def _owners(held: set[_SocketOwner]) -> tuple[Owner, ...]:
    """Return the owners of a listener. An unknown owner counts unless another row names it."""
    if len(held) == 1:
        return tuple(each.owner for each in held)
    told = {each.socket for each in held if each.owner.pid is not None} - _NOTHING
    owners = {each.owner for each in held if each.owner.pid is not None or each.socket not in told}
    ordered = sorted(owners, key=_by_pid)
    return tuple(ordered if len(ordered) <= _MOST_OWNERS else _one_of_a_kind(ordered))


def _one_of_a_kind(owners: list[Owner]) -> list[Owner]:
    """Return the first owner of each kind that rules distinguish, and an unknown one."""
    kinds: dict[tuple[str, str, str], Owner] = {}
    for owner in owners:
        kinds.setdefault((owner.name, owner.path, owner.user), owner)
    first = list(kinds.values())
    return first if len(first) <= _MOST_OWNERS else [*first[:_MOST_OWNERS], Owner()]


def _by_pid(owner: Owner) -> tuple[int, str]:
    return (-1 if owner.pid is None else owner.pid, repr(owner))


class _Namespaces(NamedTuple):
    """Whose the identified namespaces are, and which ones have sockets that namespace 0 repeats."""

    places: Mapping[str, Place]
    twins: Mapping[_Endpoint, set[str]]


def _spaces(rows: tuple[Row, ...], identity: Identity) -> _Namespaces | None:
    """Find which namespaces are the host's own; None on platforms without namespaces.

    A row in namespace 0 was read through a process whose namespace could not be identified. When a
    row of an identified namespace shows the same socket, both are one. If process 1 itself could
    not be identified, namespace 0 is the host's own, and so is the namespace its rows repeat.
    """
    if identity.platform is not Platform.LINUX:
        return None
    twins = _twins(rows)
    if identity.host_namespace not in _NOTHING:
        return _Namespaces({identity.host_namespace: Place.HOST}, twins)
    own = {_UNREAD}.union(*twins.values())
    return _Namespaces(dict.fromkeys(own, Place.HOST), twins)


def _twins(rows: tuple[Row, ...]) -> dict[_Endpoint, set[str]]:
    unread = {_endpoint(row) for row in rows if row.get("net_namespace") == _UNREAD}
    twins: dict[_Endpoint, set[str]] = {}
    for row in rows if unread else ():
        namespace, endpoint = row.get("net_namespace", ""), _endpoint(row)
        known = namespace not in _NOTHING and endpoint.socket not in _NOTHING
        if known and endpoint in unread:
            twins.setdefault(endpoint, set()).add(namespace)
    return twins


def _endpoint(row: Row) -> _Endpoint:
    return _Endpoint(*(row.get(column, "") for column in _Endpoint._fields))


@lru_cache(_CACHE)
def _socket(  # noqa: PLR0913, PLR0917 - the cache key is everything that decides the result
    family: str | None,
    protocol: str | None,
    address: str | None,
    port: str | None,
    remote_port: str | None,
    state: str | None,
    v6only: str | None,
    device: str | None,
    tells_dual: bool,
) -> _Socket | None:
    """Return what a row's listener is bound to, or None if the row has no listener.

    Hosts of a fleet have mostly the same listeners, so the result is cached by the columns' text.
    """
    kind = _protocol(family or "", protocol or "", port or "")
    if kind is None:
        return None
    number = _port("port", port)
    if number == 0 or not _listens(kind, port, remote_port, state or ""):
        return None
    bound = _bound(family or "", address or "", _stack_told(v6only, tells_dual))
    if bound.exposure is Exposure.WILDCARD and device == _LOOPBACK_DEVICE:
        bound = bound._replace(exposure=Exposure.LOOPBACK)
    return _Socket(kind, bound, number, protocol == _LITE)


def _stack_told(v6only: str | None, tells_dual: bool) -> Stack:
    """Return what an IPv6 wildcard serves, by its IPV6_V6ONLY where the source tells it.

    osquery distinguishes them on macOS alone, by the address of one that serves IPv4 too.
    """
    unknown = Stack.IPV6 if tells_dual else Stack.IPV6_MAYBE_DUAL
    return {"1": Stack.IPV6, "0": Stack.DUAL}.get(v6only or "", unknown)


def _protocol(family: str, protocol: str, port: str) -> Protocol | None:
    """Return the protocol of a row's port, or None if it has no port."""
    if family in _NO_ADDRESS:
        if port not in _NOTHING:
            raise _MalformedRowError(f"port {_quote(port)} in family {family}")
        return None
    if family != _IPV4 and family not in _IPV6:
        raise _MalformedRowError(f"family {_quote(family)}")
    if protocol not in _PROTOCOLS and protocol not in _PORTLESS:
        raise _MalformedRowError(f"protocol {_quote(protocol)}")
    return _PROTOCOLS.get(protocol)


def _port(column: str, text: str | None) -> int:
    port = int(text) if text and _is_number(text) else None
    if port is None or port > LAST_PORT:
        raise _MalformedRowError(f"{column} {_quote(text)}")
    return port


def _listens(protocol: Protocol, port: str | None, remote_port: str | None, state: str) -> bool:
    if protocol is Protocol.UDP:
        return not remote_port or _port("remote_port", remote_port) == 0
    if state == _LISTEN or state in _NOT_LISTENING:
        return state == _LISTEN
    raise _StatelessError(f"tcp port {port} in state {_quote(state)}")


def _place(row: Row, spaces: _Namespaces | None) -> tuple[Place, str]:
    """Return whose namespace a row is in, and its number."""
    if spaces is None:
        return _HERE
    namespace = row.get("net_namespace", "")
    if namespace == _UNREAD and spaces.twins:
        names = spaces.twins.get(_endpoint(row), set())
        namespace = min(names) if len(names) == 1 else namespace
    if namespace in spaces.places:
        return spaces.places[namespace], namespace
    if namespace in _NOTHING:
        return Place.UNKNOWN, namespace
    if not _is_number(namespace):
        raise _MalformedRowError(f"net_namespace {_quote(namespace)}")
    return Place.OTHER, namespace


def _bound(family: str, text: str, wildcard: Stack) -> _Bound:
    """Return what a socket is bound to; ``wildcard`` is what ``::`` serves."""
    try:
        address = parse_address(text)
    except ValueError:
        raise _MalformedRowError(f"address {_quote(text)}") from None
    if isinstance(address, IPv4Address) and (family == _IPV4 or ":" in text):
        return _Bound(str(address), Stack.IPV4, exposure(address))
    if family == _IPV4:
        raise _MalformedRowError(f"address {_quote(text)} in family {family}")
    if not address.is_unspecified:
        stack = Stack.IPV4 if isinstance(address, IPv4Address) else Stack.IPV6
        return _Bound(str(address), stack, exposure(address))
    stack = Stack.DUAL if isinstance(address, IPv4Address) else wildcard
    return _Bound("::", stack, Exposure.WILDCARD)


def _owner(row: Row) -> Owner:
    pid = _number(row, "pid")
    if pid is None:  # its user is the one who opened the socket, where the source tells it
        return Owner(uid=_number(row, "socket_uid"), user=_name(row, "socket_user"))
    return Owner(
        pid=pid,
        name=_name(row, "name"),
        path=_name(row, "path"),
        cmdline=_text(row, "cmdline"),
        uid=_number(row, "uid"),
        user=_name(row, "user"),
        started=_number(row, "start_time"),
        on_disk={"1": True, "0": False}.get(row.get("on_disk", "")),
        parent=_number(row, "parent"),
    )


def _number(row: Row, column: str) -> int | None:
    """Return a column as a number, or None if it is not one as osquery writes it."""
    text = row.get(column) or ""
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return digits and (text[0] != "0" or text == "0")


def _text(row: Row, column: str) -> str:
    return (row.get(column) or "")[:_LONGEST_TEXT]


def _name(row: Row, column: str) -> str:
    """Return a text that patterns match. A truncated one could miss, so too long means unknown."""
    text = row.get(column) or ""
    return text if len(text) <= _LONGEST_TEXT else ""


def _quote(text: str | None) -> str:
    return ascii(text)[:60] if text else "missing"
