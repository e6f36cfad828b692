"""Define what an audit is about, and judge hosts by it. Pure."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache, partial

import msgspec

from portproof.defaults import WARN_DAYS
from portproof.judge.host import judge
from portproof.judge.plan import Plan, applying, pattern_warnings
from portproof.judge.waivers import WaiverRemark, Waivers, Waiving
from portproof.model.hosts import Host, Inventory, Target
from portproof.model.observation import (
    Look,
)
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule
from portproof.policy.waivers import BoundWaiver
from portproof.result.basis import Basis
from portproof.result.result import Digest, HostResult
from portproof.text.times import now


def _today() -> date:
    return now().date()


@dataclass(frozen=True, slots=True)
class Job:
    """What an audit is about: rules for hosts, and the checks the rules need.

    ``notes`` is what a reader must know before any host is looked at, one sentence each;
    ``framework`` is the one by whose controls the report groups the rules, or None; ``begun`` is
    when a resumed audit was begun; None means now. ``today`` is the day by which waivers hold, in
    UTC, whenever the audit was begun.
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
    framework: str | None = None
    begun: datetime | None = None
    today: date = field(default_factory=_today)

    def kept(self, names: Container[str]) -> list[Host]:
        """Return the hosts of the inventory that are among the names."""
        return [host for host in self.inventory.hosts if host.name in names]

    def without(self, names: Container[str]) -> list[Target]:
        """Return the targets of the inventory whose hosts are not among the names."""
        return [target for target in self.inventory.targets if target.host.name not in names]


def basis_of(job: Job) -> Basis:
    """Return what a job's verdicts depend on besides rules, checks and evidence."""
    inventory = job.inventory
    alone = Inventory(inventory.hosts, inventory.source)
    names, groups = inventory.names(), inventory.groups()
    # The order of groups and of their hosts counts: web[0] is the first host of web.
    told = list(groups.items()) == list(alone.groups().items())
    return Basis(
        today=job.today,
        waivers=job.waivers,
        warn_days=job.warn_days,
        require_witness=job.require_witness,
        everyone=() if names == alone.names() else names,
        members={} if told else groups,
        warnings=inventory.warnings,
    )


class Applying(msgspec.Struct, frozen=True):
    """Which rules and waivers of an audit are for a host: one byte each, 1 or 0, in their order."""

    rules: bytes
    waivers: bytes = b""


class Judge:
    """Judges hosts by rules, checks and waivers. It knows no inventory; callable in any thread."""

    def __init__(
        self,
        rules: Sequence[BoundRule],
        checks: Sequence[Check],
        waivers: Sequence[BoundWaiver],
        today: date,
        *,
        require_witness: bool = False,
    ) -> None:
        self._plan = lru_cache(maxsize=None)(partial(Plan, rules))
        self._checks = tuple(checks)
        self._waiving = Waiving(waivers, rules, today)
        self._require_witness = require_witness

    def judge(self, host: Host, applying: Applying, look: Look) -> HostResult:
        """Judge a host by a look at it, without waivers."""
        plan = self._plan(applying.rules)
        return judge(plan, host, look, self._checks, require_witness=self._require_witness)

    def waive(self, result: HostResult, applying: Applying) -> HostResult:
        """Waive what is covered on a host."""
        return self._waiving.apply(result, applying.waivers)


class Judging:
    """Judges the hosts of a job, by its waivers as they hold on the job's day; in any thread."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._waivers = Waivers(job.waivers, job.rules, job.inventory, job.today)
        self.judge = Judge(
            job.rules, job.checks, job.waivers, job.today, require_witness=job.require_witness
        )

    def __call__(self, host: Host, look: Look) -> HostResult:
        """Judge a host of the job's inventory by a look at it."""
        own = self.applying(host.name)
        return self.judge.waive(self.judge.judge(host, own, look), own)

    @cached_property
    def _rules(self) -> dict[str, bytes]:
        return applying(self._job.rules, self._job.inventory)

    def applying(self, host: str) -> Applying:
        """Return which rules and waivers are for a host of the job's inventory."""
        return Applying(self._rules[host], self._waivers.flags(host))

    def untidy(self, hosts: Iterable[HostResult]) -> tuple[WaiverRemark, ...]:
        """Yield the waivers to clean up."""
        return tuple(self._waivers.untidy(hosts, self._job.warn_days))

    def warnings(self, hosts: Sequence[HostResult]) -> tuple[str, ...]:
        """Return what a reader must know besides the verdicts."""
        job = self._job
        patterns = pattern_warnings(job.rules, job.inventory)
        waivers = self._waivers.warnings(hosts, job.warn_days)
        return (*job.notes, *job.inventory.warnings, *patterns, *waivers)
