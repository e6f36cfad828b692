"""How the findings of a rule changed: listeners that came, and processes behind them."""

from collections.abc import Iterator, Sequence
from typing import Final

from portproof.model.changes import Change, ChangeKind
from portproof.model.policy import BoundRule
from portproof.model.text import shortened
from portproof.model.verdicts import Finding, Judgement

_LONGEST: Final = 300

Port = tuple[str, int, str]
"""Where something listens: protocol, port and address."""


def told(findings: Sequence[Finding]) -> str:
    """The first finding in words, and how many more there are."""
    if not findings:
        return "no finding is recorded"
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{shortened(findings[0].message, _LONGEST)}{more}"


def new_listeners(was: Judgement, now: Judgement) -> list[Finding]:
    """The listeners a rule fails by now and did not before; those a waiver holds do not count."""
    before = {_port(finding) for finding in was.findings if not _is_held(finding)}
    fresh = (finding for finding in now.findings if not _is_held(finding))
    return [each for each in fresh if each.listener is not None and _port(each) not in before]


def _is_held(finding: Finding) -> bool:
    return finding.waived is not None and not finding.waived.lapsed


def _port(finding: Finding) -> Port | None:
    listener = finding.listener
    if listener is None:
        return None
    return listener.protocol, listener.port, listener.address


def process_changes(
    bound: BoundRule, host: str, was: Judgement, now: Judgement
) -> Iterator[Change]:
    """Ports that fail a rule, waived or not, and are held by another program than before.

    A program is its name and its path. Where either side could not be seen, nothing is said.
    """
    if not was.findings or not now.findings:
        return
    before, after = _programs(was), _programs(now)
    for port in sorted(before.keys() & after.keys()):
        if before[port] and after[port] and before[port] != after[port]:
            protocol, number, address = port
            sides = f"{_named(before[port])} before, {_named(after[port])} now"
            what = f"behind {protocol} port {number} of {address}: {sides}"
            severity = bound.severity.value
            yield Change(ChangeKind.PROCESS, what, host=host, rule=bound.key, severity=severity)


def _programs(judgement: Judgement) -> dict[Port, set[tuple[str, str]]]:
    programs: dict[Port, set[tuple[str, str]]] = {}
    for finding in judgement.findings:
        port = _port(finding)
        if port is not None and finding.listener is not None:
            known = {(owner.name, owner.path) for owner in finding.listener.owners if owner.name}
            programs.setdefault(port, set()).update(known)
    return programs


def _named(programs: set[tuple[str, str]]) -> str:
    names = (f"{name} ({path})" if path else name for name, path in sorted(programs))
    return shortened(" and ".join(names), _LONGEST)
