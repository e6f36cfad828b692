"""The audit: wires inventory, looks, evaluation and result. The library's entry.

from portproof.audit import audit
from portproof.model.policy import Policy

result = audit([Policy(policy="mine", title="Closed", rules=[{"id": "a", "closed": 609}])])
print(result.exit_code, result.totals)
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from portproof import __version__
from portproof.collectors.identity import this_platform
from portproof.collectors.local import look_here, sources
from portproof.collectors.source import Source
from portproof.content import shipped
from portproof.engines import local
from portproof.errors import UsageError
from portproof.evaluate import pattern_warnings, plans
from portproof.inventory.plain import LOCAL, this_machine
from portproof.judging import judge
from portproof.loading.content import Content, load
from portproof.loading.lint import lint
from portproof.model.checks import Check
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import (
    LISTENING_SOCKETS,
    HostDark,
    Look,
    Platform,
    Reason,
    Unobserved,
)
from portproof.model.policy import BoundRule, Policy, bind
from portproof.model.result import AuditResult, Digest, Run
from portproof.model.rules.check import CheckRule
from portproof.model.waivers import BoundWaiver
from portproof.waive import Waivers

WARN_DAYS: Final = 30
"""Days before a waiver's end from which an audit warns of it, unless told otherwise."""

Record = Callable[[Host, Look], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What an audit is about: rules for hosts, and the checks the rules need."""

    rules: tuple[BoundRule, ...]
    checks: tuple[Check, ...]
    inventory: Inventory
    waivers: tuple[BoundWaiver, ...] = ()
    warn_days: int = WARN_DAYS
    policy_digests: tuple[Digest, ...] = ()
    check_digests: tuple[Digest, ...] = ()
    require_witness: bool = False

    def questions(self, system: Platform) -> dict[str, str]:
        """The SQL to ask on a platform, by question id; checks without SQL there are left out."""
        asked = {check.check: check.sql_on(system) for check in self.checks}
        witnesses = {check.witness_id: check.witness_on(system) for check in self.checks}
        return {name: sql for name, sql in (asked | witnesses).items() if sql is not None}


def prepare(
    content: Content,
    inventory: Inventory,
    *,
    require_witness: bool = False,
    warn_days: int = WARN_DAYS,
) -> Job:
    """Check content and turn it into a job.

    Raises:
        ContentError: holds everything that is wrong with policies and checks.
    """
    lint(content)
    content.raise_problems()
    known = content.check_by_id()
    rules = content.rules()
    needed = _needed_checks(rules)
    return Job(
        rules=rules,
        checks=tuple(known[name] for name in needed if name in known),
        inventory=inventory,
        waivers=content.waivers(),
        warn_days=warn_days,
        policy_digests=content.policy_digests(),
        check_digests=tuple(
            loaded.digest for loaded in content.checks if loaded.model.check in needed
        ),
        require_witness=require_witness,
    )


def audit(
    policies: Sequence[Policy],
    *,
    checks: Sequence[Check] = (),
    inventory: Inventory | None = None,
    via: str | None = None,
) -> AuditResult:
    """Audit hosts against policies made in Python; without an inventory, this machine.

    The shipped checks are known besides ``checks``. Nothing is written.

    Raises:
        UsageError: there is no rule, an id is used twice, or a check is not known.
        ContentError: the installation's own checks are broken.
    """
    own = load([], [shipped("checks")])
    own.raise_problems()
    rules = tuple(bind(policies))
    known = own.check_by_id() | {check.check: check for check in checks}
    _refuse_flaws(rules, known)
    job = Job(
        rules,
        tuple(known[name] for name in _needed_checks(rules)),
        inventory or this_machine(),
        waivers=_waivers_of(policies),
    )
    return run(job, sources(via))


def _waivers_of(policies: Iterable[Policy]) -> tuple[BoundWaiver, ...]:
    return tuple(
        BoundWaiver(waiver, f"{policy.policy}/{waiver.rule}", index=index)
        for policy in policies
        for index, waiver in enumerate(policy.waivers)
    )


def _needed_checks(rules: Iterable[BoundRule]) -> dict[str, None]:
    used = (bound.rule.check for bound in rules if isinstance(bound.rule, CheckRule))
    return dict.fromkeys((LISTENING_SOCKETS, *used))


def _refuse_flaws(rules: Sequence[BoundRule], known: dict[str, Check]) -> None:
    if not rules:
        raise UsageError("there is no rule to judge; give at least one policy")
    twice = [key for key, count in Counter(bound.key for bound in rules).items() if count > 1]
    if twice:
        raise UsageError(f"rule ids must be unique; used twice: {', '.join(twice)}")
    unknown = [name for name in _needed_checks(rules) if name not in known]
    if unknown:
        raise UsageError(f"no check is called {', '.join(unknown)}")
    for bound in rules:
        if flaw := bound.rule.flaw():
            raise UsageError(f"{bound.key}: {flaw}")


def run(job: Job, candidates: Sequence[Source], record: Record | None = None) -> AuditResult:
    """Look at every host, judge each as soon as it has answered, and add up the result.

    ``record`` is told every look before it is judged, so that no verdict lacks its evidence.
    """
    started = _now()
    waivers = Waivers(job.waivers, job.rules, job.inventory, datetime.now(UTC).date())
    plan_of = plans(job.rules, job.inventory)
    questions = job.questions(this_platform())
    collect = partial(_collect, candidates=candidates, questions=questions)
    hosts = []
    for host, look in local.run(collect, job.inventory.hosts):
        if record is not None:
            record(host, look)
        plan = plan_of[host.name]
        judged = judge(plan, host, look, job.checks, require_witness=job.require_witness)
        hosts.append(waivers.apply(judged))
    warnings = (
        *job.inventory.warnings,
        *pattern_warnings(job.rules, job.inventory),
        *waivers.warnings(hosts, job.warn_days),
    )
    run_identity = _identity(job, started)
    return AuditResult(run_identity, job.rules, hosts, checks=job.checks, warnings=warnings)


def _collect(host: Host, candidates: Sequence[Source], questions: Mapping[str, str]) -> Look:
    if host.variables.get("ansible_connection") == LOCAL["ansible_connection"]:
        return look_here(candidates, questions)
    text = f"{host.name} is not this machine, and portproof reaches no other yet"
    cause = Unobserved(Reason.UNSUPPORTED_CONNECTION, text)
    return HostDark(cause=cause, taken=_now(), seconds=0.0)


def _identity(job: Job, started: str) -> Run:
    return Run(
        version=__version__,
        started=started,
        finished=_now(),
        controller=platform.node(),
        inventory=Digest(job.inventory.source, job.inventory.digest),
        policies=job.policy_digests,
        checks=job.check_digests,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
