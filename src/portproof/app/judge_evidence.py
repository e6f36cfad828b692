"""Judge the evidence of an audit with other policies. No host is connected to."""

import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from portproof import __version__
from portproof.app.prepare import prepare
from portproof.app.rejudge import basis_of as recorded_basis
from portproof.app.rejudge import inventory_of
from portproof.archive.folder import Evidence
from portproof.archive.read import read_evidence, read_request
from portproof.content.load import Content
from portproof.judge.job import Job, Judging, basis_of
from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    FailedLook,
    HostLook,
    Look,
    Platform,
    Reason,
    Unobserved,
)
from portproof.policy.checks import Check
from portproof.result.result import AuditResult, HostResult, Run
from portproof.text.times import iso, now

_OF_LISTENERS: Final = frozenset({LISTENING_SOCKETS, PUBLISHED_PORTS})
_NO_EVIDENCE: Final = Unobserved(Reason.PARTIAL, "the folder has no evidence of this host")

RecordEvidence = Callable[[Evidence], None]


def judge_evidence(
    folder: Path, old: AuditResult, job: Job, record: RecordEvidence | None = None
) -> AuditResult:
    """Judge a folder's evidence with other policies, as an audit would have judged it.

    Waivers are judged as of today. A host without evidence is unproven. So is a rule whose check
    was not run then or has changed.

    Args:
        folder: A whole folder.
        old: Its result.
        job: What to judge by (``job_by``).
        record: Called with every line of evidence that was judged.

    Raises:
        ContentError: the evidence cannot be read.
    """
    begun = now()
    judging = Judging(job)
    asked = {check.check: check for check in old.checks}
    results, taken = _judged(folder, job, judging, asked, record)
    hosts = [results.get(host.name) or judging(host, unseen()) for host in job.inventory.hosts]
    return AuditResult(
        _identity(job, old, begun),
        job.rules,
        hosts,
        checks=job.checks,
        warnings=(_about(taken), *judging.warnings(hosts)),
        basis=basis_of(job),
    )


def job_by(folder: Path, old: AuditResult, content: Content) -> Job:
    """Plan an audit of the hosts of a folder with other policies and checks.

    Raises:
        ContentError: policies or checks are wrong.
    """
    basis = recorded_basis(old, read_request(folder))
    job = prepare(
        content,
        inventory_of(old, basis),
        require_witness=basis.require_witness,
        warn_days=basis.warn_days,
    )
    # Listeners were asked for as the checks of that time say, and are judged by whatever rules. An
    # answer about containers' ports can only add some, and would not be missed if it were dropped.
    then = [check for check in old.checks if check.check in _OF_LISTENERS]
    others = [check for check in job.checks if check.check not in _OF_LISTENERS]
    return replace(job, checks=(*then, *others))


def _judged(
    folder: Path,
    job: Job,
    judging: Judging,
    asked: Mapping[str, Check],
    record: RecordEvidence | None,
) -> tuple[dict[str, HostResult], list[datetime]]:
    """Return the result of each host with evidence, and the times of the first and last look."""
    known = {host.name: host for host in job.inventory.hosts}
    results: dict[str, HostResult] = {}
    taken: list[datetime] = []
    for evidence in read_evidence(folder):
        if evidence.host in known:
            look = _answered(evidence.look, job, asked)
            results[evidence.host] = judging(known[evidence.host], look)
            times = [*taken, look.taken] if look.taken is not None else taken
            taken = [min(times), max(times)] if times else []
            if record is not None:
                record(msgspec.structs.replace(evidence, look=look))
    return results, taken


def _answered(look: Look, job: Job, asked: Mapping[str, Check]) -> Look:
    """Return a look without the answers to questions that have changed since."""
    if isinstance(look, FailedLook):
        return look
    system = look.reply.identity.platform
    other = [
        each
        for each in job.checks
        if _question(each, system) != _question(asked.get(each.check), system)
    ]
    gone = {name for check in other for name in (check.check, check.witness_id)}
    return _without(look, gone) if gone & look.reply.answers.keys() else look


def _question(check: Check | None, system: Platform) -> tuple[str | None, str | None]:
    return (None, None) if check is None else (check.sql_on(system), check.witness_on(system))


def _without(look: HostLook, gone: set[str]) -> HostLook:
    answers = {name: each for name, each in look.reply.answers.items() if name not in gone}
    reply = msgspec.structs.replace(look.reply, answers=answers)
    return msgspec.structs.replace(look, reply=reply)


def unseen() -> FailedLook:
    """Return the look of a host without evidence in the folder: a failed one."""
    return FailedLook(cause=_NO_EVIDENCE, taken=None, seconds=0.0)


def _about(taken: list[datetime]) -> str:
    when = " to ".join(dict.fromkeys(map(iso, taken))) or "no time: there is none"
    return f"judged from evidence of {when}; no host was audited again"


def _identity(job: Job, old: AuditResult, begun: datetime) -> Run:
    return Run(
        version=__version__,
        started=begun,
        finished=begun,
        controller=platform.node(),
        inventory=old.run.inventory,
        policies=job.policy_digests,
        checks=job.check_digests,
        interrupted=old.run.interrupted,
        evaluated=old.run.evaluated or old.run.finished,
    )
