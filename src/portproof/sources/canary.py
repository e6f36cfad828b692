"""Canaries: sockets opened for the look, which must be among the rows that are judged."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from portproof.model.observation import Witness

_IPV4: Final = (socket.AF_INET, "127.0.0.1")
_IPV6: Final = (socket.AF_INET6, "::1")
_DUAL: Final = (socket.AF_INET6, "::ffff:127.0.0.1")
"""An IPv6 socket that serves IPv4 (RFC 3493, section 3.7); Linux keeps it in the tables of IPv6."""
_MAPPED: Final = "::ffff:"
_KINDS: Final = (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM))
_NO_FAMILY: Final = frozenset({errno.EAFNOSUPPORT, errno.EPFNOSUPPORT})


class Canaries(NamedTuple):
    """The witnesses that are open, and sentences on what could not be witnessed."""

    witnesses: tuple[Witness, ...]
    unopened: tuple[str, ...]


@contextlib.contextmanager
def canaries(if_inet6: Path = Path("/proc/net/if_inet6")) -> Iterator[Canaries]:
    """Hold a TCP and a UDP socket open on each loopback address.

    There is one for each family, because a system keeps them in tables that can fail separately. A
    family in use for which none can be opened is reported: its table could be missing unnoticed.
    ``if_inet6`` is where Linux lists IPv6 addresses. Without any, no IPv6 socket is reachable over
    IPv6, but it can still serve IPv4; such a canary is then the witness for its table.
    """
    with contextlib.ExitStack() as stack:
        witnesses, unopened = [], []
        for family, address in _loopback(if_inet6):
            for protocol, kind in _KINDS:
                try:
                    port = stack.enter_context(_open(family, kind, address)).getsockname()[1]
                except OSError as error:
                    if error.errno not in _NO_FAMILY:
                        unopened.append(f"no {protocol} canary could be opened on {address}")
                    continue
                seen_at = address.removeprefix(_MAPPED)
                witnesses.append(Witness(protocol, seen_at, port, ours=True))
        yield Canaries(tuple(witnesses), tuple(unopened))


def _open(family: socket.AddressFamily, kind: socket.SocketKind, address: str) -> socket.socket:
    canary = socket.socket(family, kind)
    try:
        if address.startswith(_MAPPED):
            canary.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        canary.bind((address, 0))
        if kind == socket.SOCK_STREAM:
            canary.listen(1)
    except OSError:
        canary.close()
        raise
    return canary


def _loopback(if_inet6: Path) -> tuple[tuple[socket.AddressFamily, str], ...]:
    """Return where canaries are opened: on IPv6 too, if the machine may have an address."""
    try:
        has_ipv6 = bool(if_inet6.read_bytes().strip())
    except OSError:
        has_ipv6 = True
    return (_IPV4, _IPV6 if has_ipv6 else _DUAL)
