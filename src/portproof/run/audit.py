"""An audit run: every host is judged as soon as it was looked at."""

import logging
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from portproof import __version__
from portproof.judge.job import Job, Judging, basis_of
from portproof.judge.waivers import WaiverRemark
from portproof.model.hosts import Host
from portproof.model.listeners import Listener
from portproof.model.observation import (
    FailedLook,
    HostLook,
    Look,
    Reason,
    Unobserved,
)
from portproof.model.verdicts import Verdict
from portproof.result.result import AuditResult, Digest, HostResult, Run
from portproof.text.logs import logger
from portproof.text.times import now

_LOG: Final = logger(__name__)

_STANDS: Final = timedelta(days=1)
"""How long a look stands when its audit is resumed."""

Record = Callable[[Host, Look], None]
Watch = Callable[[HostResult], None]
Suspects = Callable[[Host, HostLook], Sequence[Listener]]


@runtime_checkable
class AsksWhy(Protocol):
    """Looks that can ask, while they are at a host, who is behind listeners that fail there."""

    def asking(self, suspects: Suspects) -> Iterable[tuple[Host, Look]]:
        """The looks together with the answers; ``suspects`` tells which listeners fail."""
        ...


def run(
    job: Job,
    looks: Iterable[tuple[Host, Look]],
    *,
    record: Record | None = None,
    watch: Watch | None = None,
    known: Mapping[str, Look] = MappingProxyType({}),
) -> AuditResult:
    """Judge each host as soon as it was looked at, and add up the result.

    Args:
        job: What must hold, for whom.
        looks: Hosts with their looks, as they come; a host that never comes was interrupted. Where
            listeners fail, they are asked who is behind them, if they can be (``AsksWhy``).
        record: Is told every look before its verdicts count, so that none lacks its evidence.
        watch: Is told every host's result as it comes.
        known: Looks of an earlier run that still stand, by the host's name.
    """
    begun = now()
    # Waivers hold as they hold now, whenever the audit was begun.
    started, today = job.begun or begun, begun.date()
    judging = Judging(job, today)
    _LOG.info("%d hosts to judge by %d rules", len(job.inventory.hosts), len(job.rules))
    _log_questions(job)
    asked = looks.asking(judging.suspects) if isinstance(looks, AsksWhy) else looks
    results = {host.name: judging(host, known[host.name]) for host in job.kept(known)}
    for host, look in asked:
        results[host.name] = judging(host, look)
        _log(look, results[host.name])
        if record is not None:
            record(host, look)
        if watch is not None:
            watch(results[host.name])
    left = [host for host in job.inventory.hosts if host.name not in results]
    results |= {host.name: judging(host, interrupted(now())) for host in left}
    hosts = [results[host.name] for host in job.inventory.hosts]
    return AuditResult(
        _identity(job, started, interrupted=bool(left)),
        job.rules,
        hosts,
        checks=job.checks,
        warnings=judging.warnings(hosts),
        basis=basis_of(job, today),
        framework=job.framework,
    )


def _log(look: Look, result: HostResult) -> None:
    if _LOG.isEnabledFor(logging.INFO):
        seen = look.cause if isinstance(look, FailedLook) else look.reply.identity.source
        counts = Counter(each.verdict for each in result.judgements)
        told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
        _LOG.info("%s: judged: %s (%s, %.1f s)", result.name, told, seen, look.seconds)


def _log_questions(job: Job) -> None:
    if _LOG.isEnabledFor(logging.DEBUG):
        for platform, questions in job.questions().items():
            for name, sql in questions.items():
                _LOG.debug("question %s on %s: %s", name, platform, sql)


def still_stand(job: Job, looks: Mapping[str, Look]) -> dict[str, Look]:
    """The looks of an earlier run by which nothing is unproven; the other hosts are asked again.

    A look stands for a day: what was closed longer ago need not be closed now.
    """
    judging = Judging(job, now().date())
    return {
        host.name: looks[host.name]
        for host in job.kept(looks)
        if _is_fresh(looks[host.name]) and not judging(host, looks[host.name]).has(Verdict.UNPROVEN)
    }


def untidy_waivers(job: Job, looks: Iterable[tuple[Host, Look]]) -> tuple[WaiverRemark, ...]:
    """The waivers of a job to be cleaned up, by what an audit saw; looks are not kept."""
    judging = Judging(job, now().date())
    return judging.untidy(judging(host, look) for host, look in looks)


def _is_fresh(look: Look) -> bool:
    """Return whether a look was taken within the last day; one of the future was not."""
    return look.taken is not None and timedelta(0) <= now() - look.taken <= _STANDS


def interrupted(taken: datetime | None) -> FailedLook:
    """What stands for the look at a host that an audit did not come to."""
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
