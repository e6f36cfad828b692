"""Two results become the changes between them. The entry of this package."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from portproof.diff.content import policy_changes, waiver_changes
from portproof.diff.history import since
from portproof.diff.verdicts import Compared, host_changes
from portproof.model.verdicts import Verdict
from portproof.result.changes import Change, ChangeKind, Changes, EarlierAudit
from portproof.result.result import AuditResult, HostResult

_ORDER: Final = {kind: index for index, kind in enumerate(ChangeKind)}


def changes(
    old: AuditResult,
    new: AuditResult,
    *,
    folder: str = "",
    past: Sequence[EarlierAudit] = (),
    earlier: Iterable[AuditResult] = (),
) -> Changes:
    """Compare an audit with a later one.

    Every verdict that changed appears once: by itself, or with its host if the look at the whole
    host failed.

    Args:
        old: The audit before.
        new: The audit after.
        folder: Where the audit before is.
        past: The audits of the same policies that are known, the last one last; the one before is
            added where it is of the same policies.
        earlier: Results before the old one, the latest first. They are read only as far as it is
            not known how long something has been failing.
    """
    before = EarlierAudit(old.run.finished, folder, old.totals.hosts, old.totals.verdicts)
    items = sorted(_items(old, new, earlier), key=_place)
    known = (*past, before) if same_policies(old, new) else ()
    return Changes(before, tuple(items), known, tuple(_notes(old, new)))


def _place(item: Change) -> tuple[int, int]:
    return _ORDER[item.kind], 1 if item.severity is None else -item.severity.rank


def same_policies(one: AuditResult, other: AuditResult) -> bool:
    """Whether two audits judged by the same policies and waivers, wherever their files are."""
    first, second = ({each.sha256 for each in result.run.policies} for result in (one, other))
    return first == second


def _items(old: AuditResult, new: AuditResult, earlier: Iterable[AuditResult]) -> Iterator[Change]:
    before = {host.name: host for host in old.hosts}
    both = Compared(old, new, since(old, _failing(new), earlier))
    for host in new.hosts:
        known = before.pop(host.name, None)
        if known is None:
            yield Change(ChangeKind.NEW_HOST, f"is new: {_counted(host)}", host=host.name)
        yield from host_changes(both, known, host)
    for host in before.values():
        what = f"is no longer in the inventory; before: {_counted(host)}"
        yield Change(ChangeKind.VANISHED_HOST, what, host=host.name)
    yield from waiver_changes(old, new)
    yield from policy_changes(old, new)


def _failing(result: AuditResult) -> set[tuple[str, str]]:
    return {
        (host.name, bound.key)
        for host in result.hosts
        if host.has(Verdict.FAIL)
        for bound, judgement in zip(result.rules, host.judgements, strict=True)
        if judgement.verdict is Verdict.FAIL
    }


def _counted(host: HostResult) -> str:
    verdicts = [judgement.verdict for judgement in host.judgements]
    told = [f"{verdicts.count(each)} {each}" for each in Verdict if each in verdicts]
    return ", ".join(told)


def _notes(old: AuditResult, new: AuditResult) -> Iterator[str]:
    before, after = old.run, new.run
    if before.inventory.name != after.inventory.name:
        names = f"{before.inventory.name} before, {after.inventory.name} now"
        yield f"these are audits of different inventories: {names}"
    elif before.inventory.sha256 != after.inventory.sha256:
        yield "the inventory changed"
    if not {bound.key for bound in old.rules} & {bound.key for bound in new.rules}:
        yield "these are audits by different policies: they have no rule in common"
    elif not same_policies(old, new):
        yield "the policies changed"
    if after.finished < before.finished:
        yield "the audit that should be the later one finished first"
    if after.interrupted:
        yield "the later audit was interrupted"
