"""``ocsf.jsonl``: Compliance Findings of the Open Cybersecurity Schema Framework, one a line.

Source: OCSF 1.8.0, class compliance_finding (2003). There is an event for each rule on each host
that failed, is unproven or is waived, and before them one for the audit as a whole, so that an
audit without findings is told from an audit that was not made. Whatever passed is in no event.

OCSF's status 2 (Warning) is a check that "did not yield a result due to missing information": that
is what unproven means. A waived finding is 99 (Other) and, as a finding, 3 (Suppressed).
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from portproof.exitcodes import ExitCode
from portproof.model.base import Severity
from portproof.model.listeners import Listener, Owner
from portproof.model.observation import Platform
from portproof.model.ports import Protocol
from portproof.model.verdicts import Finding, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.contract import Theme
from portproof.report.words.findings import (
    FindingItem,
    fingerprint,
    judgements,
    message,
    statement,
)
from portproof.report.words.phrases import alarm, fix, reason, title
from portproof.report.words.text import is_link
from portproof.report.words.wording import PLATFORMS, sentence
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import NAME, SENTENCE, clean, multiline
from portproof.text.times import iso

FILE: Final = "ocsf.jsonl"
VERSION: Final = "1.8.0"

EVIDENCES: Final = 100
"""How many findings of one event are told; the event counts the others."""

_STATUSES: Final = {
    Verdict.FAIL: (3, "Fail"),
    Verdict.UNPROVEN: (2, "Warning"),
    Verdict.WAIVED: (99, "Waived"),
}
_AUDIT: Final = {
    ExitCode.PROVEN: (1, "Pass"),
    ExitCode.FAILED: (3, "Fail"),
    ExitCode.ERROR: (2, "Warning"),
    ExitCode.INCOMPLETE: (2, "Warning"),
}
_SYSTEMS: Final = {Platform.LINUX: 200, Platform.MACOS: 300, Platform.WINDOWS: 100}
_HOSTNAME: Final = re.compile(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?)+")
_TRANSPORTS: Final = {Protocol.TCP: 6, Protocol.UDP: 17}


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the event of the audit, then those of its findings."""
    yield _line(_audit(result))
    for item in judgements(result):
        yield _line(_event(result, item))


def _line(event: dict[str, Any]) -> str:
    return msgspec.json.encode(event).decode() + "\n"


def _base(result: AuditResult, uid: str, time: datetime | None, severity: int) -> dict[str, Any]:
    """Return what every event has. A time that is not known is 1970: old, never fresh."""
    version = clean(result.run.version, NAME)
    product = {"name": "portproof", "vendor_name": "portproof", "version": version}
    return {
        "activity_id": 1,
        "category_uid": 2,
        "class_uid": 2003,
        "type_uid": 200301,
        "time": _milliseconds(time),
        "severity_id": severity,
        "metadata": {
            "version": VERSION,
            "product": product,
            "uid": fingerprint(uid, iso(result.run.started), result.run.inventory.sha256),
            "correlation_uid": fingerprint(iso(result.run.started), result.run.inventory.sha256),
        },
    }


def _milliseconds(time: datetime | None) -> int:
    return int(time.timestamp() * 1000) if time else 0


def _audit(result: AuditResult) -> dict[str, Any]:
    run, code = result.run, result.exit_code
    problem = alarm(result)
    status, caption = _AUDIT[ExitCode.INCOMPLETE if problem and not code else code]
    text = problem or clean(sentence(result))
    times = {"start_time": _milliseconds(run.started), "end_time": _milliseconds(run.finished)}
    inventory = clean(run.inventory.name, NAME)
    return (
        _base(result, "audit", run.finished, max(_severities(result), default=1))
        | times
        | {
            "message": text,
            "finding_info": {
                "uid": fingerprint("audit", run.inventory.name),
                "title": f"Audit of {inventory}",
                "types": ["audit"],
            },
            "compliance": {
                "control": "portproof",
                "status_id": status,
                "status": caption,
                "status_code": code.name.lower(),
                "status_details": [text, *(clean(each) for each in result.warnings)],
            },
            "resources": [{"name": inventory, "type": "inventory"}],
            "unmapped": {"totals": result.totals, "exit_code": int(code)},
        }
    )


