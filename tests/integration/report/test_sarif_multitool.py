"""SARIF output passes Microsoft's multitool."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from portproof.report.contract import Theme
from portproof.report.formats.sarif import render
from portproof.result.result import AuditResult
from support.report.fleets import (
    SAMPLES,
    large,
    results,
    waivers,
)
from support.report.foreign import multitool, sarif_problems, sarif_schema, schema_problems
from support.report.results import mixed

SMALL = {name: sample for name, sample in SAMPLES.items() if name != "large"}


def write(result: AuditResult) -> str:
    """The result as SARIF."""
    return "".join(render(result, Theme(())))


@pytest.mark.needs("npm")
def test_the_multitool_finds_nothing_wrong(tmp_path: Path) -> None:
    """Neither SARIF's own rules nor those of GitHub are broken; broken files show that it looks."""
    multitool()
    for name, sample in SMALL.items():
        (tmp_path / f"{name}.sarif").write_text(write(sample()), encoding="utf-8")
    document = json.loads(write(mixed()))
    del document["runs"][0]["results"][0]["locations"]
    document["runs"][0]["results"][1]["bogus"] = 1
    (tmp_path / "broken.sarif").write_text(json.dumps(document), encoding="utf-8")
    problems = sarif_problems(tmp_path)
    broken = " ".join(problems.pop("broken.sarif"))
    assert "GH1015" in broken
    assert "JSON1005" in broken
    versions = [text for text in problems.pop("hostile.sarif") if "SARIF2005" not in text]
    versions += [text for text in problems.pop("attacked.sarif") if "SARIF2005" not in text]
    assert versions == []
    assert problems == {
        f"{name}.sarif": [] for name in SMALL if name not in {"hostile", "attacked"}
    }


@pytest.mark.needs("npm")
@settings(max_examples=25)
@given(result=results())
def test_any_result_is_valid(result: AuditResult) -> None:
    """The schema of SARIF 2.1.0 accepts whatever hosts say."""
    assert schema_problems(sarif_schema(), [json.loads(write(result))]) == []


@pytest.mark.needs("npm")
def test_a_large_fleet_is_valid() -> None:
    """The Multitool takes too long for it; the schema from its package does not."""
    assert schema_problems(sarif_schema(), [json.loads(write(large()))]) == []


@pytest.mark.needs("npm")
def test_the_schema_sees_a_mistake() -> None:
    """The schema refuses a suppression of no known kind."""
    document = json.loads(write(waivers()))
    document["runs"][0]["results"][0]["suppressions"] = [{"kind": "nope"}]
    assert schema_problems(sarif_schema(), [document]) != []
