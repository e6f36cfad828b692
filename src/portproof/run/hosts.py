"""Audit the targets of a job: this machine first, then the others over SSH."""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Final, Protocol

from portproof.defaults import FORKS
from portproof.errors import UsageError
from portproof.investigate.why import with_why
from portproof.judge.job import Job, Judging
from portproof.model.connection import Connection
from portproof.model.hosts import Target
from portproof.model.observation import Unobserved
from portproof.policy.checks import questions_of
from portproof.run.fleet import FleetRun
from portproof.run.host_audit import HostAudit, HostTask, LocalAuditor, failed_audit
from portproof.run.plan import AuditPlan
from portproof.sources.identity import this_platform
from portproof.sources.local import look_here
from portproof.sources.source import Source
from portproof.ssh.settings import VIA, SshSettings

_OVER_SSH: Final = "portproof.run.ssh_audit"


@dataclass(frozen=True, slots=True)
class LookSettings:
    """How hosts are looked at.

    ``sources`` are tried in order on this machine; ``forks`` is how many other hosts are looked at
    at a time; ``outside`` says whether the TCP ports that must be closed on them are tried from
    here as well.
    """

    sources: Sequence[Source]
    forks: int = FORKS
    outside: bool = False
    ssh: SshSettings = field(default_factory=SshSettings)


class Auditor(Protocol):
    """Audits hosts over SSH, in this process or in others."""

    def audit(self, task: HostTask) -> Awaitable[HostAudit]:
        """Audit one host."""
        ...

    def close(self) -> Awaitable[None]:
        """Stop everything."""
        ...


class HostAudits:
    """Iterate once to audit every target. Those left out after ``finish`` were not looked at.

    Raises:
        UsageError: a host is reached over SSH, and the settings name a source that is not there.
        ImportError: a host is reached over SSH, and a library for that cannot be loaded.
    """

    def __init__(self, job: Job, targets: Sequence[Target], settings: LookSettings) -> None:
        self._job = job
        self._settings = settings
        self._judging = Judging(job)
        self._near = [target for target in targets if not _is_far(target)]
        self._far = [target for target in targets if _is_far(target)]
        self._fleet: FleetRun[HostTask, HostAudit] | None = None
        self._is_finishing = False
        if self._far and settings.ssh.via not in (None, *VIA):
            text = f"hosts reached over SSH have no source {settings.ssh.via}"
            raise UsageError(f"{text}; take {' or '.join(VIA)}, or leave out --via")
        if self._far:
            import_module(_OVER_SSH)

    def finish(self) -> None:
        """Start no more hosts; those in progress are still completed."""
        self._is_finishing = True
        if self._fleet is not None:
            self._fleet.finish()

    def cancel(self) -> None:
        """Stop at once what runs on hosts that are reached over SSH."""
        self._is_finishing = True
        if self._fleet is not None:
            self._fleet.cancel()

    def __iter__(self) -> Iterator[HostAudit]:
        """Yield the audit of each host in order of completion."""
        for target in self._near:
            yield self._audit_near(target)
            if self._is_finishing:
                return
        if not self._far:
            return
        auditor = self._auditor()
        tasks = map(self._task, self._far)
        self._fleet = FleetRun(auditor.audit, tasks, self._settings.forks, auditor.close)
        if not self._is_finishing:
            yield from self._fleet

    def _audit_near(self, target: Target) -> HostAudit:
        applying, judge = self._judging.applying(target.host.name), self._judging.judge
        if isinstance(target.connection, Unobserved):
            return failed_audit(judge, target.host, applying, target.connection)
        questions = questions_of(self._job.checks)[this_platform()]
        look = partial(look_here, self._settings.sources, questions)
        explain = partial(with_why, sources=self._settings.sources)
        return LocalAuditor(judge, look, explain).audit(target.host, applying)

    def _task(self, target: Target) -> HostTask:
        host, connection = target.host, target.connection
        if isinstance(connection, Unobserved):
            raise TypeError(f"{host.name} is not reached over SSH")
        return HostTask(host.name, host.groups, connection, self._judging.applying(host.name))

    def _auditor(self) -> Auditor:
        """Return this process for few hosts, or worker processes for many."""
        from portproof.run.ssh_audit import SshAuditor  # noqa: PLC0415 - asyncssh costs start-up time only a fleet repays
        from portproof.run.workers import Workers, wanted  # noqa: PLC0415 - the same

        count = wanted(len(self._far), self._settings.forks)
        plan = self._plan(count)
        return SshAuditor(plan) if count == 1 else Workers(plan, self._settings.forks)

    def _plan(self, processes: int) -> AuditPlan:
        settings = self._settings
        return AuditPlan.of(
            self._job, outside=settings.outside, ssh=settings.ssh, processes=processes
        )


def _is_far(target: Target) -> bool:
    return isinstance(target.connection, Connection) and target.connection.kind == "ssh"
