"""Decide what gates CI: the conditions of ``--fail-on``. They change no verdict and no result.

Failures and unproven verdicts gate by default. A condition replaces the default only for what it is
about: ``fail``, ``new`` and ``expired`` for failures, ``unproven`` for unproven verdicts,
``severity>=`` for both. Hosts without rules gate with ``uncovered`` only.

An audit that was interrupted, judged nothing or proved nothing never passes the gate, whatever the
conditions are.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from portproof.errors import UsageError
from portproof.exitcodes import ExitCode
from portproof.model.base import Severity
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.result.changes import ChangeKind
from portproof.result.result import AuditResult

GRAMMAR: Final = (
    "fail, waived, expired, new, uncovered, unproven, unproven>NUMBER, unproven>NUMBER%,"
    " severity>=LEVEL"
    f" (LEVEL is {', '.join(Severity)})"
)
_UNPROVEN: Final = re.compile(r"unproven *> *([0-9]{1,9}(?:\.[0-9]{1,9})?) *(%?)")
_SEVERITY: Final = re.compile(r"severity *>= *([a-z]+)")
_WHOLE: Final = 100
_OTHERWISE: Final = frozenset({ChangeKind.NEWLY_FAILING, ChangeKind.PROCESS})
_NOTHING_JUDGED: Final = "nothing was judged"


class ConditionKind(StrEnum):
    """What a condition counts."""

    FAIL = "fail"
    WAIVED = "waived"
    EXPIRED = "expired"
    NEW = "new"
    UNCOVERED = "uncovered"
    UNPROVEN = "unproven"
    SEVERITY = "severity"


_ABOUT_FAILURES: Final = frozenset(
    {ConditionKind.FAIL, ConditionKind.EXPIRED, ConditionKind.NEW, ConditionKind.SEVERITY}
)
_ABOUT_UNPROVEN: Final = frozenset({ConditionKind.UNPROVEN, ConditionKind.SEVERITY})
_NOUNS: Final = {
    ConditionKind.FAIL: ("failure", "failures"),
    ConditionKind.WAIVED: ("waived", "waived"),
    ConditionKind.EXPIRED: ("failure with a lapsed waiver", "failures with a lapsed waiver"),
    ConditionKind.NEW: ("new failure", "new failures"),
    ConditionKind.UNCOVERED: ("host without rules", "hosts without rules"),
    ConditionKind.UNPROVEN: ("unproven", "unproven"),
}
"""What is counted, in the singular and the plural."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``--fail-on``: it holds when more than ``above`` of what it counts is found.

    ``above`` is a number of verdicts, or a percentage of the judged ones if ``percent`` is set;
    ``severity`` is the lowest severity that counts, for ``severity>=`` only. ``default`` marks a
    condition that the user did not give.
    """

    text: str
    what: ConditionKind
    above: Fraction = Fraction(0)
    percent: bool = False
    severity: Severity = Severity.INFO
    default: bool = False

    def exceeded(self, count: int, judged: int) -> bool:
        """Return whether the count exceeds the limit, without any rounding."""
        if self.percent:
            return count * _WHOLE > self.above * judged
        return count > self.above


@dataclass(frozen=True, slots=True)
class Gate:
    """The decision whether an audit passes.

    ``reasons`` are the conditions that held, with their figures; ``failures`` and ``unproven``
    count the verdicts that none of those covers; ``stopped`` says why the audit does not pass
    whatever the conditions are, and is empty otherwise.
    """

    exit_code: ExitCode
    conditions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    failures: int = 0
    unproven: int = 0
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class _GatedVerdict:
    """A verdict that may gate."""

    host: str
    bound: BoundRule
    judgement: Judgement


def condition(text: str) -> Condition:
    """Parse one condition.

    Raises:
        UsageError: the text is not a condition; the message lists the grammar.
    """
    asked = text.strip()
    if match := _UNPROVEN.fullmatch(asked):
        return Condition(asked, ConditionKind.UNPROVEN, Fraction(match[1]), percent=bool(match[2]))
    if (match := _SEVERITY.fullmatch(asked)) and match[1] in set(Severity):
        return Condition(asked, ConditionKind.SEVERITY, severity=Severity(match[1]))
    if asked in set(ConditionKind) - {ConditionKind.SEVERITY}:
        return Condition(asked, ConditionKind(asked))
    raise UsageError(f"--fail-on {text!a} is not a condition; conditions are {GRAMMAR}")


def gate(result: AuditResult, asked_for: Iterable[Condition]) -> Gate:
    """Decide whether a result passes; without conditions, its own exit code decides."""
    asked = tuple(dict.fromkeys(asked_for))
    if not asked:
        return Gate(result.exit_code)
    conditions = _with_defaults(asked)
    known = _known_failures(result)
    counts = _counts(conditions, result, known)
    judged = result.totals.judged
    held = [each for each in conditions if each.exceeded(counts[each].total(), judged)]
    left = Counter(
        case.judgement.verdict
        for case in _cases(result)
        if not any(_is_meant(each, case, known) for each in held)
    )
    code, stopped = _never_let_through(result)
    if stopped != _NOTHING_JUDGED:
        code = min([_code(counts[each]) for each in held], default=code)
    return Gate(
        exit_code=code,
        conditions=tuple(each.text for each in asked),
        reasons=tuple(_reason(each, counts[each], result) for each in held),
        failures=left[Verdict.FAIL],
        unproven=left[Verdict.UNPROVEN],
        stopped=stopped,
    )


def _counts(
    conditions: Iterable[Condition], result: AuditResult, known: set[tuple[str, str]]
) -> dict[Condition, Counter[Verdict]]:
    """Count by verdict what each condition is about; a host that no rule is for counts once."""
    counts: dict[Condition, Counter[Verdict]] = {each: Counter() for each in conditions}
    for case in _cases(result):
        for each, counted in counts.items():
            counted[case.judgement.verdict] += _is_meant(each, case, known)
    for each, counted in counts.items():
        if each.what is ConditionKind.UNCOVERED:
            counted[Verdict.NOT_APPLICABLE] = result.totals.hosts_not_judged
    return {each: +counted for each, counted in counts.items()}


def _with_defaults(asked: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Add the default conditions for what none of the given ones is about."""
    about = {each.what for each in asked}
    failures = Condition("the default for failures", ConditionKind.FAIL, default=True)
    unproven = Condition("the default for unproven verdicts", ConditionKind.UNPROVEN, default=True)
    return (
        *asked,
        *(() if about & _ABOUT_FAILURES else (failures,)),
        *(() if about & _ABOUT_UNPROVEN else (unproven,)),
    )


