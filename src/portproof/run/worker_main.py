"""A process that looks at hosts for an audit. ``crew`` starts it, and it ends with the audit.

It is told what to look at over a socket, and judges nothing. When the other end of the socket is
gone, for whatever reason, everything under way is ended, here and on the hosts.
"""

import asyncio
import contextlib
import gc
import os
import socket
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from portproof.model.hosts import Host
from portproof.model.listeners import Listener
from portproof.model.observation import FailedLook, HostLook, Look
from portproof.run.fleet import guarded
from portproof.run.worker_messages import (
    Alive,
    Done,
    Failing,
    Go,
    Looked,
    Report,
    Setup,
    packed,
    received,
)
from portproof.ssh.collector import SshCollector

_BEATS: Final = 12
"""Signs of life in the time after which a process without any is given up."""


def main(sockets: Sequence[int]) -> None:
    """Be a process for each of these sockets, by their descriptors.

    What was imported is shared by all of them: they are forked before there is any thread.
    """
    gc.collect()
    gc.freeze()
    own = sockets[0]
    for other in sockets[1:]:
        if os.fork() == 0:
            own = other
            break
    for other in sockets:
        if other != own:
            os.close(other)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(socket.socket(fileno=own)))
    os._exit(0)


async def _serve(own: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=own)
    setup = await received(reader)
    if isinstance(setup, Setup):
        async with SshCollector(setup.questions, setup.ssh) as collector:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(2 * setup.forks))
            await _Worker(collector, reader, writer).serve(setup.silence / _BEATS)
    os._exit(0)  # a name that is still being resolved must not hold up the end


class _Worker:
    def __init__(
        self, collector: SshCollector, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._collector = collector
        self._reader = reader
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self._failing: dict[int, asyncio.Future[Sequence[Listener]]] = {}

    async def serve(self, beat: float) -> None:
        """Do as it is told, with a sign of life every so many seconds."""
        self._start(self._beat(beat))
        try:
            while (order := await received(self._reader)) is not None:
                if isinstance(order, Go):
                    self._start(self._go(order))
                elif isinstance(order, Failing):
                    self._failing.pop(order.number).set_result(order.listeners)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self, seconds: float) -> None:
        while True:
            await self._say(Alive())
            await asyncio.sleep(seconds)

    async def _say(self, report: Report) -> None:
        with contextlib.suppress(ConnectionError):
            self._writer.write(packed(report))
            await self._writer.drain()

    async def _go(self, order: Go) -> None:
        async def collect(_: Host) -> Look:
            suspects = partial(self._ask, order.number)
            return await self._collector.look(order.host, order.way, suspects)

        done = Done(order.number, None, None)
        try:
            _, look = await guarded(collect, Host(order.host))
            if isinstance(look, FailedLook):
                done = Done(order.number, look, None)
            else:
                done = Done(order.number, None, look.why)
        finally:
            self._finish(done)

    def _finish(self, done: Done) -> None:
        """Say that a host is done with, whatever came of it: somebody waits for that."""
        try:
            message = packed(done)
        except (OverflowError, ValueError):  # no message can hold it
            message = packed(Done(done.number, None, None))
        self._writer.write(message)

    async def _ask(self, number: int, look: HostLook) -> Sequence[Listener]:
        """Hand in a look, and wait for what is to be asked about."""
        answer: asyncio.Future[Sequence[Listener]] = asyncio.get_running_loop().create_future()
        self._failing[number] = answer
        await self._say(Looked(number, look))
        return await answer
