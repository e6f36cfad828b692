"""Read the ports that docker publishes: open on the host, often without a listening socket.

Docker publishes a port through a proxy, which listens, or by rules of the packet filter alone
(``userland-proxy: false``). osquery's ``docker_container_ports`` tells both (osquery/osquery,
``tables/applications/posix/docker.cpp``): an unreachable docker gives an empty answer and no
error, and a port that is exposed but not published has host port 0. This answer can only add
listeners to those that rules judge. What is missing from it is noted; only a docker that is there
and does not answer in time leaves rules unproven that it could make fail.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from portproof.model.addresses import Exposure, Stack, exposure, parse_address
from portproof.model.limits import LAST_PORT
from portproof.model.listeners import Listener, Owner, Place, Publication
from portproof.model.observation import (
    PUBLISHED_PORTS,
    Platform,
    Reason,
    Row,
    SourceReply,
    Unobserved,
)
from portproof.model.ports import Protocol

_WHAT: Final = "ports that docker publishes without a proxy"
_PROTOCOLS: Final = {"tcp": Protocol.TCP, "udp": Protocol.UDP}
_PORTLESS: Final = frozenset({"sctp"})
_PROXY: Final = "docker-proxy"
"""The process that listens for docker (moby/moby, ``cmd/docker-proxy``)."""
_EVERY: Final = ("::", Stack.DUAL)
"""What an empty address means to runtimes with docker's interface, such as podman."""

_PORT: Final = re.compile(r"[0-9]{1,5}")
_LONGEST_ID: Final = 64
_SHOWN: Final = 60

_PublishedPlace = tuple[Protocol, int, str]


class Published(NamedTuple):
    """Published ports as listeners without a socket, and what could not be seen of them.

    ``doubt`` is why a docker that is there may publish others.
    """

    listeners: tuple[Listener, ...]
    unseen: tuple[str, ...] = ()
    doubt: Unobserved | None = None


def published(reply: SourceReply) -> Published:
    """Read the answer about published ports, which is asked on Linux only."""
    if reply.identity.platform is not Platform.LINUX:
        return Published(())
    answer = reply.answers.get(PUBLISHED_PORTS)
    if answer is None:
        return Published((), (f"{_WHAT}: not asked for",))
    if isinstance(answer, Unobserved):
        is_mute = answer.reason is Reason.TIMEOUT
        text = f"{_WHAT}: {answer.detail}"
        return Published((), (text,), Unobserved(Reason.TIMEOUT, text) if is_mute else None)
    if not answer.rows:
        return Published((), (f"{_WHAT}: docker did not answer, or is not there",))
    listeners, garbled = [], []
    for row in answer.rows:
        try:
            listeners.extend(_read(row, reply.identity.host_namespace))
        except ValueError as error:
            garbled.append(str(error))
    lost = f"{_WHAT}: {answer.count} rows were sent and {len(answer.rows)} arrived"
    odd = f"{_WHAT}: {len(garbled)} rows make no sense, one with {min(garbled, default='')}"
    unseen = () if answer.whole else (lost,)
    return Published(tuple(listeners), (*unseen, odd) if garbled else unseen)


def _read(row: Row, namespace: str) -> list[Listener]:
    """Return the listener of a row, or None if the row says that no port is published.

    Raises:
        ValueError: the row is malformed.
    """
    port, kind = row.get("host_port", ""), row.get("type", "")
    if port in {"", "0"} or kind in _PORTLESS:
        return []
    if kind not in _PROTOCOLS:
        raise ValueError(f"protocol {_quote(kind)}")
    address, stack = _bound(row.get("host_ip", ""))
    container = row.get("id", "")[:_LONGEST_ID]
    return [
        Listener(
            protocol=_PROTOCOLS[kind],
            address=address,
            port=_port(port),
            stack=stack,
            exposure=exposure(parse_address(address)),
            place=Place.HOST,
            namespace=namespace,
            owners=(Owner(),),
            published=(Publication(container, _inside(row.get("port", ""))),),
            socket=False,
        )
    ]


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > LAST_PORT:
        raise ValueError(f"port {_quote(text)}")
    return int(text)


def _inside(text: str) -> int:
    """Return the port inside the container, or 0 if it is malformed. No rule judges it."""
    try:
        return _port(text)
    except ValueError:
        return 0


def _bound(text: str) -> tuple[str, Stack]:
    if not text:
        return _EVERY
    try:
        address = parse_address(text)
    except ValueError:
        raise ValueError(f"address {_quote(text)}") from None
    return str(address), Stack.IPV6 if ":" in str(address) else Stack.IPV4


def _quote(text: str) -> str:
    return ascii(text)[:_SHOWN]


def with_published(
    listeners: tuple[Listener, ...], forwarded: Iterable[Listener]
) -> tuple[Listener, ...]:
    """Merge published ports into the listeners, where possible into the one of the same socket."""
    ports = _alike(forwarded)
    if not ports:
        return listeners
    sockets: dict[_PublishedPlace, list[Listener]] = {}
    for at in listeners:
        if at.place is Place.HOST:
            sockets.setdefault(_place(at), []).append(at)
    joined: dict[Listener, Listener] = {}
    alone = []
    for each in ports:
        there = [at for place in _places(each) for at in sockets.get(place, ())]
        same = [at for at in there if _is_proxied(at)] or there
        joined |= {at: _joined(joined.get(at, at), each.published) for at in same}
        alone.extend([] if same else [each])
    return (*(joined.get(at, at) for at in listeners), *alone)


def _alike(forwarded: Iterable[Listener]) -> list[Listener]:
    """Return each published port once, with all of its containers."""
    first: dict[tuple[_PublishedPlace, Stack], Listener] = {}
    containers: dict[tuple[_PublishedPlace, Stack], set[Publication]] = {}
    for each in forwarded:
        key = _place(each), each.stack
        first.setdefault(key, each)
        containers.setdefault(key, set()).update(each.published)
    return [_joined(each, containers[key]) for key, each in first.items()]


def _joined(listener: Listener, containers: Iterable[Publication]) -> Listener:
    """Add containers to a listener.

    Unless docker's proxy holds it, add an unknown owner as well: the kernel forwards what arrives
    before the socket of any other program sees it.
    """
    every = tuple(sorted({*listener.published, *containers}))
    is_told = _is_proxied(listener) or Owner() in listener.owners
    owners = listener.owners if is_told else (Owner(), *listener.owners)
    return msgspec.structs.replace(listener, published=every, owners=owners)


def _is_proxied(listener: Listener) -> bool:
    return any(owner.name == _PROXY for owner in listener.owners)


def _place(listener: Listener) -> _PublishedPlace:
    return listener.protocol, listener.port, listener.address


def _places(forwarded: Listener) -> list[_PublishedPlace]:
    """Return where the socket would be; docker's proxy may use one wildcard for both families."""
    protocol, port, address = _place(forwarded)
    if forwarded.exposure is Exposure.WILDCARD and forwarded.stack is Stack.IPV4:
        return [(protocol, port, address), (protocol, port, _EVERY[0])]
    return [(protocol, port, address)]