def _code(counted: Counter[Verdict]) -> ExitCode:
    """Return the exit code for a run in which these verdicts gate."""
    is_failure = counted[Verdict.FAIL] or counted[Verdict.WAIVED]
    return ExitCode.FAILED if is_failure else ExitCode.INCOMPLETE


def _never_let_through(result: AuditResult) -> tuple[ExitCode, str]:
    totals = result.totals
    if not totals.judged:
        return ExitCode.ERROR, _NOTHING_JUDGED
    if result.run.interrupted:
        return ExitCode.INCOMPLETE, "the audit was interrupted"
    if totals.verdicts[Verdict.UNPROVEN] == totals.judged:
        return ExitCode.INCOMPLETE, "nothing was proven"
    return ExitCode.PROVEN, ""


def _cases(result: AuditResult) -> Iterator[_GatedVerdict]:
    wanted = {Verdict.FAIL, Verdict.WAIVED, Verdict.UNPROVEN}
    for host in result.hosts:
        for bound, judgement in zip(result.rules, host.judgements, strict=True):
            if judgement.verdict in wanted:
                yield _GatedVerdict(host.name, bound, judgement)


def _known_failures(result: AuditResult) -> set[tuple[str, str]]:
    """Return the failures that the earlier audit had too; all others count as new.

    A rule that failed before counts as new if it now also fails for another reason, or if another
    program now holds the port.
    """
    items = result.changes.items if result.changes else ()
    old = {(item.host, item.rule) for item in items if item.kind is ChangeKind.STILL_FAILING}
    new = {(item.host, item.rule) for item in items if item.kind in _OTHERWISE}
    return old - new


def _is_meant(asked: Condition, case: _GatedVerdict, known: set[tuple[str, str]]) -> bool:
    verdict = case.judgement.verdict
    if asked.what in {ConditionKind.UNPROVEN, ConditionKind.WAIVED}:
        return verdict.value == asked.what.value
    if asked.what is ConditionKind.SEVERITY:
        gates = verdict in {Verdict.FAIL, Verdict.UNPROVEN}
        return gates and case.bound.severity.rank >= asked.severity.rank
    if verdict is not Verdict.FAIL or asked.what is ConditionKind.UNCOVERED:
        return False
    if asked.what is ConditionKind.EXPIRED:
        return any(each.waived and each.waived.lapsed for each in case.judgement.findings)
    if asked.what is ConditionKind.NEW:
        return (case.host, case.bound.key) not in known
    return True


def _reason(held: Condition, counted: Counter[Verdict], result: AuditResult) -> str:
    figure = _figure(held, counted)
    if held.percent:
        figure = f"{figure} of {result.totals.judged} judged"
    if held.what is ConditionKind.NEW and result.changes is None:
        figure = f"{figure}: without an earlier audit every failure is new"
    return f"{held.text if held.default else f'--fail-on {held.text}'} ({figure})"


def _figure(held: Condition, counted: Counter[Verdict]) -> str:
    if held.what is not ConditionKind.SEVERITY:
        count = counted.total()
        return f"{count} {_NOUNS[held.what][count != 1]}"
    failures, unproven = counted[Verdict.FAIL], counted[Verdict.UNPROVEN]
    parts = [f"{failures} {_NOUNS[ConditionKind.FAIL][failures != 1]}"] if failures else []
    return " and ".join(parts + ([f"{unproven} unproven"] if unproven else []))


def explanation(decided: Gate) -> str:
    """Return the last line of a summary: which conditions of --fail-on hold; "" without any."""
    if not decided.conditions:
        return ""
    asked = f"--fail-on {', '.join(decided.conditions)}"
    parts = []
    if decided.stopped:
        parts.append(f"{decided.stopped}, and --fail-on does not change that")
    if decided.reasons:
        parts.append(f"gated by {', '.join(decided.reasons)}")
    if decided.failures or decided.unproven:
        parts.append(f"{_left(decided)} did not gate{'' if decided.reasons else f' ({asked})'}")
    if not parts:
        parts.append(f"nothing failed, nothing is unproven, and no condition holds ({asked})")
    return f"{'; '.join(parts)}; exit code {int(decided.exit_code)}"


def _left(decided: Gate) -> str:
    noun = _NOUNS[ConditionKind.FAIL][decided.failures != 1]
    return f"{decided.failures} {noun} and {decided.unproven} unproven"
