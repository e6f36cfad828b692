"""Find earlier audits: in the same parent folder, with the same policies and inventory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from portproof.archive.folder import MANIFEST, REQUEST
from portproof.archive.integrity import read_manifest
from portproof.archive.results import read_past, read_result
from portproof.diff.changes import changes
from portproof.errors import ContentError, UsageError
from portproof.result.changes import Changes, EarlierAudit
from portproof.result.result import AuditResult, Digest, Run
from portproof.text.times import iso, now

_TREND: Final = 30
"""The largest number of earlier audits in a trend."""


@dataclass(frozen=True, slots=True)
class PreviousAudit:
    """The previous audit, if there is one, and warnings about audits that were skipped."""

    result: AuditResult | None = None
    folder: Path = Path()
    warnings: tuple[str, ...] = ()

    def compared(self, result: AuditResult) -> AuditResult:
        """Return a result with the changes since then and warnings about skipped audits."""
        known = None if self.result is None else changes_since(self.result, result, self.folder)
        return result.compared(known, self.warnings)


@dataclass(frozen=True, slots=True)
class _FoundAudit:
    """A folder of an audit, and the run that its manifest describes."""

    folder: Path
    run: Run


def named(folder: Path, started: datetime | None) -> PreviousAudit:
    """Read the audit in a folder, to compare one with it that started at a given time.

    Raises:
        ContentError: it is not the folder of a finished audit, or was edited.
        UsageError: it did not finish before that.
    """
    result = read_result(folder)
    if why := _not_before(result.run, _begun(started)):
        raise UsageError(
            f"{folder} is not an earlier audit: {why}; give another folder with --since"
        )
    return PreviousAudit(result, folder)


def latest(
    folder: Path, policies: Iterable[Digest], inventory: str, started: datetime | None
) -> PreviousAudit:
    """Return the latest audit in the same parent folder, with the same policies and inventory.

    Audits of other inventories are not comparable, even if they have hosts of the same names.
    Audits that cannot be read are skipped with a warning. So are audits that finished in the future
    by their own account: a clock was wrong, and they would be the latest until then.

    Args:
        folder: Where the new audit goes; its neighbours are looked at.
        policies: What the new audit judges by.
        inventory: The source of the new audit's inventory.
        started: When the new audit was begun, which may be long ago if it is resumed; what
            finished later is not before it.
    """
    warnings: list[str] = []
    begun, today = _begun(started), now()
    found = []
    for each in _neighbours(folder, policies, warnings):
        if each.run.inventory.name != inventory:
            continue
        if why := _not_before(each.run, today):
            warnings.append(f"an earlier audit was skipped: {each.folder}: {why}")
        elif not _not_before(each.run, begun):
            found.append(each)
    found.sort(key=lambda each: each.run.finished)
    while found:
        last = found.pop()
        try:
            return PreviousAudit(read_result(last.folder), last.folder, tuple(warnings))
        except ContentError as error:
            warnings.append(_passed_over(error))
    return PreviousAudit(warnings=tuple(warnings))


def _begun(started: datetime | None) -> datetime:
    """Return when an audit was started, or the current time if that is not known."""
    return min(started or now(), now())


def _not_before(run: Run, time: datetime) -> str:
    """Return why an audit did not finish before a time; empty if it did."""
    if run.finished > time:
        return f"it finished at {iso(run.finished)}, which is after {iso(time)}"
    return ""


def _passed_over(error: ContentError) -> str:
    return f"an earlier audit was skipped: {error.problems[0]}"


def _neighbours(
    folder: Path, policies: Iterable[Digest], warnings: list[str]
) -> Iterator[_FoundAudit]:
    """Yield complete folders beside one, by the same policies, except reevaluated ones."""
    wanted, own = {each.sha256 for each in policies}, folder.resolve()
    for beside in sorted(_folders(own.parent)):
        if beside == own or not all((beside / name).is_file() for name in (MANIFEST, REQUEST)):
            continue
        try:
            run = read_manifest(beside).run
        except ContentError as error:
            warnings.append(_passed_over(error))
            continue
        if {each.sha256 for each in run.policies} == wanted and not run.evaluated:
            yield _FoundAudit(beside, run)


def _folders(parent: Path) -> list[Path]:
    try:
        return [each for each in parent.iterdir() if each.is_dir()]
    except OSError:
        return []


def changes_since(old: AuditResult, new: AuditResult, folder: Path) -> Changes:
    """Return what changed since the audit in a folder, and since when things have been failing.

    ``folder`` is that of the old audit. Earlier audits beside it with the same policies show since
    when a rule has been failing.
    """
    before = [
        each
        for each in _neighbours(folder, old.run.policies, [])
        if each.run.finished < old.run.finished
        and each.run.inventory.name == old.run.inventory.name
    ]
    before.sort(key=lambda each: each.run.finished, reverse=True)
    return changes(old, new, folder=str(folder), past=_trend(old, before), earlier=_results(before))


def _results(found: Iterable[_FoundAudit]) -> Iterator[AuditResult]:
    for each in found:
        try:
            yield read_result(each.folder)
        except ContentError:
            return  # an unreadable audit interrupts the history of a failure


def _trend(old: AuditResult, before: list[_FoundAudit]) -> list[EarlierAudit]:
    """Return the totals of earlier audits in order of time."""
    if old.changes is not None and old.changes.past:
        return list(old.changes.past[-_TREND:])
    told = []
    for each in before[:_TREND]:
        try:
            told.append(read_past(each.folder))
        except ContentError:
            break
    return told[::-1]
