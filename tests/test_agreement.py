"""Every output says the same: totals in each format and on the terminal, and the exit code."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.cli.summary import summary
from portproof.content.shipped import shipped
from portproof.exitcodes import ExitCode
from portproof.model.observation import Reason
from portproof.model.verdicts import Finding, Judgement, Verdict, failed, unproven
from portproof.policy.policy import Policy, bind
from portproof.report.contract import Theme, formats, renderer
from portproof.result.result import AuditResult, Digest, HostResult, LookSummary, Run
from support.readers import READERS

JUDGEMENTS = {
    Verdict.PASS: Judgement(Verdict.PASS),
    Verdict.FAIL: failed(Finding("something listens")),
    Verdict.WAIVED: Judgement(Verdict.WAIVED, findings=(Finding("somebody answers for it"),)),
    Verdict.NOT_APPLICABLE: Judgement(Verdict.NOT_APPLICABLE, detail="not for this host"),
    Verdict.UNPROVEN: unproven(Reason.TIMEOUT, "too late"),
}
RUN = Run(
    version="0",
    started="2026-01-01T00:00:00+00:00",
    finished="2026-01-01T00:00:01+00:00",
    controller="here",
    inventory=Digest("hosts", "0" * 64),
    policies=(),
    checks=(),
)


@st.composite
def results(draw: st.DrawFn) -> AuditResult:
    """Any result: up to four rules on up to six hosts."""
    rules = draw(st.integers(1, 4))
    row = st.lists(st.sampled_from(Verdict), min_size=rules, max_size=rules)
    hosts = draw(st.lists(row, min_size=1, max_size=6))
    declared = [{"id": f"r{number}", "closed": number + 1} for number in range(rules)]
    policy = Policy.model_validate({"policy": "p", "title": "t", "rules": declared})
    seen = LookSummary(taken="2026-01-01T00:00:00+00:00", seconds=0.1, platform="linux")
    made = [
        HostResult(f"h{number}", (), tuple(JUDGEMENTS[verdict] for verdict in verdicts), seen)
        for number, verdicts in enumerate(hosts)
    ]
    return AuditResult(RUN, bind([policy]), made)


def written(name: str, result: AuditResult) -> str:
    """A result in a format."""
    return "".join(renderer(name).render(result, Theme((shipped("reports"),))))


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


steady = settings(max_examples=25, deadline=None, derandomize=True)


@pytest.mark.parametrize("name", formats())
def test_every_format_can_be_read_back(name: str) -> None:
    """A format without a reader would be one whose totals nobody compares."""
    assert name in READERS, f"tests/support/readers.py needs a reader for {name}"


@pytest.mark.parametrize("name", sorted(READERS))
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
