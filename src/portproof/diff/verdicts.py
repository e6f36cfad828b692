"""How the verdicts on one host changed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from portproof.diff.findings import new_findings, process_changes, told
from portproof.diff.history import HostRule
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.result.changes import Change, ChangeKind
from portproof.result.result import AuditResult, HostResult
from portproof.text.words import many

_QUIET: Final = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})


class Compared:
    """Two results side by side, with since when things have been failing."""

    def __init__(
        self, old: AuditResult, new: AuditResult, since: Mapping[HostRule, datetime]
    ) -> None:
        places = {bound.key: index for index, bound in enumerate(old.rules)}
        self.rules = [(bound, places.get(bound.key)) for bound in new.rules]
        self.since = since
        self.finished = new.run.finished


def host_changes(both: Compared, before: HostResult | None, host: HostResult) -> Iterator[Change]:
    """Yield everything that changed on a host; a failed look is one change for all rules."""
    lost = []
    for (bound, place), now in zip(both.rules, host.judgements, strict=True):
        was = None if before is None or place is None else before.judgements[place]
        if was is now and now.verdict in _QUIET:
            continue
        if now.verdict is Verdict.UNPROVEN:
            lost += _newly_unproven(bound, host, was, now)
        else:
            yield from _changed(both, bound, host.name, was, now)
        if was is not None:
            yield from process_changes(bound, host.name, was, now)
    yield from [_failed_look(host, before, lost)] if lost and not host.seen.platform else lost


def _newly_unproven(
    bound: BoundRule, host: HostResult, was: Judgement | None, now: Judgement
) -> list[Change]:
    if was is not None and was.verdict is Verdict.UNPROVEN:
        return []
    what = f"{now.reason}: {now.detail}"
    return [_change(ChangeKind.NEWLY_UNPROVEN, bound, host.name, was, now, what)]


def _failed_look(host: HostResult, before: HostResult | None, rules: list[Change]) -> Change:
    was_seen = before is not None and before.seen.platform
    state = (
        "could not be looked at"
        if was_seen
        else "is new and could not be looked at"
        if before is None
        else "could again not be looked at"
    )
    count = many(len(rules), "rule")
    what = f"{state} ({count} unproven): {rules[0].what}"
    return Change(ChangeKind.NEWLY_UNPROVEN, what, host=host.name, now=Verdict.UNPROVEN)


def _changed(
    both: Compared, bound: BoundRule, host: str, was: Judgement | None, now: Judgement
) -> Iterator[Change]:
    if now.verdict is Verdict.FAIL:
        yield from _fails(both, bound, host, was, now)
    elif was is not None and was.verdict is not now.verdict:
        kind, what = _no_longer(was, now)
        yield _change(kind, bound, host, was, now, what)


def _fails(
    both: Compared, bound: BoundRule, host: str, was: Judgement | None, now: Judgement
) -> Iterator[Change]:
    if was is None or was.verdict is not Verdict.FAIL:
        what = f"{told(now.findings)}{_before(was)}"
        kind = ChangeKind.NEWLY_FAILING
        yield _change(kind, bound, host, was, now, what, since=both.finished)
        return
    first = both.since.get((host, bound.key), both.finished)
    what = told(now.findings)
    yield _change(ChangeKind.STILL_FAILING, bound, host, was, now, what, since=first)
    if fresh := new_findings(was, now):
        what = f"{told(fresh)}; the rule failed before, by others"
        kind = ChangeKind.NEWLY_FAILING
        yield _change(kind, bound, host, was, now, what, since=both.finished)


def _before(was: Judgement | None) -> str:
    return "" if was is None or was.verdict is Verdict.PASS else f"; it was {was.verdict} before"


def _no_longer(was: Judgement, now: Judgement) -> tuple[ChangeKind, str]:
    """Describe what became of a verdict that is no longer a failure or unproven."""
    if Verdict.WAIVED in (was.verdict, now.verdict):
        return ChangeKind.WAIVER, _waived(was, now)
    if Verdict.NOT_APPLICABLE in (was.verdict, now.verdict):
        why = f": {now.detail}" if now.detail else ""
        return ChangeKind.SCOPE, f"was {was.verdict}, is {now.verdict}{why}"
    if was.verdict is Verdict.UNPROVEN:
        return ChangeKind.PROVEN, f"passes; it was unproven ({was.reason}) before"
    return ChangeKind.FIXED, f"passes; before: {told(was.findings)}"


def _waived(was: Judgement, now: Judgement) -> str:
    if now.verdict is not Verdict.WAIVED:
        return f"was waived, is {now.verdict}; before: {told(was.findings)}"
    held = next((each.waived for each in now.findings if each.waived is not None), None)
    by = f" by {held.owner} until {held.until}" if held is not None else ""
    return f"was {was.verdict}, is waived{by}: {told(now.findings)}"


def _change(  # noqa: PLR0913, PLR0917 - a change says all of this
    kind: ChangeKind,
    bound: BoundRule,
    host: str,
    was: Judgement | None,
    now: Judgement,
    what: str,
    since: datetime | None = None,
) -> Change:
    return Change(
        kind,
        what,
        host=host,
        rule=bound.key,
        severity=bound.severity,
        since=since,
        was=None if was is None else was.verdict,
        now=now.verdict,
    )
