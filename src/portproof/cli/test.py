"""``portproof test``."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from portproof.app.policy_tests import TestedPolicy, run_policy_tests
from portproof.cli.show import Line, show
from portproof.errors import OutputError
from portproof.exitcodes import ExitCode
from portproof.judge.policy_tests import CaseOutcome
from portproof.text.visible import visible


@click.command()
@click.argument("policies", nargs=-1)
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results as JUnit XML.")
def command(policies: tuple[str, ...], junit: Path | None) -> ExitCode:
    """Run the tests of policies and find gaps in them.

    POLICIES are names of shipped policies, files or folders. Default: all shipped policies except
    the baselines. The tests are in files "*.test.yml" beside the policies. Every rule needs a case
    in which it passes and one in which it fails. The cases must also detect a mistake in the rule,
    such as shifted ports, a swapped protocol, or an ignored scope or owner. Exits with 1 if an
    expectation does not hold or a gap is found, else with 0.
    """
    outcome = run_policy_tests(policies)
    show([*_lines(outcome.policies), _total(outcome.policies)])
    if junit is not None:
        _write(junit, _junit(outcome.policies))
    return outcome.exit_code


def _lines(results: Sequence[TestedPolicy]) -> Iterator[Line]:
    for tested in results:
        yield Line(f"{tested.policy}: {len(tested.outcomes)} expectations", "bold")
        for outcome in tested.outcomes:
            if not outcome.holds:
                yield Line(f"  FAIL {visible(_failure(outcome))}", "red")
        for gap in tested.gaps:
            yield Line(f"  gap  {gap.rule}: {gap.text}", "yellow")


def _failure(outcome: CaseOutcome) -> str:
    return f"{outcome.rule}: {outcome.case}: expected {outcome.expected}, got {outcome.got}"


def _total(results: Sequence[TestedPolicy]) -> Line:
    outcomes = [outcome for tested in results for outcome in tested.outcomes]
    held = sum(outcome.holds for outcome in outcomes)
    rules = sum(tested.rules for tested in results)
    found = sum(len(tested.gaps) for tested in results)
    text = (
        f"{held} of {len(outcomes)} expectations hold; {found} gaps in the tests of {rules} rules"
    )
    good = held == len(outcomes) and not found
    return Line(text, "bold green" if good else "bold red")


def _junit(results: Sequence[TestedPolicy]) -> ET.Element:
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
