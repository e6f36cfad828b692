"""Run the tests of policies, and find mistakes that they would not detect."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portproof.app.content import content_paths, load_content
from portproof.content.lint import lint, lint_tests
from portproof.content.load import Content, load_tests
from portproof.exitcodes import ExitCode
from portproof.judge.policy_tests import CaseOutcome, CoverageGap, gaps, run_tests
from portproof.policy.policy_tests import PolicyTest


@dataclass(frozen=True, slots=True)
class TestedPolicy:
    """The outcome of the tests of a policy.

    Attributes:
        policy: The id of the policy.
        rules: How many rules it has.
        outcomes: The outcome of each expectation. gaps: Mistakes that no test would detect.
    """

    policy: str
    rules: int
    outcomes: tuple[CaseOutcome, ...]
    gaps: tuple[CoverageGap, ...]

    @property
    def holds(self) -> bool:
        """Whether every expectation holds and there is no gap."""
        return not self.gaps and all(outcome.holds for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class PolicyTestsOutcome:
    """The outcome of the tests of several policies, in order."""

    policies: tuple[TestedPolicy, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of ``portproof test``: 1 if an expectation fails or there is a gap."""
        whole = all(policy.holds for policy in self.policies)
        return ExitCode.PROVEN if whole else ExitCode.FAILED


def run_policy_tests(policies: Sequence[str] = ()) -> PolicyTestsOutcome:
    """Run the tests beside policies, and find mistakes that they would not detect.

    Args:
        policies: Names of shipped policies, files or folders. Empty: the shipped policies without
            the baselines.

    Raises:
        ContentError: policies, checks or tests are wrong; holds every problem.
        UsageError: a policy is unknown.
    """
    content = load_content(policies)
    lint(content)
    tests = load_tests(content_paths(policies), content.problems)
    content.problems.extend(lint_tests(tests, content))
    content.raise_problems()
    return PolicyTestsOutcome(tuple(_tested(content, [loaded.model for loaded in tests])))


def _tested(content: Content, tests: Sequence[PolicyTest]) -> Iterator[TestedPolicy]:
    for loaded in content.policies:
        name = loaded.model.policy
        rules = [bound for bound in content.rules() if bound.policy.policy == name]
        cases = tuple(case for test in tests if test.test == name for case in test.cases)
        if not cases:
            gap = CoverageGap(name, "the policy has no tests")
            yield TestedPolicy(name, len(rules), (), (gap,))
            continue
        merged = PolicyTest.model_construct(test=name, cases=cases)
        outcomes = tuple(run_tests(rules, merged))
        yield TestedPolicy(name, len(rules), outcomes, tuple(gaps(rules, merged)))
