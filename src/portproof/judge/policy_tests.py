"""Run the tests of policies, and test the tests: with a mistake in a rule, one must fail."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from portproof.judge.plan import plans
from portproof.model.host_facts import CheckAnswer, Doubts, HostFacts
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Observed, Row, Unobserved
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.policy.policy_tests import ExpectedVerdict, PolicyTest, PolicyTestCase
from portproof.policy.rules.check import CheckRule

_HOST = "host"


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What one case says of one rule: the expected and the actual verdict."""

    case: str
    rule: str
    expected: ExpectedVerdict
    got: ExpectedVerdict

    @property
    def holds(self) -> bool:
        """Whether the verdict is as expected; a reason counts only if one is expected."""
        reason = self.expected.reason in {None, self.got.reason}
        return self.expected.verdict == self.got.verdict and reason


@dataclass(frozen=True, slots=True)
class CoverageGap:
    """What the tests of a rule would not notice."""

    rule: str
    text: str


def run_tests(rules: Sequence[BoundRule], tests: PolicyTest) -> list[CaseOutcome]:
    """Judge every case and compare every expectation."""
    return [
        CaseOutcome(case.case, rule, expected, _short(judged[rule]))
        for case in tests.cases
        for judged in [_judge(rules, case)]
        for rule, expected in case.expect.items()
    ]


def gaps(rules: Sequence[BoundRule], tests: PolicyTest) -> Iterator[CoverageGap]:
    """Yield what no test would notice: rules never seen to pass or fail, and mistakes."""
    for bound in rules:
        own = [case for case in tests.cases if bound.rule.id in case.expect]
        told = {case.expect[bound.rule.id].verdict for case in own}
        for verdict in (Verdict.FAIL, Verdict.PASS):
            if verdict not in told:
                yield CoverageGap(bound.rule.id, f"no case shows it {verdict}")
        yield from _unnoticed(bound, own)


def _unnoticed(bound: BoundRule, cases: Sequence[PolicyTestCase]) -> Iterator[CoverageGap]:
    for mistake, mutant in bound.rule.mutants():
        mutated = replace(bound, rule=mutant)
        if all(_agrees(mutated, case) for case in cases):
            yield CoverageGap(bound.rule.id, f"no case notices: {mistake}")


def _agrees(bound: BoundRule, case: PolicyTestCase) -> bool:
    got = _short(_judge([bound], case)[bound.rule.id])
    return CaseOutcome(case.case, bound.rule.id, case.expect[bound.rule.id], got).holds


def _judge(rules: Sequence[BoundRule], case: PolicyTestCase) -> dict[str, Judgement]:
    inventory = Inventory((Host(_HOST, case.groups),), "the test")
    judgements = plans(rules, inventory)[_HOST].judge(_facts(rules, case))
    return {bound.rule.id: each for bound, each in zip(rules, judgements, strict=True)}


def _facts(rules: Iterable[BoundRule], case: PolicyTestCase) -> HostFacts:
    unseen = Unobserved(case.unseen, "the test says so") if case.unseen else None
    asked = {bound.rule.check for bound in rules if isinstance(bound.rule, CheckRule)}
    return HostFacts(
        platform=case.platform,
        listeners=tuple(given.listener() for given in case.given),
        doubts=Doubts(unseen, unseen),
        checks={check: _answer(case, check, unseen) for check in asked},
    )


def _answer(case: PolicyTestCase, check: str, unseen: Unobserved | None) -> CheckAnswer:
    given = case.rows.get(check, 0)
    rows: tuple[Row, ...] = ({"row": "given"},) * given if isinstance(given, int) else given
    return CheckAnswer(Observed(rows, len(rows)), unseen)


def _short(judgement: Judgement) -> ExpectedVerdict:
    return ExpectedVerdict(verdict=judgement.verdict, reason=judgement.reason)
