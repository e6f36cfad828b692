"""``gl-code-quality.json``: a Code Quality report, for the widget of a merge request.

Source: GitLab's "Code Quality report format": an array of objects with ``description``,
``check_name``, ``fingerprint``, ``severity`` (info, minor, major, critical or blocker),
``location.path`` and ``location.lines.begin``.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from portproof.model.base import Severity
from portproof.model.verdicts import Verdict
from portproof.report.contract import Theme
from portproof.report.words.findings import FindingItem, fingerprint, judgements, message, place
from portproof.report.words.phrases import alarm, title
from portproof.result.result import AuditResult
from portproof.text.safe import NAME, clean

FILE: Final = "gl-code-quality.json"

_SEVERITIES: Final = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write an issue for each rule on each host that did not pass."""
    before = "[\n"
    for issue in _issues(result):
        yield before + msgspec.json.encode(issue).decode()
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _issues(result: AuditResult) -> Iterator[dict[str, Any]]:
    if text := alarm(result):
        yield _issue("portproof", text, "blocker", ("portproof/audit", 1), fingerprint("portproof"))
    yield from map(_of, judgements(result))


def _of(item: FindingItem) -> dict[str, Any]:
    """An issue; what is waived is known and answered for, so it is told and counts for nothing."""
    waived = item.judgement.verdict is Verdict.WAIVED
    severity = "info" if waived else _SEVERITIES[item.bound.severity]
    host = clean(item.host.name, NAME)
    text = f"{item.judgement.verdict}: {host}: {message(item)} ({title(item.bound)})"
    return _issue(item.bound.key, text, severity, place(item.bound), item.identity)


def _issue(
    name: str, text: str, severity: str, at: tuple[str, int], identity: str
) -> dict[str, Any]:
    return {
        "description": text,
        "check_name": name,
        "fingerprint": identity,
        "severity": severity,
        "location": {"path": clean(at[0]), "lines": {"begin": at[1]}},
    }
