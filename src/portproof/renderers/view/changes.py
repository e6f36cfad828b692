"""What changed since the last audit, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from portproof.model.changes import Change, ChangeKind, Changes
from portproof.renderers.changes import TITLES
from portproof.renderers.view.limits import CAUSES
from portproof.renderers.view.text import many, moment, number

SIGNS: Final = {
    ChangeKind.NEWLY_FAILING: "fail",
    ChangeKind.DARK: "unproven",
    ChangeKind.STILL_FAILING: "fail",
    ChangeKind.FIXED: "pass",
    ChangeKind.PROVEN: "pass",
    ChangeKind.WAIVER: "waived",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One change in a sentence, and since when, where that is known."""

    host: str
    rule: str
    severity: str
    what: str
    since: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Changes of one kind. ``sign`` is the verdict whose shape stands for them, or nothing."""

    kind: str
    title: str
    sign: str
    count: int
    text: str
    shown: tuple[Told, ...]
    left: str


@dataclass(frozen=True, slots=True)
class ChangesView:
    """What changed since an earlier audit: ``kinds`` leaves out those without any change.

    ``notes`` say what a reader must know before comparing.
    """

    when: str
    folder: str
    notes: tuple[str, ...]
    kinds: tuple[Kind, ...]


def changes_view(changes: Changes) -> ChangesView:
    """Group what changed by its kind."""
    items: dict[ChangeKind, list[Change]] = {kind: [] for kind in ChangeKind}
    for item in changes.items:
        items[item.kind].append(item)
    kinds = tuple(_kind(kind, found) for kind, found in items.items() if found)
    before = changes.before
    return ChangesView(moment(before.finished), before.folder, changes.notes, kinds)


def _kind(kind: ChangeKind, items: list[Change]) -> Kind:
    left = len(items) - CAUSES
    return Kind(
        kind=kind.value,
        title=TITLES[kind],
        sign=SIGNS.get(kind, ""),
        count=len(items),
        text=number(len(items)),
        shown=tuple(_told(items[:CAUSES])),
        left=f"and {many(left, 'change')} more of this kind" if left > 0 else "",
    )


def _told(items: Iterable[Change]) -> Iterable[Told]:
    for item in items:
        since = f"since {moment(item.since)}" if item.since else ""
        yield Told(item.host, item.rule, item.severity, item.what, since)
