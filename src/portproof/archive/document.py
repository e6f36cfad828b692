"""Define ``audit.json``. The writer, the reader and the JSON Schema use these types.

Within a version nothing is taken away or changes its meaning; what is added later is optional for
readers, who leave alone what they do not know.
"""

import inspect
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec

from portproof.exitcodes import ExitCode
from portproof.model.base import Severity
from portproof.model.verdicts import Judgement, Verdict
from portproof.result.changes import Changes
from portproof.result.result import LookSummary, Run, Totals

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class RuleEntry(msgspec.Struct, frozen=True):
    """A rule: what it asks, of which hosts, and where it is written (line 0: made in Python)."""

    key: str
    title: str
    summary: str
    severity: Severity
    hosts: list[str]
    file: str
    line: int


class JudgedHost(msgspec.Struct, frozen=True):
    """A host: how it was looked at, and one letter for each of the rules, in their order."""

    name: str
    groups: tuple[str, ...]
    seen: LookSummary
    verdicts: Annotated[str, msgspec.Meta(pattern="^[pfwnu]*$")]


class Judged(msgspec.Struct, frozen=True):
    """A verdict with more than its letter; the reason is there when it is unproven."""

    host: str
    rule: str
    judgement: Judgement


class NotApplicable(msgspec.Struct, frozen=True):
    """Why a rule is not applicable on a platform, unless ``judgements`` says otherwise."""

    rule: str
    platform: str
    judgement: Judgement


class PlacedWaiver(msgspec.Struct, frozen=True):
    """A waiver, the key of its rule, and where it is written (line 0: made in Python).

    ``index`` is its place among the waivers of its file, from 0.
    """

    rule: str
    file: str
    line: int
    index: int
    waiver: dict[str, Any]


class JudgedBy(msgspec.Struct, frozen=True):
    """The inputs of verdicts besides rules, checks and evidence.

    ``today`` is the day as of which waivers were judged. ``everyone`` and ``members`` are the hosts
    and groups of the inventory; empty where the hosts of the audit tell it all.
    """

    today: date
    waivers: list[PlacedWaiver]
    warn_days: int
    require_witness: bool
    everyone: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...]


class ControlRuleEntry(msgspec.Struct, frozen=True):
    """A rule of a control: how many hosts have which verdict, and those it fails on."""

    key: str
    verdicts: dict[Verdict, int]
    failing: tuple[str, ...]


class ControlEntry(msgspec.Struct, frozen=True):
    """A control with its rules. Its verdict is that of its worst rule that was judged."""

    number: str
    title: str
    verdict: Verdict
    rules: list[ControlRuleEntry]


class ControlTable(msgspec.Struct, frozen=True):
    """The rules by the controls of a framework, and the keys of those that map to none."""

    framework: str
    name: str
    controls: list[ControlEntry]
    unmapped: list[str]


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the hosts. It is written whole; a field that is None is left out."""

    format: Literal["portproof-audit/1"]
    letters: dict[str, Verdict]
    run: Run
    totals: Totals
    exit_code: ExitCode
    warnings: tuple[str, ...]
    policies: list[dict[str, Any]]
    chosen_for: dict[str, list[str]] = {}
    by_control: ControlTable | None = None
    checks: list[dict[str, Any]]
    rules: list[RuleEntry]
    basis: JudgedBy | None = None
    changes: Changes | None = None


class AuditDocument(AuditHead, frozen=True, kw_only=True):
    """The whole of audit.json.

    ``exit_code`` is that of the verdicts: 0 all proven, 1 something failed, 2 nothing was judged, 3
    something is unproven. It is not changed by ``--fail-on``, which decides for the process alone.
    ``policies`` and ``checks`` are as their own schemas describe them, ``letters`` tells what the
    letters of ``hosts`` mean. ``changes`` is there where there was an audit to compare with,
    ``by_control`` with ``--framework``; ``chosen_for`` names the hosts of policies that the
    inventory chose by ``portproof_policies``.
    """

    hosts: list[JudgedHost]
    judgements: list[Judged]
    not_applicable: list[NotApplicable] = []


def audit_schema_text() -> str:
    """The schema of ``audit.json``, as docs/schemas has it."""
    (root,), parts = msgspec.json.schema_components([AuditDocument], ref_template="#/$defs/{name}")
    for part in parts.values():
        part["description"] = inspect.cleandoc(part["description"]).replace("``", "`")
    document = {"$schema": _DIALECT, **root, "$defs": dict(sorted(parts.items()))}
    return json.dumps(document, indent=2) + "\n"
