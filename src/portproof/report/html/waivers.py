"""Show waivers: who accepts what is open, why, and for how many more days."""

from collections.abc import Iterator
from dataclasses import dataclass

from portproof.model.verdicts import Finding, Judgement, Verdict, Waived
from portproof.report.html.roster import VerdictTable
from portproof.report.words.anchors import query
from portproof.report.words.limits import CAUSES
from portproof.report.words.wording import title_of
from portproof.text.words import many

WaiverKey = tuple[int, Waived | None, str]
"""A rule, the waiver, and the judgement's detail if there is no waiver."""


@dataclass(frozen=True, slots=True)
class Covered:
    """What a waiver covers on a host."""

    host: str
    message: str


@dataclass(frozen=True, slots=True)
class WaiverCase:
    """A waiver, and what it covers. ``state`` is ``lapsed``, ``soon`` or ``holds``."""

    rule: str
    title: str
    severity: str
    state: str
    days: str
    until: str
    owner: str
    ticket: str
    reason: str
    name: str
    count: str
    covers: tuple[Covered, ...]
    more: str
    link: str


_SOON = 30


def waivers(roster: VerdictTable) -> tuple[WaiverCase, ...]:
    """Return every waiver that covers something; those that ended or end soon come first."""
    found: dict[WaiverKey, list[tuple[int, Finding | None]]] = {}
    for key, number, finding in _findings(roster):
        found.setdefault(key, []).append((number, finding))
    order = sorted(found, key=lambda key: (key[1].days_left if key[1] else 0, key[0]))
    return tuple(_case(roster, key, found[key]) for key in order)


def _findings(roster: VerdictTable) -> Iterator[tuple[WaiverKey, int, Finding | None]]:
    """Yield findings that are waived, and those whose waiver has lapsed."""
    for (index, verdict), numbers in roster.marked.items():
        if verdict is Verdict.UNPROVEN:
            continue
        for number in numbers:
            judgement = roster.result.hosts[number].judgements[index]
            for key, finding in _of(judgement, index):
                yield key, number, finding


def _of(judgement: Judgement, index: int) -> Iterator[tuple[WaiverKey, Finding | None]]:
    named = [finding for finding in judgement.findings if finding.waived is not None]
    for finding in named:
        yield (index, finding.waived, ""), finding
    if judgement.verdict is Verdict.WAIVED and not named:
        nameless = (index, None, judgement.detail)
        yield from ((nameless, finding) for finding in judgement.findings or (None,))


def _case(
    roster: VerdictTable, key: WaiverKey, found: list[tuple[int, Finding | None]]
) -> WaiverCase:
    index, waived, detail = key
    bound, left = roster.result.rules[index], len(found) - CAUSES
    lapsed = waived is not None and waived.lapsed
    return WaiverCase(
        rule=bound.key,
        title=title_of(bound),
        severity=bound.severity.value,
        state=_state(waived),
        days=_days(waived),
        until=waived.until if waived else "",
        owner=waived.owner if waived else "",
        ticket=waived.ticket if waived else "",
        reason=waived.reason if waived else detail,
        name=waived.name if waived else "",
        count=many(len({number for number, _ in found}), "host"),
        covers=tuple(_covered(roster, number, each) for number, each in found[:CAUSES]),
        more=f"and {many(left, 'finding')} more" if left > 0 else "",
        link=query(rule=bound.key, verdict="fail" if lapsed else "waived", view="evidence"),
    )


def _covered(roster: VerdictTable, number: int, finding: Finding | None) -> Covered:
    return Covered(roster.names[number], finding.message if finding else "")


def _state(waived: Waived | None) -> str:
    if waived is None or waived.days_left > _SOON:
        return "holds"
    return "lapsed" if waived.lapsed else "soon"


def _days(waived: Waived | None) -> str:
    if waived is None:
        return "No waiver is known"
    if waived.lapsed:
        return f"Lapsed {many(-waived.days_left, 'day')} ago"
    return f"{many(waived.days_left, 'day')} left" if waived.days_left else "Ends today"
