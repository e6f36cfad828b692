"""Waivers meet findings: what is covered is waived, visibly, until the last day is over."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import msgspec

from portproof.model.hosts import Inventory
from portproof.model.observation import Platform
from portproof.model.policy import BoundRule
from portproof.model.result import HostResult
from portproof.model.verdicts import Finding, Judgement, Verdict, Waived
from portproof.model.waivers import BoundWaiver


class Waivers:
    """The waivers of an audit, ready to be applied host by host.

    ``today`` is the day of the audit; ``warn_days`` is how long before the end a warning starts.
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
        if not self._waivers or not host.has(Verdict.FAIL):
            return host
        platform = Platform(host.seen.platform)
        judgements = tuple(
            self._waive(judgement, [w for w in waivers if host.name in self._hosts[w]], platform)
            for judgement, waivers in zip(host.judgements, self._by_rule, strict=True)
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

    def warnings(self, hosts: Iterable[HostResult], warn_days: int) -> tuple[str, ...]:
        """What to clean up: waivers that lapsed or soon will, cover nothing, or too much.

        ``warn_days`` is how many days before the end a warning starts.
        """
        used = _hosts_by_waiver(hosts)
        return tuple(
            text
            for waiver in self._waivers
            for text in self._warn(waiver, used.get(waiver.name, set()), warn_days)
        )

    def _warn(self, bound: BoundWaiver, used_on: set[str], warn_days: int) -> Iterator[str]:
        days = (bound.waiver.until - self._today).days
        until = bound.waiver.until.isoformat()
        if days < 0:
            yield f"waiver {bound.name} lapsed on {until}"
        elif days <= warn_days:
            yield f"waiver {bound.name} ends on {until}, in {days} days"
        named = len(self._hosts[bound])
        if not used_on:
            yield f"waiver {bound.name} covers nothing; remove it"
        elif len(used_on) < named:
            yield f"waiver {bound.name} is for {named} hosts and covers findings on {len(used_on)}"


def _hosts_by_waiver(hosts: Iterable[HostResult]) -> dict[str, set[str]]:
    used: dict[str, set[str]] = {}
    for host in hosts:
        for judgement in host.judgements:
            for finding in judgement.findings:
                if finding.waived is not None:
                    used.setdefault(finding.waived.name, set()).add(host.name)
    return used
