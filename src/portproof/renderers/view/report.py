"""The report as a value: everything the templates show, so that they need no logic."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from portproof.model.result import AuditResult, Digest, Run
from portproof.model.verdicts import Verdict
from portproof.renderers.view.cases import Cases, by_rule
from portproof.renderers.view.causes import ReasonCase, reasons
from portproof.renderers.view.evidence import UNKNOWN, Fact, RuleCase, rule_case
from portproof.renderers.view.roster import (
    FOLDED,
    Column,
    Folded,
    MatrixRow,
    SeenRow,
    column,
    folded,
    matrix_row,
    seen_row,
)
from portproof.renderers.view.shares import Share, shares, sum_note
from portproof.renderers.view.text import between, many, moment, number
from portproof.renderers.view.wording import State, sentence, state

_SHOWN_OPEN: Final = 20
"""Up to as many hosts, the table of how they were looked at is not folded."""

_ROOMY: Final = 8
"""Up to as many rules, the matrix has room for words beside its shapes."""


@dataclass(frozen=True, slots=True)
class Entry:
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
class Report:
    """Everything the template shows."""

    title: str
    state: State
    clauses: tuple[str, ...]
    interrupted: bool
    facts: tuple[Fact, ...]
    shares: tuple[Share, ...]
    bar_text: str
    sum: str
    sum_note: str
    failures: tuple[RuleCase, ...]
    unproven: tuple[ReasonCase, ...]
    waived: tuple[RuleCase, ...]
    folded: tuple[Folded, ...]
    columns: tuple[Column, ...]
    rows: tuple[MatrixRow, ...]
    compact: bool
    warnings: tuple[str, ...]
    warnings_text: str
    contents: tuple[Entry, ...]
    version: str
    identity: tuple[Fact, ...]
    inputs: tuple[Inputs, ...]
    seen: tuple[SeenRow, ...]
    seen_text: str
    seen_open: bool


def view(result: AuditResult) -> Report:
    """Work out the report."""
    cases = by_rule(result.hosts)
    whole = state(result)
    text = sentence(result)
    parts = tuple(shares(result.totals))
    return Report(
        title=f"{whole.word}: {text}",
        state=whole,
        clauses=tuple(_clauses(text)),
        interrupted=result.run.interrupted,
        facts=tuple(_facts(result)),
        shares=parts,
        bar_text=", ".join(f"{each.text} {each.word} ({each.percent})" for each in parts),
        sum=number(sum(each.count for each in parts)),
        sum_note=sum_note(result.totals),
        failures=tuple(_rule_cases(result, cases, Verdict.FAIL)),
        unproven=tuple(reasons(result.rules, result.hosts)),
        waived=tuple(_rule_cases(result, cases, Verdict.WAIVED)),
        folded=tuple(folded(result.rules, cases)),
        columns=tuple(map(column, result.rules)),
        rows=tuple(matrix_row(at, host) for at, host in enumerate(result.hosts)),
        compact=len(result.rules) > _ROOMY,
        warnings=result.warnings,
        warnings_text=many(len(result.warnings), "warning"),
        contents=tuple(_contents(result)),
        version=result.run.version,
        identity=tuple(_identity(result)),
        inputs=tuple(_inputs(result.run)),
        seen=tuple(seen_row(host.name, host.seen) for host in result.hosts),
        seen_text=many(len(result.hosts), "host"),
        seen_open=len(result.hosts) <= _SHOWN_OPEN,
    )


def _facts(result: AuditResult) -> Iterator[Fact]:
    totals, run = result.totals, result.run
    yield Fact("Roster", f"{many(totals.hosts, 'host')} by {many(totals.rules, 'rule')}")
    yield Fact("Audited", moment(run.started))
    yield Fact("Inventory", run.inventory.name)


def _clauses(text: str) -> Iterator[str]:
    *others, last = text.split("; ")
    yield from (f"{clause};" for clause in others)
    yield last


def _contents(result: AuditResult) -> Iterator[Entry]:
    count = result.totals.verdicts
    yield Entry("failures", "Failures", number(count[Verdict.FAIL]))
    yield Entry("unproven", "Unproven", number(count[Verdict.UNPROVEN]))
    if count[Verdict.WAIVED]:
        yield Entry("waived", "Waived", number(count[Verdict.WAIVED]))
    if quiet := sum(count[verdict] for verdict in FOLDED):
        yield Entry("passed", "Passed and not applicable", number(quiet))
    if result.framework:
        yield Entry("controls", "By control", "")
    if result.hosts:
        yield Entry("matrix", "Every host and rule", number(sum(count.values())))
    if result.warnings:
        yield Entry("warnings", "Warnings", number(len(result.warnings)))
    yield Entry("run", "This run", "")


def _rule_cases(result: AuditResult, cases: Cases, verdict: Verdict) -> Iterator[RuleCase]:
    """Rules with the verdict on any host, the most severe first."""
    found = [index for index in range(len(result.rules)) if (index, verdict) in cases]
    for index in sorted(found, key=lambda index: (-result.rules[index].severity.rank, index)):
        yield rule_case(index, result.rules[index], cases[index, verdict])


def _identity(result: AuditResult) -> Iterator[Fact]:
    run, took = result.run, between(result.run.started, result.run.finished)
    yield Fact("portproof", run.version)
    yield Fact("Started", moment(run.started))
    yield Fact("Finished", moment(run.finished))
    yield Fact("Took", took or UNKNOWN, known=bool(took))
    yield Fact("Controller", run.controller)
    yield Fact("Exit code", f"{int(result.exit_code)} ({result.exit_code.name.lower()})")


def _inputs(run: Run) -> Iterator[Inputs]:
    kinds = (("Inventory", (run.inventory,)), ("Policies", run.policies), ("Checks", run.checks))
    return (Inputs(title, digests) for title, digests in kinds if digests)
