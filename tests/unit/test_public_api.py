"""The public API: what ``import portproof`` offers, and that it costs nothing until it is used."""

import inspect
import re
from pathlib import Path

import pytest

import portproof
from support.paths import ROOT

PAGE = ROOT / "docs" / "api.md"
EXPORTED = """
AuditOutcome AuditRequest AuditResult Check Comparison ContentError ExitCode Host
HostOverview HostResult ImportFrom ImportOutcome Inventory LintOutcome ListRequest
MachineState OutputError Policy PolicyTestsOutcome PortExplanation PortproofError Problem
Reason ReevaluateOutcome ReevaluateRequest RenderRequest ReportStyle ResumeRequest
RunningAudit TemplateError UsageError Verdict Verification WaiversOutcome __version__
audit audit_policies compare examine_machine explain host_overviews import_queries lint
list_checks list_policies list_rules new_repository read_inventory read_result reevaluate
render render_in_memory resume run_policy_tests verify waivers_to_clean_up
"""


def functions() -> list[str]:
    """The functions of the API."""
    return [name for name in portproof.__all__ if inspect.isfunction(getattr(portproof, name))]


def test_the_exported_names_are_these() -> None:
    """A name that comes or goes is a change that users notice."""
    assert sorted(portproof.__all__) == sorted(EXPORTED.split())


def test_every_exported_name_is_there_and_documented() -> None:
    """Each can be used, and docs/api.md names it."""
    assert [name for name in portproof.__all__ if getattr(portproof, name, None) is None] == []
    words = set(re.findall(r"\w+", PAGE.read_text(encoding="utf-8")))
    assert set(portproof.__all__) - words == set()


def test_no_exported_name_is_hidden_by_a_room() -> None:
    """A folder of the package of the same name would take the place of a function."""
    rooms = {path.stem for path in Path(portproof.__file__).parent.iterdir()}
    assert rooms & set(portproof.__all__) == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    """Not something that turns up later."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = portproof.nothing  # type: ignore[attr-defined]


def test_every_function_has_an_example() -> None:
    """docs/api.md calls each."""
    called = set(re.findall(r"portproof\.(\w+)\(", "\n".join(examples())))
    assert set(functions()) - called == set()


def examples() -> list[str]:
    """The examples of docs/api.md, in order."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
