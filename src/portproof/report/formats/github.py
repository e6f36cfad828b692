"""``github-annotations.txt``: workflow commands that GitHub Actions shows as annotations.

Sources: "Workflow commands for GitHub Actions" (the commands and their properties), the runner's
ActionCommand (what it takes back: ``%0D``, ``%0A`` and ``%25`` in a message, also ``%3A`` and
``%2C`` in a property), and its documented limit of 10 errors, 10 warnings and 10 notices a step.
"""

from collections.abc import Iterator
from typing import Final

from portproof.exitcodes import ExitCode
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.contract import Theme
from portproof.report.words.findings import TOLD, FindingItem, message, place, told
from portproof.report.words.phrases import alarm, fix, title
from portproof.report.words.wording import sentence
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import NAME, clean
from portproof.text.words import many, number

FILE: Final = "github-annotations.txt"

SHOWN: Final = 10
"""Annotations of one kind that GitHub shows for a step; the others stand in the log alone."""

_COMMANDS: Final = {Verdict.FAIL: "error", Verdict.UNPROVEN: "warning", Verdict.WAIVED: "notice"}
_VERBS: Final = {
    Verdict.FAIL: "fails on",
    Verdict.UNPROVEN: "is unproven on",
    Verdict.WAIVED: "is waived on",
}
_WHOLE: Final = {
    ExitCode.PROVEN: "notice",
    ExitCode.FAILED: "error",
    ExitCode.ERROR: "error",
    ExitCode.INCOMPLETE: "warning",
}


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the audit in one line, then a line for each rule that has something to say."""
    groups = [(verdict, list(cases)) for verdict, cases in told(result)]
    hidden = sum(_hidden(result, verdict, len(cases)) for verdict, cases in groups)
    yield _command(_kind(result), "portproof", _whole(result, hidden))
    for verdict, cases in groups:
        yield from (_rule(verdict, bound, hosts) for bound, hosts in cases)


def _kind(result: AuditResult) -> str:
    return "error" if alarm(result) else _WHOLE[result.exit_code]


def _hidden(result: AuditResult, verdict: Verdict, rules: int) -> int:
    """Return how many rules GitHub will not show; the line of the audit takes one place."""
    room = SHOWN - (_COMMANDS[verdict] == _kind(result))
    return max(rules - room, 0)


def _whole(result: AuditResult, hidden: int) -> str:
    counts = result.totals.verdicts
    verdicts = ", ".join(f"{number(counts[verdict])} {verdict}" for verdict in Verdict)
    parts = [alarm(result) or clean(sentence(result)), f"verdicts: {verdicts}"]
    if hidden:
        more = f"{many(hidden, 'more rule')} in the log of this step"
        parts.append(f"GitHub shows {SHOWN} annotations of a kind; {more}")
    return "\n".join(parts)


def _rule(verdict: Verdict, bound: BoundRule, hosts: list[tuple[HostResult, Judgement]]) -> str:
    first = f"{title(bound)} {_VERBS[verdict]} {many(len(hosts), 'host')}"
    lines = [first, *_hosts(bound, hosts)]
    if verdict is Verdict.FAIL and (todo := fix(bound)):
        lines.append(todo)
    heading = f"{verdict.value} {bound.key} ({bound.severity})"
    return _command(_COMMANDS[verdict], heading, "\n".join(lines), _at(bound))


def _hosts(bound: BoundRule, hosts: list[tuple[HostResult, Judgement]]) -> Iterator[str]:
    for host, judgement in hosts[:TOLD]:
        text = message(FindingItem(bound, host, judgement, None, ""))
        yield f"{clean(host.name, NAME)}: {text}"
    if len(hosts) > TOLD:
        yield f"and on {many(len(hosts) - TOLD, 'more host')}"


def _command(name: str, title: str, text: str, at: str = "") -> str:
    return f"::{name} {at}title={_property(title)}::{_data(text)}\n"


def _at(bound: BoundRule) -> str:
    if not bound.file:
        return ""
    path, line = place(bound)
    return f"file={_property(clean(path))},line={line},"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
