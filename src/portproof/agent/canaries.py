"""Open canaries: sockets that exist during a look and must be among its rows.

They listen on free ports. On Linux the kernel drops whatever is sent to them, so that nobody can
connect. ``portproof.sources.canary`` opens the same on
the controller.
"""

import os
import sys
from _socket import (  # `socket` loads longer
    AF_INET,
    AF_INET6,
    AI_NUMERICHOST,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    getaddrinfo,
    socket,
)
from array import array
from errno import EAFNOSUPPORT, EPFNOSUPPORT
from struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Canary = tuple[socket, str, str, int, int]

_IPV4, _IPV6 = (AF_INET, "127.0.0.1"), (AF_INET6, "::1")
_DUAL = (AF_INET6, "::ffff:127.0.0.1")  # an IPv6 socket that serves IPv4, in the tables of IPv6
_ON_LOOPBACK = {_IPV4[1], _IPV6[1], _DUAL[1]}
_MAPPED = "::ffff:"
_KINDS = (("tcp", SOCK_STREAM), ("udp", SOCK_DGRAM))
_BIND_TO_DEVICE, _ATTACH_FILTER = 25, 26  # SO_ of <asm-generic/socket.h>
_DROP = array("B", pack("HBBI", 6, 0, 0, 0))  # one instruction of <linux/filter.h>: return 0


def open_at_loopback() -> "tuple[list[Canary], list[list[str]]]":
    """Hold a TCP and a UDP socket open on each loopback address.

    There is one for each family, because a system keeps them in tables that can fail separately. A
    family in use for which none can be opened is told: its table could be missing unnoticed.
    Where there is no ::1, no IPv6 socket is reachable over loopback, but one can still serve IPv4;
    such a canary is then the witness for IPv6's table.

    Returns:
        Each socket with its protocol, address, port and inode, and the protocol and address of
        those that could not be opened though their family is in use.
    """
    held = []
    unopened = []
    for places in ((_IPV4,), (_IPV6, _DUAL)):
        for protocol, kind in _KINDS:
            try:
                held.append(_first_opened(protocol, kind, places))
            except OSError as error:
                if error.errno not in (EAFNOSUPPORT, EPFNOSUPPORT):
                    unopened.append([protocol, places[0][1]])
    return held, unopened


def _first_opened(protocol: str, kind: int, places: "tuple[tuple[int, str], ...]") -> "Canary":
    """Open a canary at the first address where it can be opened; raise the first error if none."""
    errors = []
    for family, address in places:
        try:
            canary = _opened(family, kind, (address, 0))
        except OSError as error:
            errors.append(error)
        else:
            seen_at = address.rpartition(_MAPPED)[2]
            return canary, protocol, seen_at, canary.getsockname()[1], _inode(canary)
    raise errors[0]


def _opened(family: int, kind: int, where: "tuple[Any, ...]") -> socket:
    canary = socket(family, kind)
    _shut(canary, where[0])
    if where[0].startswith(_MAPPED):
        canary.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
    canary.bind(where)
    if kind == SOCK_STREAM:
        canary.listen(1)
    return canary


def _shut(canary: socket, address: str) -> None:
    """Have the kernel drop what is sent to a socket; it must, unless that is on loopback.

    Some kernels let only root do that. Another user's socket is bound to the loopback device, where
    nothing from the network arrives. Root's is not: the same address and port could then be bound
    to another device, and that socket would be taken for the canary.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        canary.setsockopt(SOL_SOCKET, _ATTACH_FILTER, pack("HP", 1, _DROP.buffer_info()[0]))
    except OSError:
        if address in _ON_LOOPBACK:
            return
        if os.geteuid() == 0:
            raise
        canary.setsockopt(SOL_SOCKET, _BIND_TO_DEVICE, b"lo")


def _inode(canary: socket) -> int:
    """Return the number by which Linux knows a socket, or 0 elsewhere."""
    return os.fstat(canary.fileno()).st_ino if sys.platform.startswith("linux") else 0


def open_at(at: str) -> "list[Canary]":
    """Hold a TCP socket open at an address if the address belongs to this network namespace.

    It is not opened where others could connect to it.
    """
    try:
        family, _, _, _, where = getaddrinfo(at, 0, 0, SOCK_STREAM, 0, AI_NUMERICHOST)[0]
        canary = _opened(family, SOCK_STREAM, where)
        bound = canary.getsockname()
        # With ip_nonlocal_bind any address can be bound to. Only one of our own is also where we
        # would send from to reach it; connecting a UDP socket asks for that, and sends nothing.
        source = socket(family, SOCK_DGRAM)
        source.connect(bound)
        if source.getsockname()[0] != bound[0]:
            return []
    except OSError:
        return []
    return [(canary, "tcp", at.partition("%")[0], bound[1], _inode(canary))]
