"""``summary.md``: the audit for a CI job's summary, in GitHub's Markdown.

Whatever hosts, policies and inventories say stands in code spans, in which nothing is markup
(CommonMark 0.31.2, section 6.1), unless it is letters and plain punctuation. The file stays below
the 1024 KiB that GitHub takes for a step's summary; what does not fit is counted.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.contract import Theme
from portproof.report.words.phrases import finding, first_line, fix_in_line, not_whole, title
from portproof.report.words.wording import WORDS, sentence, state
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import clean, code_span
from portproof.text.words import many, number

FILE: Final = "summary.md"
LIMIT: Final = 1024 * 1024
"""Bytes that GitHub takes ("upload aborted, supports content up to a size of 1024k")."""

_FOR_OTHERS: Final = 64 * 1024
"""Bytes left free: a step may write more than this into its summary."""
_SHOWN: Final = 20
"""Findings of one rule on one host that are shown."""
_HARMLESS: Final = re.compile(r"[^\W_](?:[^\W_]|[ ,;()'-]|:(?= ))*")
RuleOnHosts = tuple[BoundRule, list[tuple[HostResult, Judgement]]]


class _CountedLine(NamedTuple):
    """A line of the file, and what is counted, how often, where it does not fit."""

    text: str
    counted: str = ""
    times: int = 1


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the totals, then what fails, what is unproven and what is waived, as far as it fits."""
    head = "".join(f"{line}\n" for line in _head(result))
    yield head
    yield from _fitting(_groups(result), LIMIT - _FOR_OTHERS - len(head.encode()))


def text(told: str) -> str:
    """Return a text that is no markup: as it is where it is harmless, else as a code span."""
    return told if _HARMLESS.fullmatch(told) else code_span(told)


def _head(result: AuditResult) -> Iterator[str]:
    yield f"## portproof: {state(result).word}\n"
    yield f"{text(clean(sentence(result)))}\n"
    if broken := not_whole(result):
        yield f"**{broken}.**\n"
    yield "| verdict | count |"
    yield "|---|---:|"
    for verdict, count in result.totals.verdicts.items():
        yield f"| {WORDS[Verdict(verdict)]} | {number(count)} |"


def _groups(result: AuditResult) -> Iterator[_CountedLine]:
    yield from _section("Failures", _rules(result.failures(), Verdict.FAIL))
    yield from _section("Unproven", _unproven(result))
    yield from _section("Waived", _rules(result.waived(), Verdict.WAIVED))
    notes = (_CountedLine(f"- {text(clean(warning))}", "notes") for warning in result.warnings)
    yield from _section("Notes", notes)


def _section(heading: str, lines: Iterator[_CountedLine]) -> Iterator[_CountedLine]:
    """Yield the lines under a heading, which is left out where there are none."""
    for first in lines:
        yield _CountedLine(f"\n### {heading}\n")
        yield first
        yield from lines


def _rules(groups: Iterable[RuleOnHosts], verdict: Verdict) -> Iterator[_CountedLine]:
    for group in groups:
        yield from _rule(group, verdict)


def _unproven(result: AuditResult) -> Iterator[_CountedLine]:
    """Yield a host that could not be looked at has one line, however many rules there are."""
    for host in result.hosts:
        judged = (each for each in host.judgements if each.verdict is Verdict.UNPROVEN)
        for cause, rules in Counter(map(first_line, judged)).items():
            told = f"- {code_span(host.name)}: {code_span(cause)} ({many(rules, 'rule')})"
            yield _CountedLine(told, WORDS[Verdict.UNPROVEN], rules)


def _rule(group: RuleOnHosts, verdict: Verdict) -> Iterator[_CountedLine]:
    bound, hosts = group
    about = f"{bound.severity}, {many(len(hosts), 'host')}"
    yield _CountedLine(f"- {code_span(bound.key)} ({about}): {text(title(bound))}")
    if verdict is Verdict.FAIL:
        yield from _fixes(bound, hosts)
    for host, judgement in hosts:
        yield _CountedLine("\n".join(_host(host, judgement)), WORDS[verdict])


def _fixes(
    bound: BoundRule, hosts: Iterable[tuple[HostResult, Judgement]]
) -> Iterator[_CountedLine]:
    for platform in sorted({host.seen.platform for host, _ in hosts}):
        if way := fix_in_line(bound, platform):
            yield _CountedLine(f"  - fix on {platform}: {code_span(way)}")


def _host(host: HostResult, judgement: Judgement) -> Iterator[str]:
    said = [finding(each) for each in judgement.findings] or [first_line(judgement)]
    yield from (f"  - {code_span(host.name)}: {code_span(line)}" for line in said[:_SHOWN])
    if len(said) > _SHOWN:
        yield f"  - {code_span(host.name)}: and {number(len(said) - _SHOWN)} more findings"


def _fitting(lines: Iterable[_CountedLine], room: int) -> Iterator[str]:
    """Yield the lines up to the first that does not fit into so many bytes; the rest is counted."""
    left: Counter[str] = Counter()
    for line in lines:
        room -= len(line.text.encode()) + 1
        if room >= 0 and not left:
            yield f"{line.text}\n"
        elif line.counted:
            left[line.counted] += line.times
    if left:
        told = ", ".join(f"{number(count)} {what}" for what, count in left.items())
        yield f"\n**Left out, for GitHub takes no more: {told}.** report.html has all of it.\n"
