"""Make sure that the machine that answered is the host itself, where its SSH server is.

A login may be led into a container, a jail or another network namespace, whose sockets, packages
and processes are not the host's. Nothing that such a look brings back is about the host. Two things
show where it was: the server's port is among the sockets, and a canary could be opened at the
server's address, which no other network has. The port alone may be that of another server. And root
sees who holds the port, unless the processes are not the host's.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from portproof.model.addresses import parse_address
from portproof.model.limits import LAST_PORT
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Observed,
    Reason,
    Row,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.sources.sight import beyond_sockets
from portproof.sources.source import failure_of

_TCP: Final = "tcp"
_TCP_NUMBER: Final = "6"
_LISTEN: Final = "LISTEN"
_ROOT: Final = 0
_NOBODY: Final = frozenset({"", "-1"})
_UNKNOWN: Final = frozenset({"", "0"})
_PORT: Final = re.compile(r"[0-9]{1,5}")
_ZONE: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,15}")
"""Names of interfaces that are sent back to a host; Linux has 15 bytes for one (``if.h``)."""


def server_witness(told: Sequence[str]) -> tuple[Witness, ...]:
    """The server's port, as SSH_CONNECTION tells it (ssh(1)): the server's own view of both ends.

    It is known to be open, because we came in on it; and only where it is seen among the rows can
    they be the host's, and not those of a container that logins are led to. Without four sensible
    words there is none.
    """
    try:
        _, _, address, port = told
        reached = parse_address(address.partition("%")[0])
    except ValueError:
        return ()
    if reached.is_unspecified or not _PORT.fullmatch(port) or not 0 < int(port) <= LAST_PORT:
        return ()
    return (Witness(_TCP, str(reached), int(port), ours=False, reached=True),)


def bindable(told: Sequence[str]) -> str:
    """Return the server's address as a socket is bound to it: with its zone, if it has one.

    Empty where ``server_witness`` makes nothing of what was told.
    """
    witnesses = server_witness(told)
    if not witnesses:
        return ""
    address, zone = witnesses[0].address, told[2].partition("%")[2]
    needs_zone = ipaddress.ip_address(address).is_link_local and _ZONE.fullmatch(zone)
    return f"{address}%{zone}" if needs_zone and ":" in address else address


class ReachedServer(NamedTuple):
    """The host's SSH server: its port as a witness, and the address to open a canary at, or ""."""

    witness: Witness
    bindable: str


def reached_server(
    told: Sequence[str], peer: tuple[str, str], *, is_direct: bool
) -> ReachedServer | None:
    """Return the SSH server that was reached, or None if nothing tells where it is.

    Args:
        told: The words of SSH_CONNECTION, if it is set on the host.
        peer: The address and port that were connected to.
        is_direct: Whether these are the host's own, not those that a jump host connected to.
    """
    named = server_witness(told)
    if named:
        return ReachedServer(named[0], bindable(told))
    words = ("", "", peer[0].partition("%")[0], peer[1])
    return next(
        (
            ReachedServer(each, bindable(words) if is_direct else "")
            for each in server_witness(words)
        ),
        None,
    )


def with_holder_doubt(
    reply: SourceReply, server: Witness, questions: Mapping[str, str]
) -> SourceReply:
    """Return a reply that proves nothing about processes and packages unless it may be the host's.

    Root sees who holds the SSH server's port, unless its processes are not the host's, as in a
    container that shares the host's network alone.
    """
    identity, answer = reply.identity, reply.answers.get(LISTENING_SOCKETS)
    if identity.euid != _ROOT or not isinstance(answer, Observed):
        return reply
    rows = [row for row in answer.rows if _is_of(row, server, identity.host_namespace)]
    if any(row.get("pid", "-1") not in _NOBODY for row in rows):
        return reply
    text = (
        f"no process that can be seen holds port {server.port}, the SSH server's: the login may"
        " lead into a container, whose processes and packages are not the host's"
    )
    hidden = (each for each in reply.doubts.values() if each.reason is Reason.PRIVILEGE)
    doubt = next(hidden, Unobserved(Reason.NO_WITNESS, text))
    doubts = dict.fromkeys(beyond_sockets(questions, identity.platform), doubt)
    return msgspec.structs.replace(reply, doubts=reply.doubts | doubts)


def misplaced(
    host: str, reply: SourceReply, server: Witness, canaries: Sequence[Witness] | None = None
) -> Unobserved | None:
    """Return why a look is not known to be at the host, or None if it is.

    Args:
        host: The host's name, for details.
        reply: What was seen.
        server: The server's port, which must be among the rows.
        canaries: What was opened there; one at the server's address must be among the rows. None
            where nothing could be opened, or where the server does not name its address.
    """
    failure = failure_of(reply)
    if failure is not None:
        return failure
    if not _is_seen(reply, server):
        text = (
            f"port {server.port} at {server.address}, where the SSH server of {host} was reached,"
            " is not open in what answered; is that a container?"
        )
        return Unobserved(Reason.NO_WITNESS, text)
    at_server = [each for each in canaries or () if each.address == server.address]
    if canaries is None or any(_is_seen(reply, each) for each in at_server):
        return None
    text = (
        f"the login of {host} leads where {server.address}, its SSH server's address, is not:"
        " into a container?"
    )
    return Unobserved(Reason.NO_WITNESS, text)


def _is_seen(reply: SourceReply, witness: Witness) -> bool:
    answer = reply.answers[LISTENING_SOCKETS]
    rows = answer.rows if isinstance(answer, Observed) else ()
    return any(_is_of(row, witness, reply.identity.host_namespace) for row in rows)


def _is_of(row: Row, witness: Witness, space: str) -> bool:
    """Return whether a row may belong to the witness's TCP socket; a later check decides."""
    expected = (_TCP_NUMBER, str(witness.port))
    if witness.protocol != _TCP or (row.get("protocol"), row.get("port")) != expected:
        return False
    is_elsewhere = space not in _UNKNOWN and row.get("net_namespace", "") not in {space, *_UNKNOWN}
    if row.get("state") != _LISTEN or is_elsewhere:
        return False
    try:
        address = parse_address(row.get("address", ""))
    except ValueError:
        return False
    return str(address) == witness.address or (witness.reached and address.is_unspecified)
