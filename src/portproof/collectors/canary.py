"""Canaries: sockets opened for the run, which must be among the rows that are judged."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

from portproof.model.observation import Witness

_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_KINDS: Final = (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM))


@contextlib.contextmanager
def canaries() -> Iterator[tuple[Witness, ...]]:
    """Hold a TCP and a UDP socket open on each loopback address the machine has.

    One for each family, because a system keeps them in tables that fail apart. A machine that lets
    none be opened has no witness, and nothing about it can be proven.
    """
    with contextlib.ExitStack() as stack:
        witnesses = []
        for family, address in _LOOPBACK:
            for protocol, kind in _KINDS:
                with contextlib.suppress(OSError):
                    port = stack.enter_context(_open(family, kind, address)).getsockname()[1]
                    witnesses.append(Witness(protocol, address, port, ours=True))
        yield tuple(witnesses)


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
