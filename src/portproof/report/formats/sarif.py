"""``audit.sarif``: SARIF 2.1.0, for code scanning.

Sources: the OASIS standard SARIF 2.1.0 (kinds 3.27.9, levels 3.27.10, suppressions 3.35, message
strings 3.11), and GitHub's "SARIF support for code scanning" (properties it reads, and its limits:
25,000 results a run, 20 tags a rule, 1,024 characters a description, 10 MB packed).
"""

import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from portproof.exitcodes import ExitCode
from portproof.model.verdicts import Verdict
from portproof.report.contract import Theme
from portproof.report.formats.sarif_rules import LEVELS, WHOLE, properties, rule, whole_rule
from portproof.report.words.findings import (
    FindingItem,
    findings,
    fingerprint,
    place,
    statement,
)
from portproof.report.words.phrases import alarm, reason
from portproof.report.words.wording import sentence
from portproof.result.result import AuditResult
from portproof.text.safe import NAME, clean
from portproof.text.times import iso
from portproof.text.words import many

FILE: Final = "audit.sarif"

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
RESULTS: Final = 25_000
"""GitHub refuses a run with more results than this."""

PACKED: Final = 9_000_000
"""Bytes, compressed: GitHub refuses a file of more than 10 MB."""


class _ResultLimiter:
    """Lets results in until there are too many, and counts those that are left out."""

    def __init__(self) -> None:
        self._left = RESULTS
        self._packed = 0
        self._packer = zlib.compressobj(1)
        self.refused: Counter[str] = Counter()

    def lets_in(self, verdict: Verdict, text: str) -> bool:
        """Whether there is room; once there is none, there is none for the less severe either."""
        self._packed += len(self._packer.compress(text.encode()))
        if self.refused or not self._left or self._packed > PACKED:
            self.refused[verdict.value] += 1
            return False
        self._left -= 1
        return True


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write one run, result by result."""
    yield f'{{"version": "2.1.0",\n"$schema": {_text(SCHEMA)},\n"runs": [{{\n'
    yield f'"tool": {_text({"driver": _driver(result)})},\n'
    yield f'"automationDetails": {_text(_automation(result))},\n"results": ['
    gate = _ResultLimiter()
    before = "\n"
    for text in _results(result, gate):
        yield before + text
        before = ",\n"
    yield f'\n],\n"invocations": {_text([_invocation(result, gate.refused)])},\n'
    yield f'"properties": {_text({"totals": result.totals})}\n}}]}}\n'


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _driver(result: AuditResult) -> dict[str, Any]:
    rules = [rule(bound) for bound in result.rules]
    if alarm(result):
        rules.append(whole_rule())
    version = clean(result.run.version, NAME)
    return {"name": "portproof", "version": version, "rules": rules}


def _automation(result: AuditResult) -> dict[str, str]:
    """GitHub takes what stands before the last slash for the category of an analysis."""
    inventory, started = clean(result.run.inventory.name, NAME), iso(result.run.started)
    return {"id": f"portproof/{inventory}/{started}"}


def _results(result: AuditResult, gate: _ResultLimiter) -> Iterator[str]:
    indexes = {bound.key: index for index, bound in enumerate(result.rules)}
    if alarm(result):
        yield _text(_whole(result))
    for item in findings(result):
        text = _text(_result(item, indexes[item.bound.key]))
        if gate.lets_in(item.judgement.verdict, text):
            yield text


def _whole(result: AuditResult) -> dict[str, Any]:
    """What keeps code scanning from closing alerts when an audit that saw too little is silent."""
    return {
        "ruleId": WHOLE,
        "ruleIndex": len(result.rules),
        "level": "error",
        "message": {"text": _plain(alarm(result))},
        "locations": [_location("portproof/audit", 1, [])],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint(WHOLE)}:1"},
        "suppressions": [],
    }


def _result(item: FindingItem, index: int) -> dict[str, Any]:
    unproven = item.judgement.verdict is Verdict.UNPROVEN
    return {
        "ruleId": item.bound.key,
        "ruleIndex": index,
        "kind": "open" if unproven else "fail",
        "level": "none" if unproven else LEVELS[item.bound.severity],
        "message": {"text": _plain(statement(item))},
        "locations": [_location(*place(item.bound), _logical(item))],
        "partialFingerprints": {"primaryLocationLineHash": f"{item.identity}:1"},
        "suppressions": list(_suppressions(item)),
        "properties": _about(item),
    }


def _about(item: FindingItem) -> dict[str, Any]:
    about: dict[str, Any] = {
        "verdict": item.judgement.verdict.value,
        "host": clean(item.host.name, NAME),
        "finding": item.number,
        "findings": item.of,
    }
    if item.judgement.verdict is Verdict.UNPROVEN:
        about["reason"] = reason(item.judgement).value
    return about


def _location(path: str, line: int, logical: list[dict[str, str]]) -> dict[str, Any]:
    uri = quote(path.encode("utf-8", "surrogateescape"))
    physical = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    return {"physicalLocation": physical} | ({"logicalLocations": logical} if logical else {})


def _logical(item: FindingItem) -> list[dict[str, str]]:
    host = clean(item.host.name, NAME)
    places = [{"name": host, "fullyQualifiedName": host, "kind": "host"}]
    if item.finding and item.finding.listener:
        at = clean(item.finding.listener.endpoint, NAME)
        places.append({"name": at, "fullyQualifiedName": f"{host}/{at}", "kind": "listener"})
    return places


def _suppressions(item: FindingItem) -> Iterator[dict[str, Any]]:
    """Yield a waiver that holds suppresses its finding; one that has lapsed does nothing at all."""
    waived = item.finding.waived if item.finding else None
    if waived is not None and not waived.lapsed:
        ticket = f", {waived.ticket}" if waived.ticket else ""
        text = f"{waived.reason} (owner {waived.owner}, until {waived.until}{ticket})"
    elif item.judgement.verdict is Verdict.WAIVED:
        text = item.judgement.detail or "waived"
    else:
        return
    yield {"kind": "external", "status": "accepted", "justification": clean(text)}


def _invocation(result: AuditResult, refused: Counter[str]) -> dict[str, Any]:
    """Return how the run went; it succeeded only when all that was asked for could be judged."""
    code = result.exit_code
    complete = code in (ExitCode.PROVEN, ExitCode.FAILED)
    silent = result.totals.verdicts[Verdict.UNPROVEN] or alarm(result) or refused[Verdict.FAIL]
    started, finished = result.run.started, result.run.finished
    # A clock that was set back ends an audit before its start, which SARIF does not allow.
    times = {"startTimeUtc": started} | ({"endTimeUtc": finished} if finished >= started else {})
    return {
        "executionSuccessful": complete and not silent,
        "exitCode": int(code),
        "exitCodeDescription": code.name.lower(),
        "machine": clean(result.run.controller, NAME),
        "toolExecutionNotifications": list(_notifications(result, refused)),
    } | {name: iso(time).replace("+00:00", "Z") for name, time in times.items()}


def _notifications(result: AuditResult, refused: Counter[str]) -> Iterator[dict[str, Any]]:
    yield _notification("note", sentence(result))
    if refused:
        counts = ", ".join(f"{number} {verdict}" for verdict, number in refused.items())
        text = f"{many(refused.total(), 'result')} left out ({counts}): there is room for"
        yield _notification("warning", f"{text} {RESULTS:,} in {PACKED:,} packed bytes")
    for bound in result.rules:
        if left := len(properties(bound).get("tagsLeftOut", ())):
            yield _notification("note", f"{many(left, 'tag')} left out of rule {bound.key}")
    for text in result.warnings:
        yield _notification("warning", text)


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _plain(clean(text))}}


def _plain(text: str) -> str:
    """Text for a message string: no placeholder, and no link of a host's making."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "] (")
