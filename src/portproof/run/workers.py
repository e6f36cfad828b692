"""Several processes that look at hosts over SSH, for inventories that one would be slow for.

They are programs of their own (``worker``), not copies of this process, which may have threads and
belongs to whoever calls the library. In a session of their own they hear no Ctrl-C; when the socket
to this process ends, they do.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from portproof.model.connection import Connection
from portproof.model.listeners import Listener
from portproof.model.observation import FailedLook, HostLook, Look, Reason, Unobserved
from portproof.run.worker_messages import (
    Done,
    Failing,
    Go,
    Looked,
    Message,
    Setup,
    packed,
    received,
)
from portproof.text.times import now

EACH: Final = 200
"""Hosts that repay the start of one process."""

MOST: Final = 16
"""Processes for which this one can judge what they bring."""

_PARTING: Final = 3.0
"""Seconds that processes have to end by themselves."""

_BOOT: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from portproof.run.worker_main import main; main([*map(int, sys.argv[2:])])"
)

Suspects = Callable[[HostLook], Awaitable[Sequence[Listener]]]


def wanted(hosts: int, forks: int) -> int:
    """How many processes hosts are worth: one for every ``EACH``, and a core for each."""
    if not sys.executable or os.name != "posix":
        return 1
    return max(1, min(_cores(), hosts // EACH, forks, MOST))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crew:
    """Processes that look at hosts; each look goes to the one with the fewest under way.

    One that ends leaves the hosts it was at unproven, and another takes its place.

    Args:
        setup: What they are told first.
        count: How many there are.
    """

    def __init__(self, setup: Setup, count: int) -> None:
        self._setup = setup
        self._count = count
        self._members: list[_Member] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._lock = asyncio.Lock()

    async def look(
        self, host: str, connection: Connection, suspects: Suspects | None = None
    ) -> Look:
        """Look at one host, as ``SshCollector.look`` does."""
        async with self._lock:
            there = [member for member in self._members if not member.is_gone]
            if len(there) < self._count:
                there += await self._start(self._count - len(there))
            self._members = there
            member = min(there, key=lambda each: (each.is_gone, each.under_way))
            look = member.begun(host, connection, suspects)
        return await look

    async def close(self) -> None:
        """End the processes, and with them whatever they have under way."""
        try:
            async with asyncio.timeout(_PARTING):
                await asyncio.gather(*(member.parted() for member in self._members))
        except TimeoutError:
            pass
        finally:
            for process in self._started:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    async def _start(self, count: int) -> list["_Member"]:
        pairs = [socket.socketpair() for _ in range(count)]
        try:
            self._started.append(_program([theirs.fileno() for _, theirs in pairs]))
        finally:
            for _, theirs in pairs:
                theirs.close()
        return [await self._member(ours) for ours, _ in pairs]

    async def _member(self, ours: socket.socket) -> "_Member":
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(packed(self._setup))
        return _Member(reader, writer, self._setup.silence)


def _program(sockets: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the program that becomes a process for each of these sockets."""
    command = [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), *map(str, sockets)]
    return subprocess.Popen(  # noqa: S603 - this very Python, with a program of ours
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=sockets,
        start_new_session=True,
    )


class _Case:
    """One host that is looked at, and what is known of it so far."""

    def __init__(self, host: str, suspects: Suspects | None) -> None:
        self.host = host
        self.suspects = suspects
        self.result: asyncio.Future[Look] = asyncio.get_running_loop().create_future()
        self.look: HostLook | None = None
        self._taken = now()
        self._begun = time.monotonic()

    def finish(self, done: Done) -> None:
        """Give the look; one that was handed in stands, whatever came after it."""
        if self.look is None:
            self._give(done.dark or self._dark("told nothing of it"))
        elif done.why is None:
            self._give(self.look)
        else:
            self._give(msgspec.structs.replace(self.look, why=done.why))

    def lose(self, what: str) -> None:
        """Give what there is, when nothing more can come."""
        self._give(self.look or self._dark(what))

    def _dark(self, what: str) -> FailedLook:
        text = f"the process that looked at {self.host} {what}; look at it again with --resume"
        seconds = round(time.monotonic() - self._begun, 3)
        return FailedLook(
            cause=Unobserved(Reason.INTERNAL, text), taken=self._taken, seconds=seconds
        )

    def _give(self, look: Look) -> None:
        if not self.result.done():
            self.result.set_result(look)


class _Member:
    """One process, as it is seen from here."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float
    ) -> None:
        self.is_gone = False
        self._reader = reader
        self._writer = writer
        self._silence = silence
        self._numbers = itertools.count()
        self._cases: dict[int, _Case] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._listening = asyncio.create_task(self._listen())

    @property
    def under_way(self) -> int:
        """How many hosts it is at."""
        return len(self._cases)

    def begun(
        self, host: str, connection: Connection, suspects: Suspects | None
    ) -> Awaitable[Look]:
        """Begin a look."""
        case, number = _Case(host, suspects), next(self._numbers)
        if self.is_gone:  # it ended while others were started
            case.lose("ended")
            return case.result
        self._cases[number] = case
        self._say(Go(number, host, connection))
        return case.result

    async def parted(self) -> None:
        """Send it home, and wait until it is gone."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write_eof()
        await self._listening

    def _say(self, message: Message) -> None:
        if not self.is_gone:
            self._writer.write(packed(message))

    async def _listen(self) -> None:
        what = "ended"
        try:
            while (message := await self._next()) is not None:
                self._take(message)
        except msgspec.MsgspecError as error:
            what = f"is not understood ({error})"
        except TimeoutError:
            what = f"gave no sign of life for {self._silence:g} seconds"
        finally:
            self.is_gone = True
            self._writer.close()
            for case in self._cases.values():
                case.lose(what)
            self._cases.clear()

    async def _next(self) -> Message | None:
        async with asyncio.timeout(self._silence):
            return await received(self._reader)

    def _take(self, message: Message) -> None:
        if isinstance(message, Looked):
            case = self._cases[message.number]
            case.look = message.look
            task = asyncio.create_task(self._answer(message, case.suspects))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        elif isinstance(message, Done):
            self._cases.pop(message.number).finish(message)

    async def _answer(self, message: Looked, suspects: Suspects | None) -> None:
        """Tell which listeners to ask about; none where that cannot be told."""
        listeners: Sequence[Listener] = ()
        if suspects is not None:
            with contextlib.suppress(Exception):  # whoever judges the look comes upon it again
                listeners = await suspects(message.look)
        self._say(Failing(message.number, tuple(listeners)))