def _severities(result: AuditResult) -> Iterator[int]:
    for bound, _ in (*result.failures(), *result.unproven()):
        yield _severity(bound.severity)
    if alarm(result):
        yield _severity(Severity.CRITICAL)


def _severity(severity: Severity) -> int:
    """OCSF counts from 1 (Informational) to 5 (Critical)."""
    return severity.rank + 1


def _event(result: AuditResult, item: FindingItem) -> dict[str, Any]:
    bound, waived = item.bound, item.judgement.verdict is Verdict.WAIVED
    seen = item.host.seen.taken
    event = _base(result, item.identity, seen, _severity(bound.severity))
    event |= {
        "message": statement(item),
        "status_id": 3 if waived else 1,
        "status": "Suppressed" if waived else "New",
        "finding_info": _finding_info(item),
        "compliance": _compliance(item),
        "device": _device(item.host),
        "resources": [{"name": clean(item.host.name, NAME), "type": "host", "role_id": 1}],
        "unmapped": {"verdict": item.judgement.verdict, "findings": len(item.judgement.findings)},
    }
    if todo := fix(bound, item.host.seen.platform):
        links = [ref for ref in bound.rule.refs if is_link(ref)]
        event["remediation"] = {"desc": todo} | ({"references": links} if links else {})
    if evidences := list(_evidences(item.judgement.findings[:EVIDENCES])):
        event["evidences"] = evidences
    return event


def _finding_info(item: FindingItem) -> dict[str, Any]:
    bound = item.bound
    name = title(bound)
    because = bound.rule.because or bound.policy.because
    return {
        "uid": item.identity,
        "title": name,
        "desc": multiline(because) if because else name,
        "types": [item.judgement.verdict.value],
        "analytic": {"uid": bound.key, "name": name, "type_id": 1, "type": "Rule"},
    }


def _compliance(item: FindingItem) -> dict[str, Any]:
    status, caption = _STATUSES[item.judgement.verdict]
    unproven = item.judgement.verdict is Verdict.UNPROVEN
    compliance = {
        "control": item.bound.key,
        "status_id": status,
        "status": caption,
        "status_code": reason(item.judgement).value if unproven else item.judgement.verdict.value,
        "status_details": [message(item)],
    }
    return compliance | _standards(item.bound)


def _standards(bound: BoundRule) -> dict[str, list[str]]:
    maps = bound.rule.maps
    if not maps:
        return {}
    numbers = [f"{name} {clean(each, NAME)}" for name, all_ in maps.items() for each in all_]
    return {"standards": list(maps), "requirements": numbers}


def _device(host: HostResult) -> dict[str, Any]:
    name = clean(host.name, NAME)
    device: dict[str, Any] = {"type_id": 0, "name": name, "uid": name}
    if _HOSTNAME.fullmatch(host.name):
        device["hostname"] = host.name
    if host.seen.platform in PLATFORMS:
        platform = Platform(host.seen.platform)
        device["os"] = {"name": PLATFORMS[platform], "type_id": _SYSTEMS[platform]}
    if host.groups:
        device["groups"] = [{"name": clean(group, NAME)} for group in host.groups]
    return device


def _evidences(findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        if finding.listener is not None:
            yield from _listening(finding.listener)
        elif finding.row is not None:
            row = {clean(name, NAME): clean(value) for name, value in finding.row.items()}
            yield {"data": row}


def _listening(listener: Listener) -> Iterator[dict[str, Any]]:
    """Yield a listener, once for each process that holds it."""
    at = {
        "dst_endpoint": {"ip": clean(listener.address, NAME), "port": listener.port},
        "connection_info": {
            "direction_id": 1,
            "protocol_name": listener.protocol.value,
            "protocol_num": _TRANSPORTS[listener.protocol],
        },
    }
    processes = [_process(owner) for owner in listener.owners if owner.pid is not None]
    yield from ({**at, "process": process} for process in processes)
    if not processes:
        yield at


def _process(owner: Owner) -> dict[str, Any]:
    texts = {"name": owner.name, "path": owner.path, "cmd_line": owner.cmdline}
    process: dict[str, Any] = {"pid": owner.pid}
    process |= {name: clean(text, SENTENCE) for name, text in texts.items() if text}
    if owner.user or owner.uid is not None:
        named = {"name": clean(owner.user, NAME)} if owner.user else {}
        process["user"] = named | ({} if owner.uid is None else {"uid": str(owner.uid)})
    return process
