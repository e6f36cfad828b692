"""The result of an audit: every verdict, and the totals that all outputs share."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import msgspec

from portproof.exitcodes import ExitCode
from portproof.model.observation import Time
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule
from portproof.result.basis import Basis
from portproof.result.changes import Changes

AUDIT_FORMAT: Final = "portproof-audit/1"
"""The format number of ``audit.json``. A higher number needs a newer version of portproof."""


class HostResult(msgspec.Struct, frozen=True):
    """One host's judgements, in the order of the audit's rules."""

    name: str
    groups: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    seen: "LookSummary"

    def has(self, verdict: Verdict) -> bool:
        """Return whether any rule has this verdict on the host."""
        return any(each.verdict is verdict for each in self.judgements)


class LookSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a host was looked at, in short; the rows are in the evidence.

    ``taken`` is the controller's clock and ``seconds`` the duration of the look.
    ``unseen`` tells what could not be seen and leaves no rule unproven.
    """

    taken: Time | None
    seconds: float
    source: str = ""
    version: str = ""
    platform: str = ""
    privilege: str = ""
    proof: str = ""
    tried: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


class Digest(msgspec.Struct, frozen=True):
    """An input and its hash, so that a reader can tell whether two audits used the same."""

    name: str
    sha256: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of an audit. Times are by the controller's clock.

    ``evaluated`` is None, or when the audit finished whose evidence was judged again: such a run
    looked at no host.
    """

    version: str
    started: Time
    finished: Time
    controller: str
    inventory: Digest
    policies: tuple[Digest, ...]
    checks: tuple[Digest, ...]
    interrupted: bool = False
    evaluated: Time | None = None


class Totals(msgspec.Struct, frozen=True):
    """The figures every output shows and the exit code is made of.

    A host is proven when some of its rules were judged and none failed or is unproven; one with
    both counts as failing and as unproven, and one for which no rule is applicable as not judged.
    ``judged`` leaves out what is not applicable.
    """

    hosts: int
    rules: int
    verdicts: dict[str, int]
    hosts_proven: int
    hosts_failing: int
    hosts_unproven: int
    rules_failing: int
    hosts_not_judged: int = 0

    @property
    def judged(self) -> int:
        """The number of verdicts of rules that are for a host; at 0 an audit proves nothing."""
        return sum(self.verdicts.values()) - self.verdicts[Verdict.NOT_APPLICABLE]


@dataclass(frozen=True, init=False, eq=False)
class AuditResult:
    """Everything an audit found, ready to be rendered.

    ``changes`` is None where there is no earlier audit to compare with, and ``basis`` where it is
    not known what else the verdicts rest on. ``framework`` is the one by whose controls outputs
    group the rules; None where they do not.
    """

    run: Run
    rules: tuple[BoundRule, ...]
    hosts: tuple[HostResult, ...]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    basis: Basis | None
    framework: str | None
    changes: Changes | None

    def __init__(  # noqa: PLR0913 - one argument for each part of a result, most of them optional
        self,
        run: Run,
        rules: Iterable[BoundRule],
        hosts: Iterable[HostResult],
        *,
        checks: Iterable[Check] = (),
        warnings: Iterable[str] = (),
        basis: Basis | None = None,
        framework: str | None = None,
        changes: Changes | None = None,
    ) -> None:
        vars(self).update(
            run=run,
            rules=tuple(rules),
            hosts=tuple(hosts),
            checks=tuple(checks),
            warnings=tuple(warnings),
            basis=basis,
            framework=framework,
            changes=changes,
        )

    def compared(self, changes: Changes | None, warnings: Iterable[str] = ()) -> "AuditResult":
        """Return the same result with the changes since an earlier audit, and more warnings."""
        return replace(self, changes=changes, warnings=(*self.warnings, *warnings))

    @cached_property
    def totals(self) -> Totals:
        """Count every verdict of every host and rule, once."""
        return count(self.rules, self.hosts)

    @property
    def exit_code(self) -> ExitCode:
        """0 all proven, 1 something failed, 2 nothing was judged, 3 something is unproven."""
        if not self.totals.judged:
            return ExitCode.ERROR
        if self.totals.verdicts[Verdict.FAIL]:
            return ExitCode.FAILED
        if self.totals.verdicts[Verdict.UNPROVEN] or self.run.interrupted:
            return ExitCode.INCOMPLETE
        return ExitCode.PROVEN

    def failures(self) -> list[tuple[BoundRule, list[tuple[HostResult, Judgement]]]]:
        """Return failing rules with their hosts, the most severe first."""
        return self._by_rule(Verdict.FAIL)

    def waived(self) -> list[tuple[BoundRule, list[tuple[HostResult, Judgement]]]]:
        """Return waived rules with their hosts, the most severe first."""
        return self._by_rule(Verdict.WAIVED)

    def unproven(self) -> list[tuple[BoundRule, list[tuple[HostResult, Judgement]]]]:
        """Return unproven rules with their hosts, the most severe first."""
        return self._by_rule(Verdict.UNPROVEN)

    def _by_rule(
        self, verdict: Verdict
    ) -> list[tuple[BoundRule, list[tuple[HostResult, Judgement]]]]:
        hosts: dict[int, list[tuple[HostResult, Judgement]]] = {}
        for host in self.hosts:
            for index, judgement in enumerate(host.judgements):
                if judgement.verdict is verdict:
                    hosts.setdefault(index, []).append((host, judgement))
        order = sorted(hosts, key=lambda index: (-self.rules[index].severity.rank, index))
        return [(self.rules[index], hosts[index]) for index in order]


def count(rules: tuple[BoundRule, ...], hosts: tuple[HostResult, ...]) -> Totals:
    """Count the verdicts: their sum is the number of hosts times the number of rules."""
    verdicts: Counter[str] = Counter({verdict.value: 0 for verdict in Verdict})
    failing: set[int] = set()
    failed_hosts = unproven_hosts = idle_hosts = proven_hosts = 0
    for host in hosts:
        own = Counter(judgement.verdict.value for judgement in host.judgements)
        verdicts.update(own)
        failed_hosts += bool(own[Verdict.FAIL])
        unproven_hosts += bool(own[Verdict.UNPROVEN])
        judged = len(host.judgements) > own[Verdict.NOT_APPLICABLE]
        idle_hosts += not judged
        proven_hosts += judged and not own[Verdict.FAIL] and not own[Verdict.UNPROVEN]
        if own[Verdict.FAIL]:
            failing.update(
                index
                for index, judgement in enumerate(host.judgements)
                if judgement.verdict is Verdict.FAIL
            )
    return Totals(
        hosts=len(hosts),
        rules=len(rules),
        verdicts=dict(verdicts),
        hosts_proven=proven_hosts,
        hosts_failing=failed_hosts,
        hosts_unproven=unproven_hosts,
        rules_failing=len(failing),
        hosts_not_judged=idle_hosts,
    )
