"""``audit.tap``: TAP 13, a test for each rule on each host.

``unproven`` is ``not ok`` with its reason, ``waived`` is ``not ok`` that is to do (``# TODO``),
which readers let through, and ``not-applicable`` is skipped (``# SKIP``). Where the audit as a
whole is no success, it bails out. The form: testanything.org, "TAP version 13".
"""

import json
from collections.abc import Iterator
from typing import Final

from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.contract import Theme
from portproof.report.words.phrases import first_line, fix_in_line, lines, not_whole, pairs, title
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import clean

FILE: Final = "audit.tap"

_OK: Final = {
    Verdict.PASS: "ok",
    Verdict.FAIL: "not ok",
    Verdict.WAIVED: "not ok",
    Verdict.NOT_APPLICABLE: "ok",
    Verdict.UNPROVEN: "not ok",
}
_DIRECTIVES: Final = {Verdict.WAIVED: "TODO", Verdict.NOT_APPLICABLE: "SKIP"}


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the result as TAP, host by host."""
    yield f"TAP version 13\n1..{sum(result.totals.verdicts.values())}\n"
    for number, (host, bound, judgement) in enumerate(pairs(result), 1):
        yield _test(number, host, bound, judgement)
    if broken := not_whole(result):
        yield f"Bail out! {broken}\n"


def _test(number: int, host: HostResult, bound: BoundRule, judgement: Judgement) -> str:
    verdict = judgement.verdict
    line = f"{_OK[verdict]} {number} - {bound.key} on {_word(host.name)}"
    if verdict in _DIRECTIVES:
        return f"{line} # {_DIRECTIVES[verdict]} {_word(f'{verdict}: {first_line(judgement)}')}\n"
    if verdict is Verdict.PASS:
        return f"{line}\n"
    return "".join(f"{text}\n" for text in (line, *_diagnostic(host, bound, judgement)))


def _word(text: str) -> str:
    """A text without the character that starts a directive; not every reader minds an escape."""
    return clean(text).replace("#", "\\x23")


def _diagnostic(host: HostResult, bound: BoundRule, judgement: Judgement) -> Iterator[str]:
    """A block of YAML: quoted as JSON, or literal lines after a dash, which all readers take."""
    yield "  ---"
    yield f"  verdict: {_quoted(judgement.verdict)}"
    yield f"  severity: {_quoted(bound.severity)}"
    yield f"  title: {_quoted(title(bound))}"
    if judgement.reason is not None:
        yield f"  reason: {_quoted(judgement.reason)}"
    if said := list(lines(judgement)):
        yield "  says: |"
        yield from (f"    - {line}" for line in said)
    if judgement.verdict is Verdict.FAIL and (text := fix_in_line(bound, host.seen.platform)):
        yield f"  fix: {_quoted(text)}"
    yield "  ..."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
