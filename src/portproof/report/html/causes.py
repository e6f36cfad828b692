"""Group what is unproven by reason: meaning, what to do, and the hosts and rules it concerns."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from portproof.model.observation import Reason
from portproof.model.verdicts import Verdict
from portproof.policy.policy import BoundRule
from portproof.report.html.roster import StateRow, VerdictTable
from portproof.report.words.anchors import query
from portproof.report.words.limits import CAUSES
from portproof.report.words.text import Passage, prose
from portproof.report.words.wording import MEANINGS
from portproof.text.words import many

Cause = tuple[str, tuple[int, ...]]
"""A detail, and the rules that are unproven because of it."""


@dataclass(frozen=True, slots=True)
class UnprovenCause:
    """Hosts on which rules are unproven for the same cause."""

    hosts: tuple[str, ...]
    more: str
    detail: str
    rules: tuple[str, ...]
    more_rules: str
    scope: str


@dataclass(frozen=True, slots=True)
class ReasonCase:
    """A reason, what it means, what to do, and what stays unproven because of it."""

    anchor: str
    reason: str
    title: str
    advice: tuple[Passage, ...]
    count: str
    gaps: tuple[UnprovenCause, ...]
    more: str
    link: str


def reasons(roster: VerdictTable) -> Iterator[ReasonCase]:
    """Group what is unproven: hosts with the same reason, detail and rules are one group."""
    causes: dict[Reason, dict[Cause, list[int]]] = {}
    by_row = [_row_causes(roster, row) for row in roster.rows]
    for number, row in enumerate(roster.row_of):
        for reason, cause in by_row[row]:
            causes.setdefault(reason, {}).setdefault(cause, []).append(number)
    for reason in sorted(causes, key=list(Reason).index):
        yield _reason_case(roster, reason, causes[reason])


def _row_causes(roster: VerdictTable, row: StateRow) -> list[tuple[Reason, Cause]]:
    causes: dict[tuple[Reason, str], list[int]] = {}
    for index, at in enumerate(row):
        state = roster.states[at]
        if state.verdict is Verdict.UNPROVEN:
            reason = state.reason or Reason.PARTIAL
            causes.setdefault((reason, state.detail), []).append(index)
    return [(reason, (detail, tuple(rules))) for (reason, detail), rules in causes.items()]


def _reason_case(
    roster: VerdictTable, reason: Reason, causes: dict[Cause, list[int]]
) -> ReasonCase:
    hosts = {number for numbers in causes.values() for number in numbers}
    verdicts = sum(len(numbers) * len(rules) for (_, rules), numbers in causes.items())
    meaning = MEANINGS[reason]
    left = len(causes) - CAUSES
    return ReasonCase(
        anchor=f"unproven-{reason.value}",
        reason=reason.value,
        title=meaning.title,
        advice=prose(meaning.advice),
        count=f"{many(verdicts, 'verdict')} on {many(len(hosts), 'host')}",
        gaps=tuple(
            _gap(roster, cause, numbers) for cause, numbers in islice(causes.items(), CAUSES)
        ),
        more=f"and {many(left, 'cause')} more" if left > 0 else "",
        link=query(reason=reason.value, view="hosts"),
    )


def _gap(roster: VerdictTable, cause: Cause, numbers: list[int]) -> UnprovenCause:
    detail, indexes = cause
    rules: tuple[BoundRule, ...] = roster.result.rules
    every = len(indexes) == len(rules)
    left, unnamed = len(numbers) - CAUSES, len(indexes) - CAUSES
    return UnprovenCause(
        hosts=tuple(roster.names[number] for number in numbers[:CAUSES]),
        more=f"and {many(left, 'host')} more" if left > 0 else "",
        detail=detail,
        rules=tuple(rules[index].key for index in indexes[:CAUSES]),
        more_rules=f"and {many(unnamed, 'rule')} more" if unnamed > 0 else "",
        scope=f"all {many(len(rules), 'rule')}" if every else many(len(indexes), "rule"),
    )
