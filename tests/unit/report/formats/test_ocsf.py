"""OCSF: Compliance Findings for a SIEM."""

import json
from typing import Any

from hypothesis import given, settings

from portproof.report.contract import Theme
from portproof.report.formats.ocsf import render
from portproof.result.result import AuditResult
from support.for_each import for_each
from support.report.fleets import SAMPLES, interrupted, nothing, results, waivers
from support.report.foreign import ocsf_schema, schema_problems
from support.report.results import mixed, run
from support.times import at


def read(result: AuditResult) -> list[dict[str, Any]]:
    """The events, one a line."""
    return [json.loads(line) for line in render(result, Theme(()))]


def of_host(result: AuditResult, host: str) -> list[dict[str, Any]]:
    """The events about a host."""
    return [each for each in read(result)[1:] if each["device"]["name"] == host]


@for_each("sample", [name for name in SAMPLES if name != "large"])
def test_the_samples_are_valid(sample: str) -> None:
    """The schema of OCSF 1.8.0 accepts every event."""
    assert schema_problems(ocsf_schema(), read(SAMPLES[sample]())) == []


def test_a_large_fleet_is_valid() -> None:
    """Of its hundreds of events, every twentieth is asked about."""
    assert schema_problems(ocsf_schema(), read(SAMPLES["large"]())[::20]) == []


@settings(max_examples=20)
@given(result=results())
def test_any_result_is_valid(result: AuditResult) -> None:
    """So is whatever hosts say."""
    assert schema_problems(ocsf_schema(), read(result)) == []


def test_the_schema_sees_a_mistake() -> None:
    """The schema refuses an unknown attribute and a status there is not."""
    event = read(mixed())[0]
    assert schema_problems(ocsf_schema(), [event | {"bogus": 1}, event | {"status_id": 7}]) != []


def test_a_failure_names_host_control_and_evidence() -> None:
    """What a rule of a SIEM needs: status, severity, device, standards, process and port."""
    event = of_host(mixed(), "nfs-1")[0]
    assert event["class_uid"] == 2003
    assert event["severity_id"] == 5
    assert event["compliance"]["status_id"] == 3
    assert event["compliance"]["control"] == "retired-ports/npmp-trap-609"
    assert event["compliance"]["requirements"] == ["nist-800-53 CM-7", "cis-controls 4.8"]
    assert event["device"]["hostname"] == "nfs-1"
    assert event["device"]["os"] == {"name": "Linux", "type_id": 200}
    evidence = event["evidences"][0]
    assert evidence["dst_endpoint"] == {"ip": "0.0.0.0", "port": 609}
    assert evidence["process"]["user"] == {"name": "statd", "uid": "104"}
    assert "sudo ss -tulnp" in event["remediation"]["desc"]
    assert "launchctl" not in event["remediation"]["desc"]


def test_what_is_unproven_is_a_check_without_a_result() -> None:
    """OCSF's Warning: the check "did not yield a result due to missing information"."""
    for event in of_host(mixed(), "edge-2.example.net"):
        assert event["compliance"]["status_id"] == 2
        assert event["compliance"]["status_code"] == "unreachable"


def test_what_is_waived_is_suppressed_and_does_not_pass() -> None:
    """A waived finding is neither a pass nor new; one whose waiver lapsed is a failure."""
    (held,) = of_host(waivers(), "holds")
    assert (held["status_id"], held["compliance"]["status"]) == (3, "Waived")
    (lapsed,) = of_host(waivers(), "lapsed")
    assert (lapsed["status_id"], lapsed["compliance"]["status"]) == (1, "Fail")


def test_only_the_event_of_a_proven_audit_passes() -> None:
    """The first event tells the audit; nothing else ever has the status Pass."""
    passing = [each["compliance"]["status_id"] == 1 for each in read(SAMPLES["proven"]())]
    assert passing == [True]
    for result in (mixed(), nothing(), interrupted(), SAMPLES["wide"]()):
        assert all(each["compliance"]["status_id"] != 1 for each in read(result))


def test_the_first_event_tells_the_whole() -> None:
    """Who sees no findings can tell an audit that found none from one that was not made."""
    whole = read(mixed())[0]
    assert whole["message"].startswith("5 of 12 hosts proven")
    assert whole["unmapped"]["totals"]["verdicts"]["fail"] == 5
    assert whole["unmapped"]["exit_code"] == 1
    assert whole["end_time"] - whole["start_time"] == 14_000


def test_a_finding_keeps_its_uid_and_an_event_does_not() -> None:
    """Findings are followed from audit to audit; events are told apart."""
    later = AuditResult(run(started=at("2026-11-24T02:00:00+00:00")), mixed().rules, mixed().hosts)
    first, second = read(mixed()), read(later)
    assert [e["finding_info"]["uid"] for e in first] == [e["finding_info"]["uid"] for e in second]
    uids = [each["metadata"]["uid"] for each in first + second]
    assert len(set(uids)) == len(uids)
