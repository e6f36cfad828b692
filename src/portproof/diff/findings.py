"""How the findings of a rule changed: those that came, and processes behind listeners."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Final

from portproof.model.verdicts import Finding, Judgement
from portproof.policy.policy import BoundRule
from portproof.result.changes import Change, ChangeKind
from portproof.text.visible import shortened

_LONGEST: Final = 300
_PID: Final = "pid"
"""The column of a row that is another one each time a program starts."""

Port = tuple[str, int, str]
"""Where something listens: protocol, port and address."""

Programs = set[tuple[str, str]]
"""The names and paths of programs."""


def told(findings: Sequence[Finding]) -> str:
    """Return the first finding as text, and how many more there are."""
    if not findings:
        return "no finding is recorded"
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{shortened(findings[0].message, _LONGEST)}{more}"


def new_findings(was: Judgement, now: Judgement) -> list[Finding]:
    """Return what a rule newly fails by; findings under a valid waiver do not count.

    Listeners are matched by protocol, port and address, as many as there were, and one that another
    program holds is new. Rows are matched by all they say but the process id, everything else by
    its words: so is what stands for the findings that are not told one by one, since another number
    of them may be others.
    """
    left = Counter(_key(finding) for finding in was.findings if not _is_held(finding))
    changed = {port for port, _, _ in _other_programs(was, now)}
    words = {finding.message for finding in was.findings}
    fresh = []
    for finding in sorted(now.findings, key=lambda each: each.message not in words):
        if _is_held(finding):
            continue
        key = _key(finding)
        if key in changed or not left[key]:
            fresh.append(finding)
        else:
            left[key] -= 1
    return fresh


def _key(finding: Finding) -> Hashable:
    row = finding.row
    if row is None:
        return _port(finding) or finding.message
    lasting = {name: value for name, value in row.items() if name != _PID}
    return frozenset((lasting or row).items())


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
    for port, before, after in _other_programs(was, now):
        protocol, number, address = port
        sides = f"{_named(before)} before, {_named(after)} now"
        what = f"behind {protocol} port {number} of {address}: {sides}"
        yield Change(ChangeKind.PROCESS, what, host=host, rule=bound.key, severity=bound.severity)


def _other_programs(was: Judgement, now: Judgement) -> Iterator[tuple[Port, Programs, Programs]]:
    """Ports of findings with the programs behind them before and now, where those differ."""
    if not was.findings or not now.findings:
        return
    before, after = _programs(was), _programs(now)
    for port in sorted(before.keys() & after.keys()):
        if before[port] and after[port] and before[port] != after[port]:
            yield port, before[port], after[port]


def _programs(judgement: Judgement) -> dict[Port, Programs]:
    programs: dict[Port, Programs] = {}
    for finding in judgement.findings:
        port = _port(finding)
        if port is not None and finding.listener is not None:
            known = {(owner.name, owner.path) for owner in finding.listener.owners if owner.name}
            programs.setdefault(port, set()).update(known)
    return programs


def _named(programs: Programs) -> str:
    names = (f"{name} ({path})" if path else name for name, path in sorted(programs))
    return shortened(" and ".join(names), _LONGEST)
