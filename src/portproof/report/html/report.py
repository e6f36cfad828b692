"""Build the report as a value: everything the templates show, so that they need no logic."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from portproof.model.verdicts import Verdict
from portproof.report.html.causes import ReasonCase, reasons
from portproof.report.html.changes import ChangesView, changes_view
from portproof.report.html.charts import Bar, Trend, group_bars, rule_bars, trend
from portproof.report.html.evidence import Fact, RuleCase, failures
from portproof.report.html.roster import VerdictTable
from portproof.report.html.shares import Share, shares, sum_note
from portproof.report.html.waivers import WaiverCase, waivers
from portproof.report.words.limits import CAUSES
from portproof.report.words.wording import PLATFORMS, AuditState, sentence, state
from portproof.result.result import AuditResult, Digest, Run
from portproof.text.times import between, moment
from portproof.text.words import many, number


@dataclass(frozen=True, slots=True)
class ContentsEntry:
    """A line of the table of contents."""

    anchor: str
    title: str
    count: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of one kind, by their digests."""

    title: str
    digests: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class LookMethod:
    """How some hosts were looked at."""

    hosts: str
    source: str
    platform: str
    privilege: str


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Everything the template shows."""

    title: str
    state: AuditState
    clauses: tuple[str, ...]
    interrupted: bool
    facts: tuple[Fact, ...]
    shares: tuple[Share, ...]
    bar_text: str
    sum: str
    sum_note: str
    changes: ChangesView | None
    trend: Trend | None
    failures: tuple[RuleCase, ...]
    unproven: tuple[ReasonCase, ...]
    waivers: tuple[WaiverCase, ...]
    rule_bars: tuple[Bar, ...]
    rule_bars_left: str
    group_bars: tuple[Bar, ...]
    group_bars_left: str
    verdicts_text: str
    warnings: tuple[str, ...]
    warnings_text: str
    contents: tuple[ContentsEntry, ...]
    version: str
    identity: tuple[Fact, ...]
    inputs: tuple[Inputs, ...]
    looked: tuple[LookMethod, ...]
    looked_left: str
    unseen: tuple[str, ...]


def view(roster: VerdictTable) -> ReportPage:
    """Build the report of a result."""
    result = roster.result
    whole, text = state(result), sentence(result)
    parts = tuple(shares(result.totals.verdicts))
    changes, failing = result.changes, tuple(failures(roster))
    rule_parts, rules_left = rule_bars(roster)
    group_parts, groups_left = group_bars(roster)
    looked, looked_left = _looked(result)
    return ReportPage(
        title=f"{whole.word}: {text}",
        state=whole,
        clauses=tuple(_clauses(text)),
        interrupted=result.run.interrupted,
        facts=tuple(_facts(result)),
        shares=parts,
        bar_text=", ".join(f"{each.text} {each.word} ({each.percent})" for each in parts),
        sum=number(sum(each.count for each in parts)),
        sum_note=sum_note(result.totals),
        changes=changes_view(roster, changes, failing) if changes else None,
        trend=trend(result, changes) if changes else None,
        failures=failing,
        unproven=tuple(reasons(roster)),
        waivers=waivers(roster),
        rule_bars=rule_parts,
        rule_bars_left=rules_left,
        group_bars=group_parts,
        group_bars_left=groups_left,
        verdicts_text=many(sum(each.count for each in parts), "verdict"),
        warnings=result.warnings,
        warnings_text=many(len(result.warnings), "warning"),
        contents=tuple(_contents(result)),
        version=result.run.version,
        identity=tuple(_identity(result)),
        inputs=tuple(_inputs(result.run)),
        looked=looked,
        looked_left=looked_left,
        unseen=tuple(_unseen(result)),
    )


def _facts(result: AuditResult) -> Iterator[Fact]:
    totals, run = result.totals, result.run
    yield Fact("Roster", f"{many(totals.hosts, 'host')} by {many(totals.rules, 'rule')}")
    yield Fact("Audited", moment(run.started))
    yield Fact("Inventory", f"{run.inventory.name} ({run.inventory.sha256[:_SHORT]})")
    yield Fact("By", f"portproof {run.version} on {run.controller}")


_SHORT: Final = 12
"""Digits of a hash that suffice to recognise it; the whole hash is further down."""


def _clauses(text: str) -> Iterator[str]:
    *others, last = text.split("; ")
    yield from (f"{clause};" for clause in others)
    yield last


def _contents(result: AuditResult) -> Iterator[ContentsEntry]:
    count = result.totals.verdicts
    if result.changes:
        yield ContentsEntry("changes", "What changed", number(len(result.changes.items)))
    yield ContentsEntry("failures", "Failures", number(count[Verdict.FAIL]))
    yield ContentsEntry("unproven", "Unproven", number(count[Verdict.UNPROVEN]))
    yield ContentsEntry("waivers", "Waivers", number(count[Verdict.WAIVED]))
    yield ContentsEntry("bars", "By rule and group", "")
    if result.framework:
        yield ContentsEntry("controls", "By control", "")
    if result.hosts and result.rules:
        yield ContentsEntry("everything", "Everything", number(sum(count.values())))
    if result.warnings:
        yield ContentsEntry("warnings", "Warnings", number(len(result.warnings)))
    yield ContentsEntry("run", "This run", "")


def _identity(result: AuditResult) -> Iterator[Fact]:
    run, took = result.run, between(result.run.started, result.run.finished)
    yield Fact("portproof", run.version)
    yield Fact("Started", moment(run.started))
    yield Fact("Finished", moment(run.finished))
    yield Fact("Took", took)
    yield Fact("Controller", run.controller)
    yield Fact("Exit code", f"{int(result.exit_code)} ({result.exit_code.name.lower()})")


def _inputs(run: Run) -> Iterator[Inputs]:
    kinds = (("Inventory", (run.inventory,)), ("Policies", run.policies), ("Checks", run.checks))
    return (Inputs(title, digests) for title, digests in kinds if digests)


def _looked(result: AuditResult) -> tuple[tuple[LookMethod, ...], str]:
    """Return the ways in which hosts were looked at, the most frequent first."""
    ways = Counter(
        (f"{seen.source} {seen.version}".strip(), seen.platform, seen.privilege)
        for seen in (host.seen for host in result.hosts)
    )
    shown = tuple(
        LookMethod(many(hosts, "host"), source, PLATFORMS.get(platform, platform), privilege)
        for (source, platform, privilege), hosts in ways.most_common(CAUSES)
    )
    left = len(ways) - len(shown)
    return shown, f"and {many(left, 'way')} more" if left > 0 else ""


def _unseen(result: AuditResult) -> Iterator[str]:
    """Return what could not be seen although nothing is unproven by it, and on how many hosts."""
    texts = Counter(text for host in result.hosts for text in host.seen.unseen)
    for text, hosts in texts.most_common(CAUSES):
        yield f"Not seen on {many(hosts, 'host')}: {text}"
    if (left := len(texts) - CAUSES) > 0:
        yield f"and {many(left, 'thing')} more, beside the hosts below Everything"
