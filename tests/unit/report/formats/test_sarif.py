"""SARIF: what code scanning is told, and that its readers accept it."""

import json
import random
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from portproof.model.verdicts import PASSED, Finding, failed
from portproof.policy.policy import Policy, bind
from portproof.report.contract import Theme
from portproof.report.formats.sarif import PACKED, RESULTS, render
from portproof.result.result import AuditResult, HostResult
from support.for_each import for_each
from support.report.fleets import (
    LAPSED,
    SAMPLES,
    bound,
    interrupted,
    large,
    nothing,
    waivers,
)
from support.report.results import mixed, run, seen
from support.times import at

SMALL = {name: sample for name, sample in SAMPLES.items() if name != "large"}


def write(result: AuditResult) -> str:
    """The result as SARIF."""
    return "".join(render(result, Theme(())))


def run_of(result: AuditResult) -> dict[str, Any]:
    """The one run of the file."""
    runs: list[dict[str, Any]] = json.loads(write(result))["runs"]
    assert len(runs) == 1
    return runs[0]


def of_host(result: AuditResult, host: str) -> list[dict[str, Any]]:
    """The results about a host."""
    found = run_of(result)["results"]
    return [each for each in found if each.get("properties", {}).get("host") == host]


def test_a_rule_tells_github_what_it_shows() -> None:
    """Ids, descriptions, severity, tags and the fix stand where code scanning reads them."""
    rule = run_of(mixed())["tool"]["driver"]["rules"][0]
    assert rule["id"] == "retired-ports/npmp-trap-609"
    assert rule["shortDescription"]["text"] == "Port 609 (npmp-trap) is closed"
    assert rule["fullDescription"]["text"].startswith("IANA has registered 609")
    assert rule["helpUri"] == "https://www.rfc-editor.org/rfc/rfc1700"
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["properties"]["security-severity"] == "9.5"
    assert rule["properties"]["precision"] == "very-high"
    assert "nist-800-53/CM-7" in rule["properties"]["tags"]
    assert "**Linux**\n\n1. Find the owner: `sudo ss -tulnp" in rule["help"]["markdown"]


def test_a_failure_is_a_result_for_each_listener() -> None:
    """Each listener is a result of its own, in its host."""
    first, second = of_host(mixed(), "nfs-1")[:2]
    assert first["kind"] == "fail"
    assert first["level"] == "error"
    assert first["message"]["text"].startswith("nfs-1: rpc.statd listens on tcp 0.0.0.0:609")
    places = [each["fullyQualifiedName"] for each in second["locations"][0]["logicalLocations"]]
    assert places == ["nfs-1", "nfs-1/udp [::]:609"]
    assert first["partialFingerprints"] != second["partialFingerprints"]


def test_the_place_is_the_rule_in_its_file() -> None:
    """The file and line of the rule, as a URI reference; a rule of Python names its policy."""
    at = of_host(waivers(), "holds")[0]["locations"][0]["physicalLocation"]
    assert at["artifactLocation"]["uri"] == "policies/retired%20ports.yml"
    assert at["region"] == {"startLine": 7}
    python = of_host(mixed(), "nfs-1")[0]["locations"][0]["physicalLocation"]
    assert python["artifactLocation"]["uri"] == "portproof/retired-ports"


def test_the_place_is_the_same_on_every_machine() -> None:
    """Of an absolute path the last folder and the name are left: GitHub follows alerts by it."""
    for folder in ("/srv/a", "/usr/lib/python3.11/site-packages/portproof/_content"):
        rule = replace(bound(1)[0], file=f"{folder}/policies/retired-ports.yml")
        host = HostResult("a", (), (failed(Finding("x")),), seen())
        (result,) = of_host(AuditResult(run(), [rule], [host]), "a")
        at = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert at["uri"] == "policies/retired-ports.yml"


def test_what_is_unproven_is_open_and_never_passes() -> None:
    """SARIF's kind for "could not be decided" is open; nothing at all has the kind pass."""
    found = of_host(mixed(), "edge-2.example.net")
    assert {each["kind"] for each in found} == {"open"}
    assert {each["properties"]["reason"] for each in found} == {"unreachable"}
    assert "pass" not in {each["kind"] for each in run_of(mixed())["results"]}


