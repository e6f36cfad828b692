"""Since when something has been failing, as far back as audits are known."""

from collections.abc import Iterable
from datetime import datetime

from portproof.model.verdicts import Verdict
from portproof.result.changes import ChangeKind
from portproof.result.result import AuditResult

HostRule = tuple[str, str]
"""The name of a host and the key of a rule."""

_FAILING = (ChangeKind.NEWLY_FAILING, ChangeKind.STILL_FAILING)


def since(
    old: AuditResult, wanted: set[HostRule], earlier: Iterable[AuditResult]
) -> dict[HostRule, datetime]:
    """Return when failures of an audit were first seen without interruption since.

    An audit that was compared with the one before it knows that already; only where it was not,
    earlier results are read, the latest first, until nothing is left that was failing in all.
    """
    found: dict[HostRule, datetime] = {}
    left = wanted
    for result in (each for results in ([old], earlier) for each in results):
        left = _failing(result, left)
        told = _told(result)
        found |= {pair: told.get(pair, result.run.finished) for pair in left}
        left = set() if result.changes is not None else left
        if not left:
            break
    return found


def _failing(result: AuditResult, among: set[HostRule]) -> set[HostRule]:
    by_host: dict[str, set[str]] = {}
    for host, rule in among:
        by_host.setdefault(host, set()).add(rule)
    keys = [bound.key for bound in result.rules]
    return {
        (host.name, key)
        for host in result.hosts
        if host.name in by_host
        for key, judgement in zip(keys, host.judgements, strict=True)
        if judgement.verdict is Verdict.FAIL and key in by_host[host.name]
    }


def _told(result: AuditResult) -> dict[HostRule, datetime]:
    """Return since when rules fail according to an audit itself, the longest for each host."""
    told: dict[HostRule, datetime] = {}
    for item in result.changes.items if result.changes is not None else ():
        pair = (item.host, item.rule)
        if item.kind in _FAILING and item.since is not None:
            told[pair] = min(item.since, told.get(pair, item.since))
    return told
