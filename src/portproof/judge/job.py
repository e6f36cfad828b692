"""Define what an audit is about, and judge hosts by it. Pure."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from portproof.defaults import WARN_DAYS
from portproof.judge.host import failing_listeners, judge
from portproof.judge.plan import pattern_warnings, plans
from portproof.judge.waivers import WaiverRemark, Waivers
from portproof.model.hosts import Host, Inventory, Target
from portproof.model.listeners import Listener
from portproof.model.observation import (
    HostLook,
    Look,
    Platform,
)
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule
from portproof.policy.waivers import BoundWaiver
from portproof.result.basis import Basis
from portproof.result.result import Digest, HostResult


@dataclass(frozen=True, slots=True)
class Job:
    """What an audit is about: rules for hosts, and the checks the rules need.

    ``notes`` is what a reader must know before any host is looked at, one sentence each;
    ``framework`` is the one by whose controls the report groups the rules, or None; ``begun`` is
    when a resumed audit was begun; None means now.
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

    def questions(self) -> dict[Platform, dict[str, str]]:
        """Return the SQL to ask, by platform and question id; checks without SQL are left out."""
        return {system: self._questions(system) for system in Platform}

    def _questions(self, system: Platform) -> dict[str, str]:
        asked = {check.check: check.sql_on(system) for check in self.checks}
        witnesses = {check.witness_id: check.witness_on(system) for check in self.checks}
        return {name: sql for name, sql in (asked | witnesses).items() if sql is not None}

    def kept(self, names: Container[str]) -> list[Host]:
        """Return the hosts of the inventory that are among the names."""
        return [host for host in self.inventory.hosts if host.name in names]

    def without(self, names: Container[str]) -> list[Target]:
        """Return the targets of the inventory whose hosts are not among the names."""
        return [target for target in self.inventory.targets if target.host.name not in names]


def basis_of(job: Job, today: date) -> Basis:
    """Return what a job's verdicts depend on besides rules, checks and evidence."""
    inventory = job.inventory
    alone = Inventory(inventory.hosts, inventory.source)
    names, groups = inventory.names(), inventory.groups()
    # The order of groups and of their hosts counts: web[0] is the first host of web.
    told = list(groups.items()) == list(alone.groups().items())
    return Basis(
        today=today,
        waivers=job.waivers,
        warn_days=job.warn_days,
        require_witness=job.require_witness,
        everyone=() if names == alone.names() else names,
        members={} if told else groups,
        warnings=inventory.warnings,
    )


class Judging:
    """Judges hosts by one job's rules, and by its waivers as of one day; thread-safe."""

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
        """Return the listeners that fail on a host. An unchanged look is not judged again."""
        judged = self._judge(host, look)
        self._judged[host.name] = (look, judged)
        return failing_listeners(judged)

    def _judge(self, host: Host, look: Look) -> HostResult:
        plan, job = self._plans[host.name], self._job
        judged = judge(plan, host, look, job.checks, require_witness=job.require_witness)
        return self._waivers.apply(judged)

    def untidy(self, hosts: Iterable[HostResult]) -> tuple[WaiverRemark, ...]:
        """Yield the waivers to clean up."""
        return tuple(self._waivers.untidy(hosts, self._job.warn_days))

    def warnings(self, hosts: Sequence[HostResult]) -> tuple[str, ...]:
        """Return what a reader must know besides the verdicts."""
        job = self._job
        patterns = pattern_warnings(job.rules, job.inventory)
        waivers = self._waivers.warnings(hosts, job.warn_days)
        return (*job.notes, *job.inventory.warnings, *patterns, *waivers)
