"""Group a result by the controls of a framework that rules map to."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from portproof.catalog.controls import control_order, control_title, framework_name
from portproof.model.verdicts import Verdict
from portproof.policy.policy import BoundRule
from portproof.report.words.anchors import anchor_of
from portproof.report.words.wording import WORDS, title_of
from portproof.result.result import AuditResult
from portproof.text.words import many, number

_WORST: Final = (Verdict.FAIL, Verdict.UNPROVEN, Verdict.WAIVED, Verdict.PASS)
"""The verdicts that decide about a control; with none of these, nothing was judged."""

_STATES: Final = WORDS | {Verdict.PASS: "proven", Verdict.NOT_APPLICABLE: "not judged"}
_NAMED: Final = 10
"""Hosts named in a sentence; the rest is counted."""


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """How many times a rule has each verdict."""

    verdict: Verdict
    count: int

    @property
    def text(self) -> str:
        """The counts and verdicts in words."""
        return f"{number(self.count)} {WORDS[self.verdict]}"


@dataclass(frozen=True, slots=True)
class ControlRule:
    """A rule with its verdicts on all hosts, and the hosts it fails on in the inventory's order."""

    index: int
    key: str
    title: str
    tallies: tuple[VerdictCounts, ...]
    failing: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of its verdicts; not-applicable where it is for no host."""
        return _worst(tally.verdict for tally in self.tallies)

    @property
    def anchor(self) -> str:
        """The anchor of its failures; empty if it has none."""
        return anchor_of(Verdict.FAIL, self.index) if self.failing else ""

    @property
    def hosts(self) -> str:
        """The hosts it fails on, the first of them by name."""
        more = len(self.failing) - _NAMED
        text = ", ".join(self.failing[:_NAMED])
        return f"{text} and {number(more)} more" if more > 0 else text


@dataclass(frozen=True, slots=True)
class Control:
    """A control with the rules that map to it."""

    number: str
    title: str
    rules: tuple[ControlRule, ...]

    @property
    def verdict(self) -> Verdict:
        """``pass`` only if something was judged and no rule failed, is unproven or waived anywhere.

        A rule that is for no host neither proves a control nor prevents its proof.
        """
        return _worst(rule.verdict for rule in self.rules)

    @property
    def state(self) -> str:
        """The verdict in a word: a control is called proven, not passed."""
        return _STATES[self.verdict]

    @property
    def text(self) -> str:
        """The number of rules, and of hosts on which any of them fails."""
        failing = {host for rule in self.rules for host in rule.failing}
        fails = f", failing on {many(len(failing), 'host')}" if failing else ""
        return f"{many(len(self.rules), 'rule')}{fails}"


@dataclass(frozen=True, slots=True)
class ByControl:
    """Every control that a rule maps to, in the framework's order, and the rules without any."""

    framework: str
    name: str
    controls: tuple[Control, ...]
    unmapped: tuple[ControlRule, ...]

    @property
    def text(self) -> str:
        """The number of controls by state, in words."""
        counts = Counter(control.verdict for control in self.controls)
        parts = [f"{number(counts[each])} {_STATES[each]}" for each in _STATES if counts[each]]
        return ", ".join(parts) or "no rule maps to it"


def by_control(result: AuditResult, framework: str) -> ByControl:
    """Group the rules of a result by the controls of a framework."""
    rules = list(_rules(result))
    numbers: dict[str, list[ControlRule]] = {}
    for bound, rule in zip(result.rules, rules, strict=True):
        for control in dict.fromkeys(bound.rule.maps.get(framework, ())):
            numbers.setdefault(control, []).append(rule)
    controls = (
        Control(each, control_title(framework, each), tuple(sorted(numbers[each], key=_badness)))
        for each in sorted(numbers, key=control_order)
    )
    pairs = zip(result.rules, rules, strict=True)
    unmapped = (rule for bound, rule in pairs if framework not in bound.rule.maps)
    return ByControl(framework, framework_name(framework), tuple(controls), tuple(unmapped))


def _badness(rule: ControlRule) -> tuple[int, int]:
    """Return the sort key by which decisive rules come first."""
    return (*_WORST, Verdict.NOT_APPLICABLE).index(rule.verdict), rule.index


def _rules(result: AuditResult) -> Iterator[ControlRule]:
    counts = [Counter[Verdict]() for _ in result.rules]
    failing: list[list[str]] = [[] for _ in result.rules]
    for host in result.hosts:
        for index, judgement in enumerate(host.judgements):
            counts[index][judgement.verdict] += 1
            if judgement.verdict is Verdict.FAIL:
                failing[index].append(host.name)
    for index, bound in enumerate(result.rules):
        yield _rule(index, bound, counts[index], failing[index])


def _rule(
    index: int, bound: BoundRule, counts: Counter[Verdict], failing: list[str]
) -> ControlRule:
    tallies = tuple(VerdictCounts(each, counts[each]) for each in Verdict if counts[each])
    return ControlRule(index, bound.key, title_of(bound), tallies, tuple(failing))


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    there = set(verdicts)
    return next((each for each in _WORST if each in there), Verdict.NOT_APPLICABLE)
