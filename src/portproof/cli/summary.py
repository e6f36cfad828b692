"""The summary of an audit, as lines for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from portproof.cli.changes import changed_line
from portproof.cli.show import Line
from portproof.exitcodes import ExitCode
from portproof.judge.gate import Gate, explanation
from portproof.model.base import for_platform
from portproof.model.observation import Platform
from portproof.model.verdicts import Finding, Judgement, Verdict
from portproof.model.why import Classification
from portproof.policy.policy import BoundRule
from portproof.report.words.by_control import by_control
from portproof.report.words.phrases import holder, waived
from portproof.report.words.wording import sentence
from portproof.result.result import AuditResult, HostResult, Totals
from portproof.text.visible import shortened, visible

_SHOWN: Final = 10
"""How many findings, hosts or reasons are shown; the rest are counted."""
_WIDTH: Final = 100
_LONGEST: Final = 200
_FIRST_REASONS: Final = 2
_STYLES: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.WAIVED: "cyan",
    Verdict.NOT_APPLICABLE: "",
    Verdict.UNPROVEN: "yellow",
}

Group = tuple[BoundRule, list[tuple[HostResult, Judgement]]]


def summary(
    result: AuditResult, folder: Path | None, decided: Gate | None = None
) -> Iterator[Line]:
    """Yield the lines to print after an audit; the last one explains the exit code.

    ``folder`` contains its report, if there is one.
    """
    for group in result.failures():
        yield from _failed_rule(group)
    yield from _waived(result.waived())
    yield from _unproven(result.unproven())
    for warning in result.warnings:
        yield Line(f"note: {visible(warning)}", "yellow")
    if result.changes is not None:
        yield changed_line(result.changes)
    yield from _by_control(result)
    yield Line(visible(sentence(result)), _style(result))
    yield Line(f"verdicts: {_counts(result.totals)}")
    if folder is not None:
        yield Line(f"report: {folder / 'report.html'}")
    if decided is not None and (text := explanation(decided)):
        yield Line(text, _gate_style(decided))


def _by_control(result: AuditResult) -> Iterator[Line]:
    if not result.framework:
        return
    grouped = by_control(result, result.framework)
    yield Line(f"By control, {visible(grouped.name)}: {grouped.text}", "bold")
    for control in grouped.controls:
        title = shortened(visible(f"{control.number} {control.title}"), _WIDTH)
        yield Line(f"  {control.state.upper()} {title}: {control.text}", _STYLES[control.verdict])
    if grouped.unmapped:
        yield Line(f"  {_many(len(grouped.unmapped), 'rule')} mapped to none of its controls")
    yield Line("")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _style(result: AuditResult) -> str:
    if result.exit_code is ExitCode.FAILED:
        return "bold red"
    proven = result.exit_code is ExitCode.PROVEN and not result.totals.hosts_not_judged
    return "bold green" if proven else "bold yellow"


def _gate_style(decided: Gate) -> str:
    if decided.exit_code is not ExitCode.PROVEN:
        return "bold red"
    return "bold yellow" if decided.failures or decided.unproven else "bold green"


def _counts(totals: Totals) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in totals.verdicts.items())


def _failed_rule(group: Group) -> Iterator[Line]:
    bound, hosts = group
    title = bound.rule.title or bound.rule.summary()
    yield Line(f"FAIL {bound.key} ({bound.severity}): {visible(title)}", "bold red")
    found = [each for host, judgement in hosts for each in _findings(host, judgement)]
    yield from (line for each in found[:_SHOWN] for line in each)
    yield from _rest(len(found))
    platforms = {Platform(host.seen.platform) for host, _ in hosts if host.seen.platform}
    for platform in sorted(platforms):
        yield from _fix(bound, platform)
    yield Line("")


def _findings(host: HostResult, judgement: Judgement) -> Iterator[list[Line]]:
    """Yield the lines of each finding, with its classification if there is one."""
    for finding in judgement.findings:
        text = f"{host.name}: {finding.message}{_lapsed(finding)}{_owners(finding)}"
        yield [Line(f"  {shortened(visible(text), _LONGEST)}"), *_reading(finding.reading)]


def _reading(reading: Classification | None) -> Iterator[Line]:
    if reading is not None:
        more = len(reading.reasons) - _FIRST_REASONS
        first = " ".join(reading.reasons[:_FIRST_REASONS])
        text = f"{reading.kind}: {first}{f' (and {more} more)' if more > 0 else ''}"
        yield Line(f"    {shortened(visible(text), _LONGEST)}")


def _lapsed(finding: Finding) -> str:
    if finding.waived is None or not finding.waived.lapsed:
        return ""
    return f"; {waived(finding.waived)}"


def _waived(groups: Iterable[Group]) -> Iterator[Line]:
    lines = [
        Line(f"WAIVED {shortened(visible(_waiver(bound, host, finding)), _LONGEST)}", "cyan")
        for bound, hosts in groups
        for host, judgement in hosts
        for finding in judgement.findings
    ]
    yield from _first(lines)


def _waiver(bound: BoundRule, host: HostResult, finding: Finding) -> str:
    by = f"{finding.waived.owner}, {finding.waived.days_left} days left" if finding.waived else ""
    return f"{bound.key} on {host.name} by {by}: {finding.message}"


def _owners(finding: Finding) -> str:
    owners = finding.listener.owners if finding.listener else ()
    return "".join(f"; {holder(owner)}" for owner in owners if owner.pid is not None)


def _fix(bound: BoundRule, platform: Platform) -> Iterator[Line]:
    text = for_platform(bound.rule.fix, platform)
    if text is None:
        return
    yield Line(f"  fix on {platform}:", "bold")
    for paragraph in text.splitlines():
        for line in textwrap.wrap(visible(paragraph), _WIDTH - 4, break_on_hyphens=False):
            yield Line(f"    {line}")


def _unproven(groups: Iterable[Group]) -> Iterator[Line]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for bound, hosts in groups:
        for host, judgement in hosts:
            cause = f"{host.name}: {judgement.reason}: {judgement.detail}"
            reasons.setdefault((host.name, cause), []).append(bound.key)
    lines = [
        Line(
            f"UNPROVEN {shortened(visible(cause), _LONGEST)} ({_many(len(rules), 'rule')})",
            "yellow",
        )
        for (_, cause), rules in reasons.items()
    ]
    yield from _first(lines)


def _first(lines: list[Line]) -> Iterator[Line]:
    yield from lines[:_SHOWN]
    yield from _rest(len(lines))


def _rest(count: int) -> Iterator[Line]:
    if count > _SHOWN:
        yield Line(f"  and {count - _SHOWN} more; the report lists all of them")
