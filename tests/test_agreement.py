"""Every output says the same: totals in JSON, HTML and the terminal, and the exit code."""

import json
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.cli.summary import summary
from portproof.content import shipped
from portproof.exitcodes import ExitCode
from portproof.model.observation import Reason
from portproof.model.policy import Policy, bind
from portproof.model.result import AuditResult, Digest, HostResult, Run, Seen
from portproof.model.verdicts import Finding, Judgement, Verdict, failed, unproven
from portproof.renderers import html
from portproof.renderers import json as json_renderer
from portproof.renderers.contract import Theme

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
    seen = Seen(taken="2026-01-01T00:00:00+00:00", seconds=0.1, platform="linux")
    made = [
        HostResult(f"h{number}", (), tuple(JUDGEMENTS[verdict] for verdict in verdicts), seen)
        for number, verdicts in enumerate(hosts)
    ]
    return AuditResult(RUN, bind([policy]), made)


def in_html(result: AuditResult) -> dict[str, int]:
    """The totals the report shows."""
    page = "".join(html.render(result, Theme((shipped("reports"),))))
    found = re.findall(r'data-verdict="([a-z-]+)" data-count="(\d+)"', page)
    return {name: int(count) for name, count in found}


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


@settings(max_examples=60, deadline=None, derandomize=True)
@given(results())
def test_all_outputs_agree_and_the_roster_adds_up(result: AuditResult) -> None:
    """JSON, HTML, terminal and exit code are of the same verdicts, hosts times rules of them."""
    document = json.loads("".join(json_renderer.render(result, Theme(()))))
    counts = document["totals"]["verdicts"]
    assert sum(counts.values()) == len(result.hosts) * len(result.rules)
    assert in_html(result) == on_the_terminal(result) == counts
    assert document["exit_code"] == result.exit_code == expected_exit_code(counts)
    letters = "".join(host["verdicts"] for host in document["hosts"])
    told = {name: letters.count(letter) for letter, name in document["letters"].items()}
    assert told == counts
    failing = [each for each in document["judgements"] if each["judgement"]["verdict"] == "fail"]
    assert len(failing) == counts["fail"]
