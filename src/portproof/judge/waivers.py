"""Apply waivers to findings: what is covered is waived, visibly, until the last day is over."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

import msgspec

from portproof.model.hosts import Inventory
from portproof.model.listeners import Listener, Owner
from portproof.model.observation import Platform
from portproof.model.verdicts import Finding, Judgement, Verdict, Waived
from portproof.policy.policy import BoundRule
from portproof.policy.waivers import BoundWaiver
from portproof.result.result import HostResult

_SHOWN: Final = 5
"""Hosts named in a sentence."""


class Waiving:
    """Applies waivers to verdicts; which of them are for a host is told from outside.

    ``today`` is the day by which they hold.
    """

    def __init__(
        self, waivers: Sequence[BoundWaiver], rules: Sequence[BoundRule], today: date
    ) -> None:
        self._today = today
        self._by_rule = [
            [(index, waiver) for index, waiver in enumerate(waivers) if waiver.rule == bound.key]
            for bound in rules
        ]

    def apply(self, host: HostResult, flags: bytes) -> HostResult:
        """Waive what is covered on a host; a rule with an uncovered finding still fails.

        Args:
            host: The host's verdicts.
            flags: Which waivers are for the host: one byte a waiver, 1 or 0.
        """
        if not any(flags) or not host.has(Verdict.FAIL):
            return host
        platform = Platform(host.seen.platform)
        judgements = tuple(
            self._waive(judgement, [each for index, each in own if flags[index]], platform)
            for judgement, own in zip(host.judgements, self._by_rule, strict=True)
        )
        return msgspec.structs.replace(host, judgements=judgements)

    def _waive(
        self, judgement: Judgement, here: Sequence[BoundWaiver], platform: Platform
    ) -> Judgement:
        if judgement.verdict is not Verdict.FAIL or not here:
            return judgement
        findings = tuple(self._cover(finding, here, platform) for finding in judgement.findings)
        held = all(each.waived is not None and not each.waived.lapsed for each in findings)
        verdict = Verdict.WAIVED if held else Verdict.FAIL
        return msgspec.structs.replace(judgement, verdict=verdict, findings=findings)

    def _cover(
        self, finding: Finding, waivers: Sequence[BoundWaiver], platform: Platform
    ) -> Finding:
        covering = [waiver for waiver in waivers if waiver.waiver.covers(finding, platform)]
        if not covering:
            return finding
        longest = max(covering, key=lambda each: each.waiver.until)
        return msgspec.structs.replace(finding, waived=self._told(longest))

    def _told(self, bound: BoundWaiver) -> Waived:
        waiver = bound.waiver
        return Waived(
            owner=waiver.owner,
            reason=waiver.reason,
            until=waiver.until.isoformat(),
            days_left=(waiver.until - self._today).days,
            name=bound.name,
            ticket=waiver.ticket or "",
        )


class Waivers:
    """The waivers of an audit, and what to clean up among them.

    ``today`` is the day of the audit.
    """

    def __init__(
        self,
        waivers: Sequence[BoundWaiver],
        rules: Sequence[BoundRule],
        inventory: Inventory,
        today: date,
    ) -> None:
        self._waivers = tuple(waivers)
        self._today = today
        self._waiving = Waiving(waivers, rules, today)
        names, groups = inventory.names(), inventory.groups()
        self._hosts = {
            waiver: frozenset(waiver.waiver.hosts.select(names, groups).names)
            for waiver in self._waivers
        }
        self._by_rule = [
            [waiver for waiver in self._waivers if waiver.rule == bound.key] for bound in rules
        ]

    def apply(self, host: HostResult) -> HostResult:
        """Waive what is covered on a host; a rule with an uncovered finding still fails."""
        return self._waiving.apply(host, self.flags(host.name))

    def flags(self, host: str) -> bytes:
        """Return which waivers are for a host: one byte a waiver, 1 or 0."""
        return bytes([host in self._hosts[waiver] for waiver in self._waivers])

    def warnings(self, hosts: Iterable[HostResult], warn_days: int) -> tuple[str, ...]:
        """Return what to clean up, one sentence each; see ``untidy``."""
        return tuple(
            f"waiver {each.waiver.name} {each.text}" for each in self.untidy(hosts, warn_days)
        )

    def untidy(self, hosts: Iterable[HostResult], warn_days: int) -> Iterator["WaiverRemark"]:
        """Yield what to clean up: waivers that lapse, cover nothing, or cover too much.

        Only what was proven counts against a waiver: where its rule is unproven, or a host was not
        audited, it may be needed. Hosts are taken one by one and not kept.

        Args:
            hosts: Every host's result, after ``apply``.
            warn_days: How many days before the end a warning starts.
        """
        used = self._uses(hosts)
        for waiver in self._waivers:
            use = used[waiver.name]
            told = (self._ending(waiver, warn_days), _reach(waiver, use))
            yield from (WaiverRemark(waiver, text) for text in itertools.chain(*told))

    def _ending(self, bound: BoundWaiver, warn_days: int) -> Iterator[str]:
        days = (bound.waiver.until - self._today).days
        until = bound.waiver.until.isoformat()
        if days < 0:
            yield f"lapsed on {until}"
        elif days <= warn_days:
            yield f"ends on {until}, in {days} days"

    def _uses(self, hosts: Iterable[HostResult]) -> dict[str, "_WaiverUse"]:
        uses = {waiver.name: _WaiverUse() for waiver in self._waivers}
        for host in hosts:
            for judgement, waivers in zip(host.judgements, self._by_rule, strict=True):
                for waiver in waivers:
                    if host.name in self._hosts[waiver]:
                        uses[waiver.name].note(host, judgement, waiver)
        return uses


class WaiverRemark(NamedTuple):
    """A waiver that needs attention, and why."""

    waiver: BoundWaiver
    text: str


@dataclass(slots=True)
class _WaiverUse:
    """The audited hosts a waiver names: where it was needed, was not needed, or is unclear."""

    on: int = 0
    idle: list[str] = field(default_factory=list)
    unclear: int = 0
    covered: set[tuple[Listener, Platform]] = field(default_factory=set)

    def note(self, host: HostResult, judgement: Judgement, bound: BoundWaiver) -> None:
        own = [
            finding
            for finding in judgement.findings
            if finding.waived is not None and finding.waived.name == bound.name
        ]
        self.on += bool(own)
        self.unclear += judgement.verdict is Verdict.UNPROVEN
        if not own and judgement.verdict is not Verdict.UNPROVEN:
            self.idle.append(host.name)
        for finding in own:
            if finding.listener is not None:
                self.covered.add((_gist(finding.listener), Platform(host.seen.platform)))


def _gist(listener: Listener) -> Listener:
    """Return a listener without what differs from host to host, so that it is kept once."""
    owners = tuple(
        sorted({Owner(name=each.name, path=each.path, user=each.user) for each in listener.owners})
    )
    return msgspec.structs.replace(listener, namespace="", owners=owners, published=())


def _reach(bound: BoundWaiver, use: _WaiverUse) -> Iterator[str]:
    """Yield what a waiver reaches beyond what it covers, as far as that is proven."""
    audited = use.on + len(use.idle) + use.unclear
    if not use.on and use.unclear:
        where = f"{use.unclear} of {audited} hosts"
        yield f"covers nothing that was seen; its rule is unproven on {where}"
    elif not use.on:
        yield "covers nothing; remove it" if audited else "is for no host of this audit"
    elif use.idle:
        more = f" and {len(use.idle) - _SHOWN} more" if len(use.idle) > _SHOWN else ""
        names = f"{', '.join(use.idle[:_SHOWN])}{more}"
        yield f"is for {audited} hosts and covers findings on {use.on}; not needed on {names}"
    if use.on and not use.unclear:
        yield from bound.waiver.needless(use.covered)
