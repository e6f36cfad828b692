"""Bars of verdicts by rule, by group and by audit; every bar also states its numbers in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from portproof.model.verdicts import Verdict
from portproof.report.html.roster import GroupTotals, VerdictTable
from portproof.report.html.shares import Share, in_words, percent, shares
from portproof.report.words.anchors import query
from portproof.report.words.limits import AUDITS, BARS
from portproof.report.words.wording import title_of
from portproof.result.changes import Changes
from portproof.result.result import AuditResult
from portproof.text.times import moment
from portproof.text.words import many, number


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of verdicts with its subject, and a link to the rows behind it."""

    title: str
    note: str
    shares: tuple[Share, ...]
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Column:
    """One audit's column in the trend, in units of the drawing."""

    when: str
    folder: str
    hosts: str
    failing: str
    unproven: str
    percent: str
    shares: tuple[Share, ...]
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Audits over time, the latest last; ``text`` describes the drawing.

    ``width`` is in units of the drawing, ``pixels`` how wide it is drawn where there is room.
    """

    columns: tuple[Column, ...]
    width: int
    pixels: int
    text: str


def rule_bars(roster: VerdictTable) -> tuple[tuple[Bar, ...], str]:
    """Return a bar for each rule, the worst first, and a sentence on those without one."""
    rules = roster.result.rules
    counts = roster.by_rule()
    order = sorted(range(len(rules)), key=lambda at: (*_badness(counts[at]), at))
    bars = tuple(
        _bar(rules[at].key, title_of(rules[at]), counts[at], query(rule=rules[at].key))
        for at in order[:BARS]
    )
    return bars, _rest(len(order) - len(bars), "rule")


def group_bars(roster: VerdictTable) -> tuple[tuple[Bar, ...], str]:
    """Return a bar for each group, the worst first, and a sentence on those without one."""
    groups = sorted(roster.by_group().values(), key=lambda each: _badness(each.verdicts))
    bars = tuple(
        _bar(each.name, _members(each), each.verdicts, query(group=each.name, view="hosts"))
        for each in groups[:BARS]
    )
    return bars, _rest(len(groups) - len(bars), "group")


def _members(group: GroupTotals) -> str:
    failing, unproven = group.hosts[Verdict.FAIL], group.hosts[Verdict.UNPROVEN]
    parts = [many(group.hosts["all"], "host")]
    parts += [f"{number(failing)} failing"] if failing else []
    parts += [f"{number(unproven)} unproven"] if unproven else []
    return ", ".join(parts)


def _badness(counts: Mapping[Verdict, int]) -> tuple[int, int]:
    return -counts[Verdict.FAIL], -counts[Verdict.UNPROVEN]


def _bar(title: str, note: str, counts: Mapping[Verdict, int], link: str) -> Bar:
    parts = tuple(shares(counts))
    return Bar(title, note, parts, in_words(parts) or "no verdict", link)


def _rest(left: int, noun: str) -> str:
    return f"{many(left, noun)} more in the tables below" if left else ""


_STEP: Final = 12
_GAP: Final = 2
_PIXELS: Final = 4


def trend(result: AuditResult, changes: Changes) -> Trend:
    """Return the share of each verdict in every known audit, this one last."""
    now = ("this audit", "", len(result.hosts), result.totals.verdicts)
    past = changes.past or (changes.before,)
    told = [(moment(each.finished), each.folder, each.hosts, each.verdicts) for each in past]
    columns = tuple(_column(at, *each) for at, each in enumerate([*told[1 - AUDITS :], now]))
    fails = [each.failing for each in columns]
    text = f"Failing verdicts in {len(columns)} audits, oldest first: {', '.join(fails)}"
    width = len(columns) * _STEP - _GAP
    return Trend(columns, width, width * _PIXELS, text)


def _column(at: int, when: str, folder: str, hosts: int, verdicts: Mapping[str, int]) -> Column:
    whole = sum(verdicts.values())
    return Column(
        when=when,
        folder=folder,
        hosts=number(hosts),
        failing=number(verdicts.get(Verdict.FAIL, 0)),
        unproven=number(verdicts.get(Verdict.UNPROVEN, 0)),
        percent=percent(verdicts.get(Verdict.PASS, 0), whole),
        shares=tuple(_visible_shares(verdicts)),
        x=at * _STEP,
        width=_STEP - _GAP,
    )


def _visible_shares(verdicts: Mapping[str, int]) -> Iterator[Share]:
    return (each for each in shares(verdicts) if each.count)
