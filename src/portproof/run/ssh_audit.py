"""Audit hosts over SSH: the unit of work, in this process or in a worker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from portproof.judge.host import explained, failing_listeners
from portproof.judge.plan import ports_to_try
from portproof.model.observation import FailedLook, Look, Observed
from portproof.result.result import HostResult
from portproof.run.host_audit import HostAudit, HostTask, failed_audit, internal_error
from portproof.run.plan import AuditPlan
from portproof.sources.connect_probe import ConnectProbe, ConnectRate
from portproof.ssh.collector import SshCollector

_MANY: Final = 1000
"""Rows of a look that are judged in a thread, so that they do not delay other hosts."""


class SshAuditor:
    """Audits hosts over SSH by a plan; keys and jump hosts are shared between hosts."""

    def __init__(self, plan: AuditPlan) -> None:
        self._plan = plan
        self._rules = plan.bound_rules()
        self._judge = plan.judge()
        self._collector = SshCollector(plan.questions(), plan.ssh)
        self._outside = ConnectProbe(_share(plan.processes)) if plan.outside else None

    async def close(self) -> None:
        """Close the connections to jump hosts."""
        await self._collector.close()

    async def audit(self, task: HostTask) -> HostAudit:
        """Look at a host and judge it; an error in portproof leaves it unproven."""
        try:
            return await self._audit(task)
        except Exception as error:  # noqa: BLE001 - the one boundary where nothing may be lost
            cause = internal_error(task.name, error)
            return failed_audit(self._judge, task.host, task.applying, cause)

    async def _audit(self, task: HostTask) -> HostAudit:
        async with self._collector.opened(task.name, task.connection) as opened:
            look = await self._from_outside(task, await self._collector.look_at(opened))
            judged = await self._judged(task, look)
            result = self._judge.waive(judged, task.applying)
            listeners = failing_listeners(result)
            if not listeners or isinstance(look, FailedLook) or isinstance(opened, FailedLook):
                return HostAudit(look, result)
            look = await self._collector.explained(opened, look, listeners)
        return HostAudit(look, self._judge.waive(explained(judged, look), task.applying))

    async def _judged(self, task: HostTask, look: Look) -> HostResult:
        if _rows(look) < _MANY:
            return self._judge.judge(task.host, task.applying, look)
        return await asyncio.to_thread(self._judge.judge, task.host, task.applying, look)

    async def _from_outside(self, task: HostTask, look: Look) -> Look:
        """Return the look with results of connecting to its ports, except behind a jump host."""
        if self._outside is None or isinstance(look, FailedLook):
            return look
        if look.access is None or look.access.through:
            return look
        ports = ports_to_try(self._rules, task.applying.rules)
        tried = await self._outside.try_ports(look.access.address, ports) if ports else None
        return msgspec.structs.replace(look, outside=tried)


@contextlib.asynccontextmanager
async def ssh_auditor(plan: AuditPlan) -> AsyncIterator[SshAuditor]:
    """Yield an auditor that is closed at the end."""
    auditor = SshAuditor(plan)
    try:
        yield auditor
    finally:
        await auditor.close()


def _share(processes: int) -> ConnectRate:
    """Return the part of the connection rate that each of several processes may use."""
    whole = ConnectRate()
    return ConnectRate(
        max(1, whole.at_once // processes), max(1, whole.a_second // processes), whole.wait
    )


def _rows(look: Look) -> int:
    if isinstance(look, FailedLook):
        return 0
    answers = look.reply.answers.values()
    return sum(answer.count for answer in answers if isinstance(answer, Observed))
