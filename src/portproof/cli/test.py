"""``portproof test``."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from portproof.app.content import content_paths, load_content
from portproof.cli.show import Line, show
from portproof.content.lint import lint, lint_tests
from portproof.content.load import Content, load_tests
from portproof.errors import OutputError
from portproof.exitcodes import ExitCode
from portproof.judge.policy_tests import CaseOutcome, CoverageGap, gaps, run_tests
from portproof.policy.policy_tests import PolicyTest
from portproof.text.visible import visible


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests of one policy came to."""

    policy: str
    rules: int
    outcomes: list[CaseOutcome]
    gaps: list[CoverageGap]


@click.command()
@click.argument("policies", nargs=-1)
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results as JUnit XML.")
def command(policies: tuple[str, ...], junit: Path | None) -> ExitCode:
    """Run the tests of policies, and name what they would not notice.

    POLICIES are names of shipped policies, files or folders; without any, the shipped ones without
    the baselines. The tests are in files "*.test.yml" beside them. Every rule must be seen to pass
    and to fail, and with a mistake in a rule (its ports shifted, a protocol swapped, its scope or
    owner not minded) some case must fail. Exits with 1 if an expectation does not hold or a gap is
    found, else with 0.
    """
    content = load_content(policies)
    lint(content)
    tests = load_tests(content_paths(policies), content.problems)
    content.problems.extend(lint_tests(tests, content))
    content.raise_problems()
    results = list(_test(content, [loaded.model for loaded in tests]))
    show([*_lines(results), _total(results)])
    if junit is not None:
        _write(junit, _junit(results))
    whole = all(not each.gaps and all(o.holds for o in each.outcomes) for each in results)
    return ExitCode.PROVEN if whole else ExitCode.FAILED


def _test(content: Content, tests: list[PolicyTest]) -> Iterator[Tested]:
    by_policy: dict[str, list[PolicyTest]] = {}
    for test in tests:
        by_policy.setdefault(test.test, []).append(test)
    for loaded in content.policies:
        name = loaded.model.policy
        rules = [bound for bound in content.rules() if bound.policy.policy == name]
        own = by_policy.get(name, [])
        cases = tuple(case for test in own for case in test.cases)
        if not cases:
            yield Tested(name, len(rules), [], [CoverageGap(name, "the policy has no tests")])
            continue
        merged = PolicyTest.model_construct(test=name, cases=cases)
        yield Tested(name, len(rules), run_tests(rules, merged), list(gaps(rules, merged)))


def _lines(results: list[Tested]) -> Iterator[Line]:
    for tested in results:
        yield Line(f"{tested.policy}: {len(tested.outcomes)} expectations", "bold")
        for outcome in tested.outcomes:
            if not outcome.holds:
                yield Line(f"  FAIL {visible(_failure(outcome))}", "red")
        for gap in tested.gaps:
            yield Line(f"  gap  {gap.rule}: {gap.text}", "yellow")


def _failure(outcome: CaseOutcome) -> str:
    return f"{outcome.rule}: {outcome.case}: expected {outcome.expected}, got {outcome.got}"


def _total(results: list[Tested]) -> Line:
    outcomes = [outcome for tested in results for outcome in tested.outcomes]
    held = sum(outcome.holds for outcome in outcomes)
    rules = sum(tested.rules for tested in results)
    found = sum(len(tested.gaps) for tested in results)
    text = (
        f"{held} of {len(outcomes)} expectations hold; {found} gaps in the tests of {rules} rules"
    )
    good = held == len(outcomes) and not found
    return Line(text, "bold green" if good else "bold red")


def _junit(results: list[Tested]) -> ET.Element:
    root = ET.Element("testsuites", name="portproof test")
    for tested in results:
        failed = sum(not outcome.holds for outcome in tested.outcomes) + len(tested.gaps)
        count = len(tested.outcomes) + len(tested.gaps)
        suite = ET.SubElement(
            root, "testsuite", name=tested.policy, tests=str(count), failures=str(failed)
        )
        for outcome in tested.outcomes:
            name = visible(outcome.case)
            case = ET.SubElement(suite, "testcase", classname=outcome.rule, name=name)
            if not outcome.holds:
                ET.SubElement(case, "failure", message=visible(_failure(outcome)))
        for gap in tested.gaps:
            case = ET.SubElement(suite, "testcase", classname=gap.rule, name=gap.text)
            ET.SubElement(case, "failure", message=f"{gap.rule}: {gap.text}")
    return root


def _write(file: Path, root: ET.Element) -> None:
    try:
        ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise OutputError(f"cannot write {file}: {error.strerror or error}") from error
