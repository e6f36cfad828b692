"""Every output says the same: totals in each format and on the terminal, and the exit code."""

import json
import re
from pathlib import Path

from hypothesis import given, settings

from portproof.cli.summary import summary
from portproof.content.shipped import shipped
from portproof.exitcodes import ExitCode
from portproof.report.contract import Theme, format_names, load_format
from portproof.result.result import AuditResult
from support.for_each import for_each
from support.readers import READERS
from support.report.any_result import results


def written(name: str, result: AuditResult) -> str:
    """A result in a format."""
    return "".join(load_format(name).render(result, Theme((shipped("reports"),))))


def on_the_terminal(result: AuditResult) -> dict[str, int]:
    """The totals the summary shows."""
    lines = [line.text for line in summary(result, Path("out"))]
    (line,) = [line for line in lines if line.startswith("verdicts: ")]
    return {name: int(count) for count, name in re.findall(r"(\d+) ([a-z-]+)", line)}


def expected_exit_code(counts: dict[str, int]) -> ExitCode:
    """What the exit code must be, from the verdicts alone."""
    if counts["fail"]:
        return ExitCode.FAILED
    if counts["unproven"]:
        return ExitCode.INCOMPLETE
    return ExitCode.PROVEN if counts["pass"] or counts["waived"] else ExitCode.ERROR


steady = settings(max_examples=25)


@for_each("name", format_names())
def test_every_format_can_be_read_back(name: str) -> None:
    """A format without a reader would be one whose totals nobody compares."""
    assert name in READERS, f"tests/support/readers.py needs a reader for {name}"


@for_each("name", sorted(READERS))
def test_every_format_agrees_with_the_totals_and_the_exit_code(name: str) -> None:
    """What a reader counts in the text is what the result counts, for each verdict it tells."""

    @steady
    @given(results())
    def agrees(result: AuditResult) -> None:
        told = READERS[name](written(name, result))
        counts = result.totals.verdicts
        assert told == {verdict: counts[verdict] for verdict in told}
        assert bool(told["fail"]) == (result.exit_code is ExitCode.FAILED)
        assert told["unproven"] or result.exit_code is not ExitCode.INCOMPLETE
        if set(told) == set(counts):
            assert expected_exit_code(told) == result.exit_code

    agrees()


@steady
@given(results())
def test_the_terminal_agrees_and_the_roster_adds_up(result: AuditResult) -> None:
    """Terminal and exit code are of the same verdicts, hosts times rules of them."""
    document = json.loads(written("json", result))
    counts = document["totals"]["verdicts"]
    assert sum(counts.values()) == len(result.hosts) * len(result.rules)
    assert on_the_terminal(result) == counts
    assert document["exit_code"] == result.exit_code == expected_exit_code(counts)
    failing = [each for each in document["judgements"] if each["judgement"]["verdict"] == "fail"]
    assert len(failing) == counts["fail"]
