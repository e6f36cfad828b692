"""Audit hosts for another process. ``workers`` starts this program, and it ends with its parent.

When the other end of its socket is closed, for any reason, everything in progress is stopped, here
and on the hosts.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from portproof.model.observation import Reason, Unobserved
from portproof.run.host_audit import HostTask, failed_audit
from portproof.run.plan import AuditPlan
from portproof.run.ssh_audit import SshAuditor, ssh_auditor
from portproof.run.wire import WorkerSettings, audit_bytes, framed, next_message, read_task
from portproof.text.logs import start

_ALIVE: Final = b""
_NOT_SENT: Final = Unobserved(Reason.GARBLED, "the host sent what cannot be passed on")


def main(told: str, sockets: Sequence[int]) -> None:
    """Become a process for each of these sockets, by descriptor; standard input has the plan.

    What was imported and read is shared by all of them: they are forked before there is any thread.

    Args:
        told: The settings, in JSON.
        sockets: Their descriptors.
    """
    settings = msgspec.json.decode(told, type=WorkerSettings)
    if settings.log is not None:
        start(settings.log)
    plan = AuditPlan.model_validate_json(sys.stdin.buffer.read())
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
        asyncio.run(_serve(plan, settings, socket.socket(fileno=own)))
    os._exit(0)  # a name that is still being resolved must not delay the end


async def _serve(plan: AuditPlan, settings: WorkerSettings, own: socket.socket) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * settings.forks))
    reader, writer = await asyncio.open_connection(sock=own)
    async with ssh_auditor(plan) as auditor:
        under_way = {asyncio.create_task(_beat(writer, settings.beat))}
        while (message := await next_message(reader)) is not None:
            task = asyncio.create_task(_audit(auditor, plan, read_task(message), writer))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
    os._exit(0)


async def _beat(writer: asyncio.StreamWriter, seconds: float) -> None:
    while True:
        writer.write(framed(_ALIVE))
        await asyncio.sleep(seconds)


async def _audit(
    auditor: SshAuditor, plan: AuditPlan, task: HostTask, writer: asyncio.StreamWriter
) -> None:
    audit = await auditor.audit(task)
    try:
        message = framed(audit_bytes(audit))
    except (OverflowError, ValueError):
        failed = failed_audit(plan.judge(), task.host, task.applying, _NOT_SENT)
        message = framed(audit_bytes(failed))
    with contextlib.suppress(ConnectionError):
        writer.write(message)
        await writer.drain()