def test_only_a_waiver_that_holds_suppresses() -> None:
    """A waived finding is suppressed with its owner and date, also beside one that fails."""
    (held,) = of_host(waivers(), "holds")
    (suppression,) = held["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    for word in ("statd needs it", "storage@example.net", "2027-01-31", "OPS-1234"):
        assert word in suppression["justification"]
    (lapsed,) = of_host(waivers(), "lapsed")
    assert lapsed["suppressions"] == []
    assert f"lapsed on {LAPSED.until}" in lapsed["message"]["text"]
    assert [len(each["suppressions"]) for each in of_host(waivers(), "both")] == [1, 0]


def test_fingerprints_are_unique_and_the_same_in_the_next_audit() -> None:
    """GitHub follows an alert by them, so nothing of a run or of a process is in them."""
    first, second = (_fingerprints(result) for result in (mixed(), _later(mixed())))
    assert first == second
    assert len(set(first)) == len(first)


def _fingerprints(result: AuditResult) -> list[str]:
    found = run_of(result)["results"]
    return [each["partialFingerprints"]["primaryLocationLineHash"] for each in found]


def _later(result: AuditResult) -> AuditResult:
    later = run(started=at("2026-11-24T02:00:00+00:00"), finished=at("2026-11-24T03:00:00+00:00"))
    return AuditResult(later, result.rules, result.hosts)


@for_each("sample", [nothing, interrupted])
def test_an_audit_that_saw_too_little_keeps_alerts_open(
    sample: Callable[[], AuditResult],
) -> None:
    """A run without results closes every alert, so such an audit has one."""
    one = run_of(sample())
    assert [each["ruleId"] for each in one["results"]] == ["portproof"]
    assert one["tool"]["driver"]["rules"][one["results"][0]["ruleIndex"]]["id"] == "portproof"
    assert one["invocations"][0]["executionSuccessful"] is False


def test_the_run_is_identified() -> None:
    """Times, exit code and warnings are there; the category is that of the inventory."""
    one = run_of(mixed())
    (invocation,) = one["invocations"]
    assert invocation["exitCode"] == 1
    assert invocation["startTimeUtc"] == "2026-11-23T02:00:04Z"
    assert invocation["executionSuccessful"] is False
    notes = [each["message"]["text"] for each in invocation["toolExecutionNotifications"]]
    assert "policies/web-servers.yml:4: the pattern web:&canary names no host" in notes
    category = one["automationDetails"]["id"].rpartition("/")[0]
    assert category == "portproof/inventory/hosts.txt"
    assert run_of(SAMPLES["proven"]())["invocations"][0]["executionSuccessful"] is True


def test_what_github_would_refuse_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are never more results than it takes, the most severe first; the rest is counted."""
    assert RESULTS == 25_000
    monkeypatch.setattr("portproof.report.formats.sarif.RESULTS", 100)
    one = run_of(large(400, rules=3))
    assert len(one["results"]) == 100
    assert [each["properties"]["verdict"] for each in one["results"][:60]] == ["fail"] * 60
    notes = one["invocations"][0]["toolExecutionNotifications"]
    (left,) = [each["message"]["text"] for each in notes if "left out" in each["message"]["text"]]
    assert "80 results left out (20 fail, 60 unproven)" in left


def test_a_file_too_large_for_github_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts that send noise, which cannot be packed, do not make a file that is refused."""
    assert PACKED < 10_000_000
    monkeypatch.setattr("portproof.report.formats.sarif.PACKED", 500_000)
    noise = random.Random(609)  # noqa: S311 - noise that cannot be packed, not a secret
    hosts = [HostResult(f"host-{at}", (), (failed(*_noise(noise)),), seen()) for at in range(50)]
    text = write(AuditResult(run(), bound(1), hosts))
    assert 400_000 < len(zlib.compress(text.encode(), 6)) < 510_000
    assert "left out" in text


def _noise(noise: random.Random) -> list[Finding]:
    return [Finding(b64encode(noise.randbytes(740)).decode()) for _ in range(30)]


def test_tags_beyond_githubs_limit_are_told_apart() -> None:
    """GitHub refuses a rule of more than 20 tags: the others stand beside them, and a note."""
    rule = {"id": "many", "closed": 1, "maps": {"cis-controls": [f"4.{at}" for at in range(30)]}}
    document = {"policy": "p", "title": "P", "rules": [rule]}
    rules = list(bind([Policy.model_validate(document)]))
    one = run_of(AuditResult(run(), rules, [HostResult("a", (), (PASSED,), seen())]))
    properties = one["tool"]["driver"]["rules"][0]["properties"]
    assert len(properties["tags"]) == 20
    assert len(properties["tagsLeftOut"]) == 12
    assert "12 tags left out of rule p/many" in json.dumps(one["invocations"])


def test_a_host_makes_no_link_and_no_placeholder() -> None:
    """In SARIF's messages [text](link) and {0} mean something; a host's words do not."""
    text = "[click](https://evil.example) {0}"
    host = HostResult("a", (), (failed(Finding(text)),), seen())
    (result,) = of_host(AuditResult(run(), bound(1), [host]), "a")
    assert result["message"]["text"] == "a: [click] (https://evil.example) {{0}}"
