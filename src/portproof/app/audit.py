"""The audit: wires inventory, looks, evaluation and result. The library's entry.

from portproof.app.audit import audit
from portproof.policy.policy import Policy

result = audit([Policy(policy="mine", title="Closed", rules=[{"id": "a", "closed": 609}])])
print(result.exit_code, result.totals)
"""

import platform
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from portproof import __version__
from portproof.content.lint import lint
from portproof.content.load import Content, load
from portproof.content.shipped import shipped
from portproof.defaults import WARN_DAYS
from portproof.errors import UsageError
from portproof.inventory.plain import this_machine
from portproof.judge.host import failing_listeners, judge
from portproof.judge.plan import pattern_warnings, plans
from portproof.judge.waivers import Untidy, Waivers
from portproof.model.hosts import Host, Inventory
from portproof.model.listeners import Listener
from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    HostDark,
    HostLook,
    Look,
    Platform,
    Reason,
    Unobserved,
)
from portproof.model.verdicts import Verdict
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.rules.check import CheckRule
from portproof.policy.waivers import BoundWaiver
from portproof.result.basis import Basis
from portproof.result.result import AuditResult, Digest, HostResult, Run
from portproof.run.one_host import How, Looks
from portproof.sources.local import sources
from portproof.ssh.settings import SshSettings

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


@dataclass(frozen=True, slots=True)
class Job:
    """What an audit is about: rules for hosts, and the checks the rules need.

    ``notes`` is what a reader must know before any host is looked at, one sentence each;
    ``framework`` is the one by whose controls the report groups the rules, or empty;
    ``begun`` is when an audit that is resumed was begun, in UTC as ISO 8601; empty means now.
    """

    rules: tuple[BoundRule, ...]
    checks: tuple[Check, ...]
    inventory: Inventory
    waivers: tuple[BoundWaiver, ...] = ()
    warn_days: int = WARN_DAYS
    policy_digests: tuple[Digest, ...] = ()
    check_digests: tuple[Digest, ...] = ()
    require_witness: bool = False
    notes: tuple[str, ...] = ()
    framework: str = ""
    begun: str = ""

    def questions(self) -> dict[Platform, dict[str, str]]:
        """The SQL to ask by platform and question id; checks without SQL there are left out."""
        return {system: self._questions(system) for system in Platform}

    def _questions(self, system: Platform) -> dict[str, str]:
        asked = {check.check: check.sql_on(system) for check in self.checks}
        witnesses = {check.witness_id: check.witness_on(system) for check in self.checks}
        return {name: sql for name, sql in (asked | witnesses).items() if sql is not None}

    def kept(self, names: Container[str]) -> list[Host]:
        """The hosts of the inventory that are among the names."""
        return [host for host in self.inventory.hosts if host.name in names]

    def without(self, names: Container[str]) -> list[Host]:
        """The hosts of the inventory that are not among the names."""
        return [host for host in self.inventory.hosts if host.name not in names]


def prepare(
    content: Content,
    inventory: Inventory,
    *,
    require_witness: bool = False,
    warn_days: int = WARN_DAYS,
    chosen: Mapping[str, frozenset[str]] | None = None,
) -> Job:
    """Check content and turn it into a job.

    Args:
        content: Policies, checks and waivers.
        inventory: The hosts.
        require_witness: Whether a check without a witness leaves its rule unproven.
        warn_days: How many days before a waiver's end an audit warns of it.
        chosen: The hosts each policy is for, by its id, where the inventory chooses; None if every
            policy is for every host.

    Raises:
        ContentError: holds everything that is wrong with policies and checks.
    """
    lint(content)
    content.raise_problems()
    known = content.check_by_id()
    rules = _chosen(content.rules(), chosen)
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


def _chosen(
    rules: tuple[BoundRule, ...], chosen: Mapping[str, frozenset[str]] | None
) -> tuple[BoundRule, ...]:
    if chosen is None:
        return rules
    return tuple(replace(bound, chosen_for=chosen[bound.policy.policy]) for bound in rules)


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
    how = How(sources(via), ssh=SshSettings(via=via))
    return run(job, Looks(job.inventory.hosts, job.questions(), how))


def _waivers_of(policies: Iterable[Policy]) -> tuple[BoundWaiver, ...]:
    return tuple(
        BoundWaiver(waiver, f"{policy.policy}/{waiver.rule}", index=index)
        for policy in policies
        for index, waiver in enumerate(policy.waivers)
    )


