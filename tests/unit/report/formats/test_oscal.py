"""OSCAL assessment results, for GRC tools."""

import json
from typing import Any

from hypothesis import given, settings

from portproof.model.verdicts import PASSED, Judgement, Verdict
from portproof.policy.policy import Policy, bind
from portproof.report.contract import Theme
from portproof.report.formats.oscal import render
from portproof.result.result import AuditResult, HostResult
from support.for_each import for_each
from support.report.fleets import SAMPLES, bound, interrupted, results, waivers
from support.report.foreign import oscal_problems
from support.report.results import mixed, run, seen
from support.times import at


def write(result: AuditResult) -> str:
    """The result as OSCAL."""
    return "".join(render(result, Theme(())))


def document(result: AuditResult) -> dict[str, Any]:
    """The assessment results of it."""
    found: dict[str, Any] = json.loads(write(result))["assessment-results"]
    return found


def result_of(result: AuditResult) -> dict[str, Any]:
    """The one result in them."""
    (found,) = document(result)["results"]
    assert isinstance(found, dict)
    return found


def statuses(result: AuditResult) -> dict[str, tuple[str, str]]:
    """State and reason of each objective."""
    return {
        each["target"]["target-id"]: (
            each["target"]["status"]["state"],
            each["target"]["status"]["reason"],
        )
        for each in result_of(result).get("findings", ())
    }


@for_each("sample", SAMPLES)
def test_the_samples_are_valid(sample: str) -> None:
    """The bindings of NIST's schema accept them."""
    assert oscal_problems(write(SAMPLES[sample]())) == []


@settings(max_examples=20)
@given(result=results())
def test_any_result_is_valid(result: AuditResult) -> None:
    """So is whatever hosts say."""
    assert oscal_problems(write(result)) == []


def test_the_bindings_see_a_mistake() -> None:
    """They refuse a list without items, and a state there is not."""
    text = write(mixed())
    assert oscal_problems(text.replace('"methods":["TEST"]', '"methods":[]')) != []
    assert oscal_problems(text.replace('"state":"not-satisfied"', '"state":"fine"')) != []


@settings(max_examples=20)
@given(result=results())
def test_what_is_referred_to_is_there_once(result: AuditResult) -> None:
    """Every uuid is unique, and every reference has its item."""
    one = result_of(result)
    hosts = [each["uuid"] for each in one["local-definitions"].get("inventory-items", ())]
    seen_ = [each["uuid"] for each in one.get("observations", ())]
    assert len({*hosts, *seen_}) == len(hosts) + len(seen_)
    for observation in one.get("observations", ()):
        assert {each["subject-uuid"] for each in observation["subjects"]} <= set(hosts)
    for finding in one.get("findings", ()):
        assert {each["observation-uuid"] for each in finding["related-observations"]} <= set(seen_)


def test_a_rule_is_an_objective_below_each_control() -> None:
    """Controls are named as in NIST's catalog; a rule that maps to none has one of its own."""
    found = document(mixed())["local-definitions"]["objectives-and-methods"]
    ids = [(each["control-id"], each["parts"][0]["id"]) for each in found]
    assert ids[0] == ("cm-7", "portproof_retired-ports__npmp-trap-609__cm-7")
    assert ("sc-7", "portproof_web-servers__only-web__sc-7") in ids
    assert ids[1] == ("portproof_retired-ports__npmp-local-610",) * 2
    (selection,) = result_of(mixed())["reviewed-controls"]["control-selections"]
    assert {"control-id": "cm-7"} in selection["include-controls"]


@for_each(
    ("number", "control"),
    [("CM-7", "cm-7"), ("AC-02(03)", "ac-2.3"), ("SC-7 (5)", "sc-7.5"), ("x", "portproof_p__r")],
)
def test_control_numbers_become_ids(number: str, control: str) -> None:
    """CM-7(1) is cm-7.1 in the catalog; what is no number of a control names none."""
    rule = {"id": "r", "closed": 1, "maps": {"nist-800-53": [number]}}
    rules = bind([Policy.model_validate({"policy": "p", "title": "P", "rules": [rule]})])
    result = AuditResult(run(), rules, [HostResult("a", (), (PASSED,), seen())])
    (objective,) = document(result)["local-definitions"]["objectives-and-methods"]
    assert objective["control-id"] == control


def test_only_what_passed_everywhere_is_satisfied() -> None:
    """One failure, waiver or gap on any host leaves the objective unsatisfied, with that reason."""
    found = statuses(SAMPLES["wide"]())
    assert found["portproof_many__port-609"] == ("satisfied", "pass")
    assert found["portproof_many__port-610"] == ("not-satisfied", "fail")
    assert found["portproof_many__port-611"] == ("not-satisfied", "waived")
    assert "portproof_many__port-612" not in found
    assert found["portproof_many__port-613"] == ("not-satisfied", "unproven")


def test_the_worst_is_the_reason() -> None:
    """A rule that fails here and is unproven there fails."""
    assert statuses(mixed())["portproof_retired-ports__npmp-trap-609__cm-7"][1] == "fail"


def test_one_gap_among_passes_is_not_satisfied() -> None:
    """A pass on one host proves nothing about another."""
    gap = Judgement(Verdict.UNPROVEN)
    hosts = [HostResult(name, (), (each,), seen()) for name, each in (("a", PASSED), ("b", gap))]
    found = statuses(AuditResult(run(), bound(1), hosts))
    assert list(found.values()) == [("not-satisfied", "unproven")]


def test_an_interrupted_audit_satisfies_nothing() -> None:
    """Whatever it judged, it did not judge all."""
    assert list(statuses(interrupted()).values()) == [("not-satisfied", "unproven")]


def test_a_waived_rule_says_by_whom() -> None:
    """The observation of the host names the owner and the last day."""
    (text,) = [
        each["description"]
        for each in result_of(waivers())["observations"]
        if each["title"].endswith("waived")
    ]
    assert "2027-01-31" in text
    assert "storage@example.net" in text


def test_uuids_are_those_of_the_next_audit() -> None:
    """Hosts, observations and findings keep theirs; the documents are two."""
    later = AuditResult(run(started=at("2026-11-24T02:00:00+00:00")), mixed().rules, mixed().hosts)
    for part in ("observations", "findings"):
        first, second = (result_of(each)[part] for each in (mixed(), later))
        assert [each["uuid"] for each in first] == [each["uuid"] for each in second]
    assert document(mixed())["uuid"] != document(later)["uuid"]


def test_the_inputs_stand_for_the_plan() -> None:
    """The plan that OSCAL asks for is the policies and the inventory, with their digests."""
    found = document(mixed())
    (plan,) = found["back-matter"]["resources"]
    assert found["import-ap"]["href"] == f"#{plan['uuid']}"
    named = {each["value"]: each["remarks"] for each in plan["props"]}
    assert named["inventory/hosts.txt"] == mixed().run.inventory.sha256
