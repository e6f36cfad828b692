"""The second eye: does a port that must be closed answer from here?

A TCP connection is opened and closed again; nothing is sent. A port that completes the handshake
answers; one that refuses, drops or takes too long does not.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from portproof.model.observation import Outside


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to knock: connections at once, connections a second, and seconds to wait for one."""

    at_once: int = 32
    a_second: int = 200
    wait: float = 2.0


async def knock(address: str, ports: Iterable[int], pace: Pace = Pace()) -> Outside:
    """Try every port of an address once, each at its time, and tell which answered."""
    wanted = sorted(set(ports))
    gate = asyncio.Semaphore(pace.at_once)
    tries = (_try(address, port, number, gate, pace) for number, port in enumerate(wanted))
    answers = await asyncio.gather(*tries)
    answered = tuple(port for port, open_ in zip(wanted, answers, strict=True) if open_)
    silent = tuple(port for port, open_ in zip(wanted, answers, strict=True) if not open_)
    return Outside(address=address, answered=answered, silent=silent)


async def _try(address: str, port: int, number: int, gate: asyncio.Semaphore, pace: Pace) -> bool:
    await asyncio.sleep(number / pace.a_second)
    async with gate:
        try:
            async with asyncio.timeout(pace.wait):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True
