"""``findings.csv``: a row for each finding, and for each verdict that is unproven.

Passes and what is not applicable have no row here; ``matrix.csv`` has every verdict. A row without
host and rule is about the audit as a whole, and says why it is no success.
"""

from collections.abc import Iterator
from typing import Final

from portproof.model.listeners import Owner
from portproof.model.verdicts import Finding, Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.contract import Theme
from portproof.report.formats.csv_cells import row
from portproof.report.words.phrases import WORTH_A_LINE, not_whole, pairs, title
from portproof.result.result import AuditResult, HostResult

FILE: Final = "findings.csv"
COLUMNS: Final = (
    *("host", "groups", "rule", "title", "severity", "verdict", "reason", "message"),
    *("protocol", "address", "port", "pid", "process", "path", "user"),
    *("waived_by", "ticket", "waived_until"),
)


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the header and then the rows, host by host."""
    yield row(COLUMNS)
    for host, bound, judgement in pairs(result):
        if judgement.verdict in WORTH_A_LINE:
            yield from _rows(host, bound, judgement)
    if broken := not_whole(result):
        yield _row({"message": broken})


def _row(cells: dict[str, str]) -> str:
    return row(cells.get(column, "") for column in COLUMNS)


def _rows(host: HostResult, bound: BoundRule, judgement: Judgement) -> Iterator[str]:
    """Yield a row for each finding; a verdict without findings has one row."""
    common = {
        "host": host.name,
        "groups": " ".join(host.groups),
        "rule": bound.key,
        "title": title(bound),
        "severity": bound.severity.value,
        "verdict": judgement.verdict.value,
        "reason": judgement.reason or "",
        "message": judgement.detail,
    }
    told = [_row({**common, **_found(finding)}) for finding in judgement.findings]
    yield from told or [_row(common)]


def _found(finding: Finding) -> dict[str, str]:
    """Return the cells of a finding. In a failing rule, one with a waiver is waived by itself."""
    is_waived = finding.waived is not None and not finding.waived.lapsed
    verdict = {"verdict": Verdict.WAIVED.value} if is_waived else {}
    return {"message": finding.message, **verdict, **_listener(finding), **_waived(finding)}


def _listener(finding: Finding) -> dict[str, str]:
    listener = finding.listener
    if listener is None:
        return {}
    return {
        "protocol": listener.protocol.value,
        "address": listener.address,
        "port": str(listener.port),
        **_owners(listener.owners),
    }


def _owners(owners: tuple[Owner, ...]) -> dict[str, str]:
    """Several processes that hold one listener stand in one cell, in the same order in each."""
    return {
        "pid": " ".join(str(owner.pid) for owner in owners if owner.pid is not None),
        "process": " ".join(dict.fromkeys(owner.name for owner in owners)),
        "path": " ".join(dict.fromkeys(owner.path for owner in owners)),
        "user": " ".join(dict.fromkeys(_user(owner) for owner in owners)),
    }


def _user(owner: Owner) -> str:
    return owner.user or ("" if owner.uid is None else str(owner.uid))


def _waived(finding: Finding) -> dict[str, str]:
    """Return the waiver of a finding, even a lapsed one: its date shows that."""
    waived = finding.waived
    if waived is None:
        return {}
    return {"waived_by": waived.owner, "ticket": waived.ticket, "waived_until": waived.until}
