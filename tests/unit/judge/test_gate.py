"""``--fail-on``: what gates CI, what the last line says, and that nothing is let through by it."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from portproof.cli.summary import summary
from portproof.errors import UsageError
from portproof.exitcodes import ExitCode
from portproof.judge.gate import GRAMMAR, condition, explanation, gate
from portproof.model.base import Severity
from portproof.model.verdicts import Finding, Verdict, Waived, failed
from portproof.policy.policy import Policy, bind
from portproof.result.changes import Change, ChangeKind, Changes, EarlierAudit
from portproof.result.result import AuditResult, HostResult, LookSummary
from support.for_each import for_each
from support.paths import CASES
from support.report.any_result import JUDGEMENTS, RUN, results
from support.times import at

GATES = yaml.safe_load((CASES / "gate.yml").read_text(encoding="utf-8"))
LETTERS = {
    **{verdict.value[0]: JUDGEMENTS[verdict] for verdict in Verdict},
    "l": failed(Finding("something", waived=Waived("me", "why", "2025-01-01", -1, "1 for p/r"))),
}
"""The verdicts by their first letters, and ``l``: a failure whose waiver has lapsed."""

steady = settings(max_examples=80)


def conditions() -> st.SearchStrategy[list[str]]:
    """Some conditions, none among them now and then."""
    above = st.integers(0, 8).map(lambda number: f"unproven>{number}")
    share = st.decimals(0, 100, places=2).map(lambda number: f"unproven>{number}%")
    severe = st.sampled_from(Severity).map(lambda severity: f"severity>={severity}")
    plain = st.sampled_from(["fail", "waived", "expired", "new", "unproven"])
    return st.lists(st.one_of(plain, above, share, severe), max_size=3)


def decided(result: AuditResult, *texts: str) -> ExitCode:
    """The exit code with these conditions."""
    return gate(result, [condition(text) for text in texts]).exit_code


def of_letters(case: dict[str, str]) -> AuditResult:
    """A result: hosts parted by spaces, a letter for each rule; rules have their own severities."""
    rows = case["hosts"].split()
    severities = case.get("severities", " ".join(["medium"] * len(rows[0]))).split()
    rules = [
        {"id": f"r{at}", "closed": at + 1, "severity": name} for at, name in enumerate(severities)
    ]
    policy = Policy.model_validate({"policy": "p", "title": "t", "rules": rules})
    seen = LookSummary(taken=at("2026-01-01T00:00:00+00:00"), seconds=0.1, platform="linux")
    hosts = [
        HostResult(f"h{at}", (), tuple(LETTERS[letter] for letter in row), seen)
        for at, row in enumerate(rows)
    ]
    run = replace(RUN, interrupted="interrupted" in case)
    result = AuditResult(run, bind([policy]), hosts)
    return result.compared(_changes(case["known"])) if "known" in case else result


def _changes(known: str) -> Changes:
    items = tuple(
        Change(ChangeKind.STILL_FAILING, "as before", host=host, rule=f"p/{rule}")
        for host, rule in (each.split(":") for each in known.split())
    )
    return Changes(EarlierAudit(at("2025-12-31T00:00:00Z"), "audits/before", 1, {}), items)


@for_each("case", GATES, ids=lambda case: f"{case['hosts']} {case['fail_on']}")
def test_cases(case: dict[str, str]) -> None:
    """tests/cases/gate.yml: verdicts, conditions, the exit code and the last line."""
    result = of_letters(case)
    made = gate(result, [condition(text) for text in case["fail_on"].split("; ") if text])
    assert (int(made.exit_code), explanation(made)) == (int(case["exit"]), case.get("says", ""))
    lines = [line.text for line in summary(result, Path("out"), made)]
    assert lines[-1] == case.get("says", "report: out/report.html")


@for_each("kind", [ChangeKind.NEWLY_FAILING, ChangeKind.PROCESS])
def test_a_known_failure_that_is_otherwise_now_is_new(kind: ChangeKind) -> None:
    """It fails by something else, or another program holds its port."""
    result = of_letters({"hosts": "fp", "known": "h0:r0"})
    assert result.changes is not None
    assert decided(result, "new") is ExitCode.PROVEN
    other = Change(kind, "is otherwise", host="h0", rule="p/r0")
    items = (*result.changes.items, other)
    worse = result.compared(replace(result.changes, items=items))
    assert decided(worse, "new") is ExitCode.FAILED


@for_each(
    "text",
    [
        *("", "failed", "FAIL", "unproven>", "unproven>-1", "unproven>1e3", "unproven>=1"),
        *("unproven<1", "unproven>1%%", "unproven>\u0661", "severity", "severity>high"),
        *("severity>=awful", "severity>=", "fail,new", "fail\n\x1b[2J", "unproven>" + "9" * 50),
    ],
)
def test_what_is_no_condition_lists_the_grammar(text: str) -> None:
    """An error that says what could be meant, and shows nothing that steers a terminal."""
    with pytest.raises(UsageError) as error:
        condition(text)
    assert GRAMMAR in str(error.value)
    assert str(error.value).isprintable()


@steady
@given(results())
def test_without_conditions_the_exit_code_is_the_results(result: AuditResult) -> None:
    """As if there were no gates."""
    assert gate(result, []).exit_code == result.exit_code
    assert explanation(gate(result, [])) == ""


@steady
@given(results(), conditions())
def test_a_gate_only_lets_through_or_keeps_red(result: AuditResult, asked: list[str]) -> None:
    """Red stays red or is let through; nothing becomes an error, and an error stays one."""
    code = decided(result, *asked)
    assert (code is ExitCode.ERROR) == (result.exit_code is ExitCode.ERROR)
    if result.exit_code is ExitCode.PROVEN:
        assert code is ExitCode.PROVEN or "waived" in asked
    if code is ExitCode.FAILED:
        counts = result.totals.verdicts
        assert counts["fail"] or counts["waived"]
    if code is ExitCode.INCOMPLETE:
        assert result.totals.verdicts["unproven"]


@steady
@given(st.data(), results(), conditions())
def test_a_pass_that_turns_bad_lets_nothing_through(
    data: st.DataObject, result: AuditResult, asked: list[str]
) -> None:
    """With one more failing or unproven verdict, what gated still gates."""
    passed = [
        (at, index)
        for at, host in enumerate(result.hosts)
        for index, judgement in enumerate(host.judgements)
        if judgement.verdict is Verdict.PASS
    ]
    if not passed:
        return
    at, index = data.draw(st.sampled_from(passed))
    bad = data.draw(st.sampled_from([LETTERS[letter] for letter in "ful"]))
    host = result.hosts[at]
    judgements = (*host.judgements[:index], bad, *host.judgements[index + 1 :])
    hosts = list(result.hosts)
    hosts[at] = replace(host, judgements=judgements)
    worse = AuditResult(result.run, result.rules, hosts)
    if decided(result, *asked) is not ExitCode.PROVEN:
        assert decided(worse, *asked) is not ExitCode.PROVEN


@steady
@given(results(), conditions(), conditions())
def test_more_conditions_never_let_more_through(
    result: AuditResult, asked: list[str], more: list[str]
) -> None:
    """Any of them is enough, once conditions speak of failures and of what is unproven."""
    asked = [*asked, "unproven>3", "expired"]
    if decided(result, *asked) is not ExitCode.PROVEN:
        assert decided(result, *asked, *more) is not ExitCode.PROVEN


@steady
@given(results(), st.sampled_from(["fail", "new", "expired", "waived"]))
def test_a_condition_for_failures_lets_nothing_unproven_through(
    result: AuditResult, asked: str
) -> None:
    """What a condition does not speak of keeps its default."""
    if result.totals.verdicts["unproven"]:
        assert decided(result, asked) is not ExitCode.PROVEN


@steady
@given(results(), st.integers(0, 100))
def test_a_condition_for_what_is_unproven_lets_no_failure_through(
    result: AuditResult, share: int
) -> None:
    """What a condition does not speak of keeps its default."""
    if result.totals.verdicts["fail"]:
        assert decided(result, f"unproven>{share}%") is ExitCode.FAILED


@steady
@given(results(), conditions())
def test_whatever_is_let_through_is_counted_in_the_last_line(
    result: AuditResult, asked: list[str]
) -> None:
    """The last line accounts for each failure and each unproven verdict, or names the gate."""
    made = gate(result, [condition(text) for text in asked])
    counts = result.totals.verdicts
    if not asked or made.reasons:
        assert not asked or "gated by " in explanation(made)
    elif counts["fail"] or counts["unproven"]:
        figures = re.findall(r"(\d+) failures? and (\d+) unproven did not gate", explanation(made))
        assert figures == [(str(counts["fail"]), str(counts["unproven"]))]
    else:
        assert "did not gate" not in explanation(made)
    assert not asked or explanation(made).endswith(f"exit code {int(made.exit_code)}")


@steady
@given(results(), conditions())
def test_the_result_itself_is_not_changed(result: AuditResult, asked: list[str]) -> None:
    """Its exit code, which audit.json holds, keeps its meaning."""
    before = (result.exit_code, result.totals)
    gate(result, [condition(text) for text in asked])
    assert (result.exit_code, result.totals) == before
