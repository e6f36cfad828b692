"""Run an audit: collect evidence and verdicts host by host, and add them up."""

import logging
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from portproof import __version__
from portproof.judge.job import Job, Judging, basis_of
from portproof.judge.waivers import WaiverRemark
from portproof.model.hosts import Host
from portproof.model.observation import (
    FailedLook,
    Look,
    Reason,
    Unobserved,
)
from portproof.model.verdicts import Verdict
from portproof.policy.checks import questions_of
from portproof.result.result import AuditResult, Digest, HostResult, Run
from portproof.run.host_audit import HostAudit
from portproof.text.logs import logger
from portproof.text.times import now
from portproof.text.words import many

_LOG: Final = logger(__name__)

_STANDS: Final = timedelta(days=1)
"""How long a look stays valid when its audit is resumed."""

RecordLook = Callable[[Host, Look], None]
Watch = Callable[[HostResult], None]


def run(
    job: Job,
    audits: Iterable[HostAudit],
    *,
    record: RecordLook | None = None,
    watch: Watch | None = None,
    known: Mapping[str, Look] = MappingProxyType({}),
) -> AuditResult:
    """Collect the audit of each host, and add up the result.

    Args:
        job: What must hold, for whom.
        audits: Evidence and verdicts of each host, in order of completion (``run.hosts``); a host
            that never appears was interrupted.
        record: Called with every look before its verdicts count, so that none lacks its evidence.
        watch: Called with every host's result when it is complete.
        known: Looks of an earlier run that are still valid, by the host's name.
    """
    started, judging = job.begun or now(), Judging(job)
    by_name = {host.name: host for host in job.inventory.hosts}
    counts = many(len(job.inventory.hosts), "host"), many(len(job.rules), "rule")
    _LOG.info("%s to judge by %s", *counts)
    _log_questions(job)
    results = {host.name: judging(host, known[host.name]) for host in job.kept(known)}
    for audit in audits:
        _log(audit.look, audit.result)
        if record is not None:
            record(by_name[audit.result.name], audit.look)
        results[audit.result.name] = audit.result
        if watch is not None:
            watch(audit.result)
    left = [host for host in job.inventory.hosts if host.name not in results]
    results |= {host.name: judging(host, interrupted(now())) for host in left}
    hosts = [results[host.name] for host in job.inventory.hosts]
    return AuditResult(
        _identity(job, started, interrupted=bool(left)),
        job.rules,
        hosts,
        checks=job.checks,
        warnings=judging.warnings(hosts),
        basis=basis_of(job),
        framework=job.framework,
    )


def judged(job: Job, looks: Iterable[tuple[Host, Look]]) -> Iterator[HostAudit]:
    """Judge hosts by looks that were taken already; there is no second round."""
    judging = Judging(job)
    return (HostAudit(look, judging(host, look)) for host, look in looks)


def _log(look: Look, result: HostResult) -> None:
    if _LOG.isEnabledFor(logging.INFO):
        seen = look.cause if isinstance(look, FailedLook) else look.reply.identity.source
        counts = Counter(each.verdict for each in result.judgements)
        told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        _LOG.info("%s: judged: %s (%s, %.1f s)", result.name, told, seen, look.seconds)


def _log_questions(job: Job) -> None:
    if _LOG.isEnabledFor(logging.DEBUG):
        for platform, questions in questions_of(job.checks).items():
            for name, sql in questions.items():
                _LOG.debug("question %s on %s: %s", name, platform, sql)


def still_stand(job: Job, looks: Mapping[str, Look]) -> dict[str, Look]:
    """Return the looks of an earlier run that are still valid; other hosts are asked again.

    A look stands for a day: what was closed longer ago need not be closed now.
    """
    judging = Judging(job)
    return {
        host.name: looks[host.name]
        for host in job.kept(looks)
        if _is_fresh(looks[host.name]) and not judging(host, looks[host.name]).has(Verdict.UNPROVEN)
    }


def untidy_waivers(job: Job, looks: Iterable[tuple[Host, Look]]) -> tuple[WaiverRemark, ...]:
    """Return the waivers of a job to clean up, by what an audit saw; looks are not kept."""
    judging = Judging(job)
    return judging.untidy(judging(host, look) for host, look in looks)


def _is_fresh(look: Look) -> bool:
    """Return whether a look was taken within the last day, and not in the future."""
    return look.taken is not None and timedelta(0) <= now() - look.taken <= _STANDS


def interrupted(taken: datetime | None) -> FailedLook:
    """Return the look of a host that an interrupted audit did not reach."""
    cause = Unobserved(Reason.INTERRUPTED, "the audit was stopped before this host was looked at")
    return FailedLook(cause=cause, taken=taken, seconds=0.0)


def _identity(job: Job, started: datetime, *, interrupted: bool) -> Run:
    return Run(
        version=__version__,
        started=started,
        finished=now(),
        controller=platform.node(),
        inventory=Digest(job.inventory.source, job.inventory.digest),
        policies=job.policy_digests,
        checks=job.check_digests,
        interrupted=interrupted,
    )
