"""Test from the controller whether a port that must be closed answers.

A TCP connection is opened and closed again; nothing is sent. A port that completes the handshake
answers; one that refuses, drops or takes too long does not.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from portproof.model.observation import ConnectResult
from portproof.text.logs import logger

_LOG: Final = logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectRate:
    """Limits over all hosts together.

    ``at_once`` connections, ``a_second`` new ones, and ``wait`` seconds for each.
    """

    at_once: int = 100
    a_second: int = 500
    wait: float = 2.0


class ConnectProbe:
    """Tries ports of hosts, within the limits of its rate."""

    def __init__(self, pace: ConnectRate = ConnectRate()) -> None:
        self._pace = pace
        self._gate = asyncio.Semaphore(pace.at_once)
        self._next = 0.0

    async def try_ports(self, address: str, ports: Iterable[int]) -> ConnectResult | None:
        """Try every port of an address once; return None if the name does not resolve."""
        reached = await _resolved(address)
        if reached is None:
            return None
        wanted = sorted(set(ports))
        answers = await asyncio.gather(*(self._try(reached, port) for port in wanted))
        told = list(zip(wanted, answers, strict=True))
        _LOG.info("%s: %d TCP ports tried from here, %d answer", address, len(told), sum(answers))
        return ConnectResult(
            address=reached,
            answered=tuple(port for port, answered in told if answered),
            silent=tuple(port for port, answered in told if not answered),
        )

    async def _try(self, address: str, port: int) -> bool:
        await self._turn()
        async with self._gate:
            try:
                async with asyncio.timeout(self._pace.wait):
                    _, writer = await asyncio.open_connection(address, port)
            except (OSError, TimeoutError):
                return False
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return True

    async def _turn(self) -> None:
        """Wait until this connection may start."""
        now = asyncio.get_running_loop().time()
        self._next = max(now, self._next + 1 / self._pace.a_second)
        await asyncio.sleep(self._next - now)


async def _resolved(address: str) -> str | None:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return str(found[0][4][0])
