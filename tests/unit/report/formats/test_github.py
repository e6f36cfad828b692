"""GitHub's annotations: what a runner reads out of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.model.verdicts import PASSED, Finding, Judgement, Verdict, failed
from portproof.policy.policy import bind
from portproof.report.contract import Theme
from portproof.report.formats.github import render
from portproof.result.result import AuditResult, HostResult
from portproof.text.visible import visible
from support.for_each import for_each
from support.report.fleets import ATTACKS, SAMPLES, interrupted, policy, results, waivers
from support.report.results import mixed, run, seen
from support.runner import Command, commands


def read(result: AuditResult) -> list[Command]:
    """The commands a runner finds."""
    return list(commands("".join(render(result, Theme(())))))


def test_the_audit_comes_first_then_the_most_severe_rules() -> None:
    """One line for the audit, then one for each rule: failures, unproven, waived."""
    whole, *rules = read(mixed())
    assert whole.name == "error"
    assert whole.data.splitlines() == [
        "5 of 12 hosts proven; 4 rules fail on 5 hosts; 2 hosts unproven",
        "verdicts: 40 pass, 5 fail, 1 waived, 19 not-applicable, 7 unproven",
    ]
    assert [each.name for each in rules] == ["error"] * 4 + ["warning"] * 4 + ["notice"]
    assert rules[0].properties["title"] == "fail retired-ports/npmp-trap-609 (critical)"
    first = rules[0].data.splitlines()
    assert first[0] == "Port 609 (npmp-trap) is closed fails on 2 hosts"
    assert first[1].startswith("nfs-1: rpc.statd listens on tcp 0.0.0.0:609")
    assert "1. Find the owner: `sudo ss -tulnp 'sport = :609'`" in rules[0].data


def test_the_place_is_the_rule_in_its_file() -> None:
    """File and line are those of the rule; a rule made in Python has none."""
    at = read(waivers())[1].properties
    assert (at["file"], at["line"]) == ("policies/retired ports.yml", "7")
    assert "file" not in read(mixed())[1].properties


def test_what_github_does_not_show_is_said_to_be_in_the_log() -> None:
    """Ten of a kind are shown, and the line of the audit is one of them."""
    rules = tuple(bind([policy(14)]))
    host = HostResult("a", (), (failed(Finding("x")),) * 14, seen())
    whole, *others = read(AuditResult(run(), rules, [host]))
    assert len(others) == 14
    assert "GitHub shows 10 annotations of a kind; 5 more rules in the log" in whole.data
    nine = (*(failed(Finding("x")),) * 9, *(Judgement(Verdict.WAIVED),) * 5)
    whole = read(AuditResult(run(), rules, [HostResult("a", (), nine, seen())]))[0]
    assert "GitHub shows" not in whole.data


def test_a_good_audit_is_a_notice_and_an_interrupted_one_an_error() -> None:
    """Whoever sees no red has seen that the audit was whole."""
    assert [each.name for each in read(SAMPLES["proven"]())] == ["notice"]
    assert [each.name for each in read(interrupted())] == ["error"]


@settings(max_examples=60)
@given(text=st.text() | st.sampled_from(ATTACKS))
def test_whatever_a_host_says_comes_back_as_data(text: str) -> None:
    """A round trip through the runner's rules gives the text, shown, and no other command."""
    said = text[:900]
    host = HostResult("a", (), (failed(Finding(said)), PASSED), seen())
    _, rule = read(AuditResult(run(), tuple(bind([policy(2)])), [host]))
    assert rule.data.splitlines()[1][:500] == f"a: {visible(said)}"[:500]


@settings(max_examples=30)
@given(result=results())
def test_there_is_one_command_for_each_rule_and_verdict(result: AuditResult) -> None:
    """No host adds a line of its own, and no line is anything but ours."""
    told = (*result.failures(), *result.unproven(), *result.waived())
    found = read(result)
    assert len(found) == 1 + len(told)
    assert {each.name for each in found} <= {"error", "warning", "notice"}


@for_each("attack", ATTACKS)
def test_no_line_starts_with_a_command_of_a_host(attack: str) -> None:
    """A host that is named like a workflow command makes none."""
    hosts = [HostResult(attack, (attack,), (failed(Finding(attack)),), seen())]
    text = "".join(render(AuditResult(run(), tuple(bind([policy(1)])), hosts), Theme(())))
    assert [line.split(" ")[0] for line in text.splitlines()] == ["::error", "::error"]
