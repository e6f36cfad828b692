"""GitLab's Code Quality report, by the table of its documentation."""

import json
from typing import Any

from hypothesis import given, settings
from jsonschema import Draft202012Validator

from portproof.report.contract import Theme
from portproof.report.formats.gitlab import render
from portproof.result.result import AuditResult
from support.report.fleets import interrupted, nothing, results, waivers
from support.report.foreign import schema_problems
from support.report.results import hostile, mixed

_TEXT = {"type": "string", "minLength": 1}
_LINES = {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer"}}}
_LOCATION = {
    "type": "object",
    "required": ["path", "lines"],
    "properties": {
        "path": {"type": "string", "pattern": "^(?![./]/|/)."},
        "lines": _LINES,
    },
}
TABLE = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": False,
            "properties": {
                "description": _TEXT,
                "check_name": _TEXT,
                "fingerprint": _TEXT,
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": _LOCATION,
            },
        },
    }
)
"""The required properties as GitLab documents them; it publishes no schema."""


def read(result: AuditResult) -> list[dict[str, Any]]:
    """The issues of the report."""
    issues: list[dict[str, Any]] = json.loads("".join(render(result, Theme(()))))
    assert schema_problems(TABLE, [issues]) == []
    return issues


@settings(max_examples=30)
@given(result=results())
def test_any_result_is_as_documented_and_fingerprints_are_unique(result: AuditResult) -> None:
    """GitLab shows one of several issues with the same fingerprint, so none shares one."""
    issues = read(result)
    assert len({each["fingerprint"] for each in issues}) == len(issues)


def test_hostile_results_are_as_documented() -> None:
    """So is every attack, and each host keeps its issues."""
    assert len(read(hostile())) > len(hostile().hosts)


def test_an_issue_tells_the_host_and_what_is_wrong() -> None:
    """Severity goes up to blocker; the rule, the host and the finding are in the words."""
    first = read(mixed())[0]
    assert first["severity"] == "blocker"
    assert first["check_name"] == "retired-ports/npmp-trap-609"
    assert first["description"].startswith("fail: nfs-1: rpc.statd listens on tcp 0.0.0.0:609")
    assert first["description"].endswith("(Port 609 (npmp-trap) is closed)")


def test_the_place_is_the_rule_in_its_file() -> None:
    """The path is relative to the repository, as GitLab asks."""
    assert read(waivers())[0]["location"] == {
        "path": "policies/retired ports.yml",
        "lines": {"begin": 7},
    }


def test_what_is_unproven_is_as_severe_as_its_rule_and_what_is_waived_is_info() -> None:
    """A rule that could not be proven is as bad as it may be."""
    by_verdict = {each["description"].split(":")[0]: each for each in read(mixed())}
    assert by_verdict["waived"]["severity"] == "info"
    unproven = [each for each in read(mixed()) if each["description"].startswith("unproven: ")]
    assert unproven[0]["severity"] == "blocker"


def test_an_audit_that_saw_too_little_is_a_blocker() -> None:
    """An empty report would read as a clean one."""
    for result in (nothing(), interrupted()):
        assert [each["severity"] for each in read(result)] == ["blocker"]
