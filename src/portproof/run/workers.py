"""Audit hosts over SSH in several processes, for inventories that are too large for one.

They are separate programs (``worker_main``), not copies of this process, which may have threads and
belongs to the caller of the library. In a session of their own they receive no Ctrl-C; they end
when the socket to this process closes. docs/decisions/0011 explains why no executor is used.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Final

import msgspec

from portproof.model.observation import Reason, Unobserved
from portproof.run.host_audit import HostAudit, HostTask, failed_audit
from portproof.run.plan import AuditPlan
from portproof.run.wire import (
    WorkerSettings,
    audit_of,
    framed,
    next_message,
    read_audit,
    task_bytes,
)
from portproof.text.logs import current, logger
from portproof.text.words import many

_LOG: Final = logger(__name__)

EACH: Final = 200
"""Hosts that make up for the cost of starting one process."""

MOST: Final = 16
"""The most processes whose results this one can write."""

SILENCE: Final = 60.0
"""Seconds without a heartbeat after which a process is given up."""

_BEATS: Final = 12
"""Heartbeats in that time."""

_PARTING: Final = 3.0
"""Seconds that processes have to end by themselves."""

_BOOT: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from portproof.run.worker_main import main; main(sys.argv[2], [*map(int, sys.argv[3:])])"
)


def wanted(hosts: int, forks: int) -> int:
    """Return how many processes to start: one for every ``EACH`` hosts, at most one per core."""
    if not sys.executable or os.name != "posix":
        return 1
    return max(1, min(_cores(), hosts // EACH, forks, MOST))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Processes that audit hosts by a plan; each host goes to the least busy one.

    If one ends, the hosts it was looking at are unproven, and another takes its place.

    Args:
        plan: By what they audit; it says how many there are.
        forks: Hosts that are audited at a time by all of them.
        silence: Seconds without a heartbeat after which a process is given up.
    """

    def __init__(self, plan: AuditPlan, forks: int, silence: float = SILENCE) -> None:
        self._plan = plan
        self._judge = plan.judge()
        self._forks = forks
        self._silence = silence
        self._workers: list[_Worker] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._lock = asyncio.Lock()

    async def audit(self, task: HostTask) -> HostAudit:
        """Audit one host, as ``SshAuditor.audit`` does."""
        async with self._lock:
            there = [worker for worker in self._workers if not worker.is_gone]
            if len(there) < self._plan.processes:
                there += await self._start(self._plan.processes - len(there))
            self._workers = there
            worker = min(there, key=lambda each: (each.is_gone, len(each.under_way)))
            audit = worker.begun(task)
        done = await audit
        if isinstance(done, HostAudit):
            return done
        text = f"the process that looked at {task.name} {done}; look at it again with --resume"
        cause = Unobserved(Reason.INTERNAL, text)
        return failed_audit(self._judge, task.host, task.applying, cause)

    async def close(self) -> None:
        """End the processes, and everything they have in progress."""
        try:
            async with asyncio.timeout(_PARTING):
                await asyncio.gather(*(worker.ended() for worker in self._workers))
        except TimeoutError:
            pass
        finally:
            for process in self._started:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    async def _start(self, count: int) -> list["_Worker"]:
        _LOG.info("%s started", many(count, "worker"))
        pairs = [socket.socketpair() for _ in range(count)]
        try:
            self._started.append(self._program([theirs.fileno() for _, theirs in pairs]))
        finally:
            for _, theirs in pairs:
                theirs.close()
        return [
            _Worker(*await asyncio.open_connection(sock=ours), self._silence) for ours, _ in pairs
        ]

    def _program(self, sockets: Sequence[int]) -> subprocess.Popen[bytes]:
        """Start the program that becomes a process for each of these sockets."""
        forks, beat = self._forks // self._plan.processes + 1, self._silence / _BEATS
        settings = msgspec.json.encode(WorkerSettings(forks, beat, current())).decode()
        words = (json.dumps(sys.path), settings, *map(str, sockets))
        with tempfile.TemporaryFile() as plan:
            plan.write(self._plan.model_dump_json(exclude_unset=True).encode())
            plan.seek(0)
            return subprocess.Popen(  # noqa: S603 - this very Python, with a program of ours
                [sys.executable, "-P", "-c", _BOOT, *words],
                stdin=plan,
                stdout=subprocess.DEVNULL,
                pass_fds=sockets,
                start_new_session=True,
            )


class _Worker:
    """The parent's view of one process; its hosts in progress are in ``under_way``."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float
    ) -> None:
        self.is_gone = False
        self.under_way: dict[str, tuple[HostTask, asyncio.Future[HostAudit | str]]] = {}
        self._reader = reader
        self._writer = writer
        self._silence = silence
        self._listening = asyncio.create_task(self._listen())

    def begun(self, task: HostTask) -> "asyncio.Future[HostAudit | str]":
        """Send a task; the future yields its audit, or why the process ended."""
        future: asyncio.Future[HostAudit | str] = asyncio.get_running_loop().create_future()
        if self.is_gone:  # it ended while others were started
            future.set_result("ended")
            return future
        self.under_way[task.name] = task, future
        self._writer.write(framed(task_bytes(task)))
        return future

    async def ended(self) -> None:
        """Close the socket for writing, and wait until the process has ended."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.write_eof()
        await self._listening

    async def _listen(self) -> None:
        what = "ended"
        try:
            while (message := await self._next()) is not None:
                if message:
                    self._take(message)
        except (msgspec.MsgspecError, KeyError) as error:
            what = f"is not understood ({error})"
        except TimeoutError:
            what = f"sent no heartbeat for {self._silence:g} seconds"
        finally:
            self.is_gone = True
            _LOG.info("a worker %s, hosts under way: %d", what, len(self.under_way))
            self._writer.close()
            for _, future in self.under_way.values():
                if not future.done():
                    future.set_result(what)
            self.under_way.clear()

    async def _next(self) -> bytes | None:
        async with asyncio.timeout(self._silence):
            return await next_message(self._reader)

    def _take(self, message: bytes) -> None:
        encoded = read_audit(message)
        task, future = self.under_way.pop(encoded.host)
        if not future.done():
            future.set_result(audit_of(encoded, task.groups))