def _needed_checks(rules: Iterable[BoundRule]) -> dict[str, None]:
    used = (bound.rule.check for bound in rules if isinstance(bound.rule, CheckRule))
    return dict.fromkeys((LISTENING_SOCKETS, PUBLISHED_PORTS, *used))


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
    now = now_in_utc()
    # Waivers hold as they hold now, whenever the audit was begun.
    started, today = job.begun or now, date.fromisoformat(now[:10])
    judging = Judging(job, today)
    asked = looks.asking(judging.suspects) if isinstance(looks, AsksWhy) else looks
    results = {host.name: judging(host, known[host.name]) for host in job.kept(known)}
    for host, look in asked:
        results[host.name] = judging(host, look)
        if record is not None:
            record(host, look)
        if watch is not None:
            watch(results[host.name])
    left = [host for host in job.inventory.hosts if host.name not in results]
    results |= {host.name: judging(host, interrupted(now_in_utc())) for host in left}
    hosts = [results[host.name] for host in job.inventory.hosts]
    result = AuditResult(
        _identity(job, started, interrupted=bool(left)),
        job.rules,
        hosts,
        checks=job.checks,
        warnings=judging.warnings(hosts),
        basis=basis_of(job, today),
    )
    result.framework = job.framework
    return result


def basis_of(job: Job, today: date) -> Basis:
    """What a job's verdicts rest on besides rules, checks and evidence."""
    inventory = job.inventory
    alone = Inventory(inventory.hosts, inventory.source)
    names, groups = inventory.names(), inventory.groups()
    # The order of groups and of their hosts counts: web[0] is the first host of web.
    told = list(groups.items()) == list(alone.groups().items())
    return Basis(
        today=today.isoformat(),
        waivers=job.waivers,
        warn_days=job.warn_days,
        require_witness=job.require_witness,
        everyone=() if names == alone.names() else names,
        members={} if told else groups,
        warnings=inventory.warnings,
    )


class Judging:
    """Judges hosts by one job's rules, and by its waivers as they hold on a day; in any thread."""

    def __init__(self, job: Job, today: date) -> None:
        self._job = job
        self._plans = plans(job.rules, job.inventory)
        self._waivers = Waivers(job.waivers, job.rules, job.inventory, today)
        self._judged: dict[str, tuple[HostLook, HostResult]] = {}

    def __call__(self, host: Host, look: Look) -> HostResult:
        """Judge a host of the job's inventory by a look at it."""
        before, judged = self._judged.pop(host.name, (None, None))
        return self._judge(host, look) if judged is None or before is not look else judged

    def suspects(self, host: Host, look: HostLook) -> Sequence[Listener]:
        """The listeners that fail on a host. A look that stays as it is is not judged again."""
        judged = self._judge(host, look)
        self._judged[host.name] = (look, judged)
        return failing_listeners(judged)

    def _judge(self, host: Host, look: Look) -> HostResult:
        plan, job = self._plans[host.name], self._job
        judged = judge(plan, host, look, job.checks, require_witness=job.require_witness)
        return self._waivers.apply(judged)

    def untidy(self, hosts: Iterable[HostResult]) -> tuple[Untidy, ...]:
        """The waivers to be cleaned up."""
        return tuple(self._waivers.untidy(hosts, self._job.warn_days))

    def warnings(self, hosts: Sequence[HostResult]) -> tuple[str, ...]:
        """What a reader must know besides the verdicts."""
        job = self._job
        patterns = pattern_warnings(job.rules, job.inventory)
        waivers = self._waivers.warnings(hosts, job.warn_days)
        return (*job.notes, *job.inventory.warnings, *patterns, *waivers)


def still_stand(job: Job, looks: Mapping[str, Look]) -> dict[str, Look]:
    """The looks of an earlier run by which nothing is unproven; the other hosts are asked again.

    A look stands for a day: what was closed longer ago need not be closed now.
    """
    judging = Judging(job, datetime.now(UTC).date())
    return {
        host.name: looks[host.name]
        for host in job.kept(looks)
        if _is_fresh(looks[host.name]) and not judging(host, looks[host.name]).has(Verdict.UNPROVEN)
    }


def untidy_waivers(job: Job, looks: Iterable[tuple[Host, Look]]) -> tuple[Untidy, ...]:
    """The waivers of a job to be cleaned up, by what an audit saw; looks are not kept."""
    judging = Judging(job, datetime.now(UTC).date())
    return judging.untidy(judging(host, look) for host, look in looks)


def _is_fresh(look: Look) -> bool:
    """Whether a look was taken within the last day; a time that makes no sense is not fresh."""
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(look.taken)
    except (ValueError, TypeError):
        return False
    return timedelta(0) <= age <= _STANDS


def interrupted(taken: str) -> HostDark:
    """What stands for the look at a host that an audit did not come to."""
    cause = Unobserved(Reason.INTERRUPTED, "the audit was stopped before this host was looked at")
    return HostDark(cause=cause, taken=taken, seconds=0.0)


def _identity(job: Job, started: str, *, interrupted: bool) -> Run:
    return Run(
        version=__version__,
        started=started,
        finished=now_in_utc(),
        controller=platform.node(),
        inventory=Digest(job.inventory.source, job.inventory.digest),
        policies=job.policy_digests,
        checks=job.check_digests,
        interrupted=interrupted,
    )


def now_in_utc() -> str:
    """The time as audits tell it: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
