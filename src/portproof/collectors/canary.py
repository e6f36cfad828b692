"""Canaries: sockets opened for the run, which must be among the rows that are judged."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from portproof.model.observation import Witness

_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_KINDS: Final = (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM))
_NO_FAMILY: Final = frozenset({errno.EAFNOSUPPORT, errno.EPFNOSUPPORT})


class Canaries(NamedTuple):
    """The witnesses that are open, and what could not be vouched for, in sentences."""

    witnesses: tuple[Witness, ...]
    unopened: tuple[str, ...]


@contextlib.contextmanager
def canaries(if_inet6: Path = Path("/proc/net/if_inet6")) -> Iterator[Canaries]:
    """Hold a TCP and a UDP socket open on each loopback address.

    One for each family, because a system keeps them in tables that fail apart. A family in use for
    which none can be opened is told: its table could be missing unseen. ``if_inet6`` is where
    Linux lists IPv6 addresses; without any, nobody listens on IPv6 within reach.
    """
    with contextlib.ExitStack() as stack:
        witnesses, unopened = [], []
        for family, address in _LOOPBACK:
            for protocol, kind in _KINDS:
                try:
                    port = stack.enter_context(_open(family, kind, address)).getsockname()[1]
                except OSError as error:
                    if _in_use(family, error, if_inet6):
                        unopened.append(f"no {protocol} canary could be opened on {address}")
                    continue
                witnesses.append(Witness(protocol, address, port, ours=True))
        yield Canaries(tuple(witnesses), tuple(unopened))


def _open(family: socket.AddressFamily, kind: socket.SocketKind, address: str) -> socket.socket:
    canary = socket.socket(family, kind)
    try:
        canary.bind((address, 0))
        if kind == socket.SOCK_STREAM:
            canary.listen(1)
    except OSError:
        canary.close()
        raise
    return canary


def _in_use(family: socket.AddressFamily, error: OSError, if_inet6: Path) -> bool:
    """Whether a family without a canary may have listeners all the same."""
    if error.errno in _NO_FAMILY:
        return False
    if family != socket.AF_INET6 or error.errno != errno.EADDRNOTAVAIL:
        return True
    try:
        return bool(if_inet6.read_bytes().strip())
    except OSError:
        return True
