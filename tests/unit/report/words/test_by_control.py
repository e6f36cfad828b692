"""The report by control: rules under every control they map to, and proven only when all are."""

import json
from collections import Counter
from dataclasses import replace

from portproof.archive.json import render as render_json
from portproof.model.observation import Reason
from portproof.model.verdicts import PASSED, Finding, Judgement, Verdict, failed, unproven
from portproof.policy.policy import Policy, bind
from portproof.report.contract import Theme
from portproof.report.words.by_control import ByControl, by_control
from portproof.result.result import AuditResult, HostResult
from portproof.text.visible import visible
from support.for_each import for_each
from support.report.pages import page
from support.report.results import hostile, mixed, run, seen

NEVER = Judgement(Verdict.NOT_APPLICABLE)
FAILED = failed(Finding("it listens"))
DARK = unproven(Reason.TIMEOUT, "no answer")
WAIVED = Judgement(Verdict.WAIVED, findings=(Finding("it listens"),))
MAPS = [{"own": ["1"]}, {"own": ["1", "2", "2"]}, {"own": ["10"]}, {"other": ["1"]}, {}]


def result(*hosts: list[Judgement]) -> AuditResult:
    """A result of five rules: 1 has two, 2 has one, 10 has one, and two have none."""
    rules = [{"id": f"r{n}", "closed": n + 1, "maps": maps} for n, maps in enumerate(MAPS)]
    policy = Policy.model_validate({"policy": "p", "title": "P", "rules": rules})
    roster = [HostResult(f"h{n}", (), tuple(each), seen()) for n, each in enumerate(hosts)]
    return AuditResult(run(), bind([policy]), roster)


def verdicts(grouped: ByControl) -> dict[str, str]:
    """The verdict of each control."""
    return {control.number: control.verdict.value for control in grouped.controls}


def test_rules_stand_under_each_of_their_controls_once() -> None:
    """Controls in the order of their numbers; rules that map to nothing are listed as such."""
    grouped = by_control(result([PASSED] * 5), "own")
    told = {control.number: [rule.key for rule in control.rules] for control in grouped.controls}
    assert list(told) == ["1", "2", "10"]
    assert told == {"1": ["p/r0", "p/r1"], "2": ["p/r1"], "10": ["p/r2"]}
    assert [rule.key for rule in grouped.unmapped] == ["p/r3", "p/r4"]


def test_what_decides_about_a_control_comes_first() -> None:
    """A reader of a failing control must not look for its failure among what passes."""
    grouped = by_control(result([PASSED, FAILED, PASSED, PASSED, PASSED]), "own")
    assert [rule.key for rule in grouped.controls[0].rules] == ["p/r1", "p/r0"]


@for_each(
    ("first", "second", "expected"),
    [
        ([PASSED, PASSED], [PASSED, PASSED], "pass"),
        ([PASSED, FAILED], [PASSED, DARK], "fail"),
        ([PASSED, PASSED], [DARK, PASSED], "unproven"),
        ([WAIVED, PASSED], [PASSED, DARK], "unproven"),
        ([WAIVED, PASSED], [PASSED, PASSED], "waived"),
        ([PASSED, NEVER], [NEVER, NEVER], "pass"),
        ([NEVER, NEVER], [NEVER, NEVER], "not-applicable"),
    ],
)
def test_a_control_is_as_its_worst_rule(
    first: list[Judgement], second: list[Judgement], expected: str
) -> None:
    """Proven only when all of its rules are, on all hosts; a rule for no host proves nothing."""
    rest = [PASSED] * 3
    assert verdicts(by_control(result(first + rest, second + rest), "own"))["1"] == expected


def test_without_a_host_nothing_is_proven() -> None:
    """An empty roster proves no control."""
    assert set(verdicts(by_control(result(), "own")).values()) == {"not-applicable"}


def test_failing_hosts_are_named_and_counted_once() -> None:
    """Up to ten by name; a host on which two rules fail is one host."""
    hosts = [[FAILED, FAILED, PASSED, PASSED, PASSED] for _ in range(12)]
    first = by_control(result(*hosts), "own").controls[0]
    assert first.text == "2 rules, failing on 12 hosts"
    assert first.rules[0].hosts.startswith("h0, h1, ")
    assert first.rules[0].hosts.endswith("h9 and 2 more")


def test_the_counts_are_those_of_the_totals() -> None:
    """Every rule of the sample, mapped or not, with every host."""
    sample = mixed()
    grouped = by_control(sample, "nist-800-53")
    rules = {rule.key: rule for control in grouped.controls for rule in control.rules}
    rules |= {rule.key: rule for rule in grouped.unmapped}
    counts: Counter[str] = Counter()
    for rule in rules.values():
        counts.update({tally.verdict.value: tally.count for tally in rule.tallies})
    assert counts == {name: count for name, count in sample.totals.verdicts.items() if count}
    assert len(rules) == sample.totals.rules


def test_the_page_has_the_section_only_when_asked() -> None:
    """With number, title, verdict, rules and failing hosts, and links that lead somewhere."""
    sample = mixed()
    assert page(sample).all("section", id="controls") == []
    parsed = page(replace(sample, framework="nist-800-53"))
    assert parsed.unbalanced == []
    ((_, text),) = parsed.all("section", id="controls")
    for part in ("NIST SP 800-53, revision 5", "CM-7 Least Functionality", "fail: ", "Fails on "):
        assert part in text
    anchors = {each["id"] for each in parsed.where("id")}
    links = {each["href"][1:] for each in parsed.where("href") if each["href"].startswith("#")}
    assert {link for link in links if "=" not in link} <= anchors


def test_hostile_names_stay_text() -> None:
    """Frameworks, numbers, rules and hosts may say anything."""
    sample = hostile()
    frameworks = {key for bound in sample.rules for key in bound.rule.maps}
    assert frameworks
    for framework in frameworks:
        parsed = page(replace(sample, framework=framework))
        assert parsed.unbalanced == []
        assert {tag for tag, _ in parsed.elements}.isdisjoint(
            {"img", "iframe", "base", "b", "link"}
        )
        ((_, text),) = parsed.all("section", id="controls")
        for control in by_control(sample, framework).controls:
            assert visible(control.number) in text


def test_audit_json_has_it_too() -> None:
    """Additive: without a framework the key is not there."""
    sample = result([FAILED, PASSED, DARK, PASSED, PASSED])
    assert "by_control" not in json.loads("".join(render_json(sample, Theme(()))))
    sample = replace(sample, framework="own")
    told = json.loads("".join(render_json(sample, Theme(()))))["by_control"]
    assert {each["number"]: each["verdict"] for each in told["controls"]} == {
        "1": "fail",
        "2": "pass",
        "10": "unproven",
    }
    assert told["controls"][0]["rules"][0] == {
        "key": "p/r0",
        "verdicts": {"fail": 1},
        "failing": ["h0"],
    }
    assert told["unmapped"] == ["p/r3", "p/r4"]
