"""Makes sure that what answered is the host itself: its SSH server's port is among its sockets.

A login may be led into a container, a jail or another network namespace, whose sockets, packages
and processes are not the host's. Nothing that such a look brings back is about the host.
"""

from typing import Final

from portproof.collectors.source import failure_of
from portproof.model.addresses import parse_address
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Observed,
    Reason,
    Row,
    Sight,
    Unobserved,
    Witness,
)

_TCP: Final = "6"
_LISTEN: Final = "LISTEN"
_UNKNOWN: Final = frozenset({"", "0"})


def misplaced(host: str, sight: Sight, server: Witness) -> Unobserved | None:
    """Why a look is not known to be at the host, or None if the server's port is among the rows."""
    failure = failure_of(sight)
    if failure is not None:
        return failure
    answer = sight.answers[LISTENING_SOCKETS]
    space = sight.identity.host_namespace
    rows = answer.rows if isinstance(answer, Observed) else ()
    if any(_is_server(row, server, space) for row in rows):
        return None
    text = (
        f"port {server.port} at {server.address}, where the SSH server of {host} was reached, is"
        " not open in what answered; is that a container?"
    )
    return Unobserved(Reason.NO_WITNESS, text)


def _is_server(row: Row, server: Witness, space: str) -> bool:
    """Whether a row can be of the server's socket; what decides it better comes later."""
    if (row.get("protocol"), row.get("port")) != (_TCP, str(server.port)):
        return False
    is_elsewhere = space not in _UNKNOWN and row.get("net_namespace", "") not in {space, *_UNKNOWN}
    if row.get("state") != _LISTEN or is_elsewhere:
        return False
    try:
        address = parse_address(row.get("address", ""))
    except ValueError:
        return False
    return address.is_unspecified or str(address) == server.address
