"""``audit.json``: what it says is what its schema says, by a validator that we did not write."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import jsonschema
from hypothesis import given, settings

from portproof.archive.document import audit_schema_text
from portproof.content.load import load
from portproof.content.schemas import schema_text
from portproof.content.shipped import shipped
from portproof.model.verdicts import Finding, failed
from portproof.result.result import AuditResult, HostResult
from support.for_each import for_each
from support.report.any_result import results
from support.report.formats import bare, interrupted, nothing_judged, rendered
from support.report.results import HOSTILE, all_pass, hostile, mixed, run, seen, wide


@cache
def validator() -> jsonschema.Draft202012Validator:
    """The schema, checked itself."""
    schema: dict[str, Any] = json.loads(audit_schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def document(result: AuditResult) -> dict[str, Any]:
    """A result as it is read from its file."""
    told: dict[str, Any] = json.loads(rendered("json", result))
    return told


@for_each("make", [all_pass, wide, mixed, hostile, bare, nothing_judged, interrupted])
def test_results_pass_the_schema(make: object) -> None:
    """Whatever hosts say, by control or not."""
    assert callable(make)
    result: AuditResult = make()
    validator().validate(document(result))
    validator().validate(document(replace(result, framework="nist-800-53")))


@settings(max_examples=40)
@given(results())
def test_random_results_pass_the_schema(result: AuditResult) -> None:
    """Any verdicts of any hosts."""
    validator().validate(document(result))


def test_policies_and_checks_pass_their_own_schemas() -> None:
    """They can be taken out of the file and used again; every shipped one, and those of tests."""
    content = load([shipped("policies")], [shipped("checks")])
    checks = [loaded.model for loaded in content.checks]
    base = mixed()
    rules = (*base.rules, *content.rules())
    told = document(AuditResult(run(), rules, [], checks=checks))
    assert told["policies"]
    assert len(told["checks"]) == len(checks)
    for what, documents in (("policy", told["policies"]), ("check", told["checks"])):
        own = jsonschema.Draft202012Validator(json.loads(schema_text(what)))
        for each in documents:
            own.validate(each)


def test_nothing_is_written_that_the_schema_does_not_describe() -> None:
    """What is added to the file is added to its schema."""
    unknown: list[str] = []
    schema = json.loads(audit_schema_text())
    grouped = replace(mixed(), framework="nist-800-53")
    for result in (mixed(), hostile(), grouped):
        _compare(document(result), schema, schema["$defs"], "$", unknown)
    assert unknown == []


def _compare(
    told: object, schema: dict[str, Any], parts: dict[str, Any], path: str, unknown: list[str]
) -> None:
    """Walk a document beside its schema; only objects whose keys are listed are compared."""
    options = schema.get("anyOf", [schema])
    found = [parts[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in options]
    one: dict[str, Any] = next((each for each in found if each.get("type") != "null"), {})
    if isinstance(told, dict) and "properties" in one:
        unknown.extend(f"{path}.{key}" for key in set(told) - set(one["properties"]))
        for key in set(told) & set(one["properties"]):
            _compare(told[key], one["properties"][key], parts, f"{path}.{key}", unknown)
    elif isinstance(told, list) and isinstance(one.get("items"), dict):
        for at, each in enumerate(told):
            _compare(each, one["items"], parts, f"{path}[{at}]", unknown)


@for_each(
    ("path", "wrong"),
    [
        (("format",), "portproof-audit/2"),
        (("exit_code",), 4),
        (("totals", "hosts"), "12"),
        (("hosts", 0, "verdicts"), "ppx"),
        (("rules", 0, "severity"), "awful"),
        (("judgements", 0, "judgement", "verdict"), "maybe"),
        (("letters", "p"), "fine"),
        (("run", "inventory"), None),
    ],
)
def test_another_form_does_not_pass(path: tuple[str | int, ...], wrong: object) -> None:
    """The schema says something."""
    told = document(mixed())
    place: Any = told
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong
    assert not validator().is_valid(told)


def test_half_a_character_is_written_out() -> None:
    """No text of a host can keep the file from being written, and the rest stays as it is."""
    base = all_pass()
    judgements = (
        failed(Finding("half \udc80 \x9b and \u202e whole")),
        *base.hosts[0].judgements[1:],
    )
    told = document(AuditResult(run(), base.rules, [HostResult("h", (), judgements, seen())]))
    (judged,) = told["judgements"]
    assert judged["judgement"]["findings"][0]["message"] == "half \\udc80 \x9b and \u202e whole"


def test_hostile_names_are_read_as_they_are() -> None:
    """Escaping is undone by a reader."""
    names = [host["name"] for host in document(hostile())["hosts"]]
    whole = [name for name in HOSTILE if "surrogate" not in name]
    assert [name for name in names if "surrogate" not in name] == whole


def test_the_exit_code_is_that_of_the_verdicts() -> None:
    """1 for the mixed hosts, 3 for an interrupted run, 2 where nothing was judged."""
    codes = [document(each())["exit_code"] for each in (mixed, interrupted, nothing_judged)]
    assert codes == [1, 3, 2]
    assert document(all_pass())["exit_code"] == 0
