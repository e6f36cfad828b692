"""Describe what changed since the last audit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from portproof.report.html.evidence import RuleCase
from portproof.report.html.roster import VerdictTable
from portproof.report.words.anchors import query
from portproof.report.words.changes import TITLES
from portproof.report.words.labels import told_apart
from portproof.report.words.limits import CAUSES
from portproof.result.changes import Change, ChangeKind, Changes
from portproof.text.times import iso, moment
from portproof.text.words import many, number

SIGNS: Final = {
    ChangeKind.NEWLY_FAILING: "fail",
    ChangeKind.NEWLY_UNPROVEN: "unproven",
    ChangeKind.STILL_FAILING: "fail",
    ChangeKind.FIXED: "pass",
    ChangeKind.PROVEN: "pass",
    ChangeKind.WAIVER: "waived",
}


Anchors = Mapping[tuple[str, str], str]
"""The anchor of a rule's failure on a host, by the rule's key and the host's shown name; the name
is empty for the rule itself."""


@dataclass(frozen=True, slots=True)
class LinkedName:
    """A host or a rule by name, and the anchor of its failure in the page, if there is one."""

    name: str
    anchor: str


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """One change in a sentence, the hosts it is about, and since when, if that is known.

    ``hosts`` are the first ones and ``more`` counts the others; ``rule`` has no name and ``hosts``
    is empty where the change is about neither. ``link`` asks the tables for it.
    """

    hosts: tuple[LinkedName, ...]
    more: str
    rule: LinkedName
    severity: str
    what: str
    since: str
    link: str


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """Changes of one kind. ``sign`` is the verdict whose shape represents them, or empty."""

    kind: str
    title: str
    sign: str
    count: int
    text: str
    shown: tuple[ChangeSummary, ...]
    left: str


@dataclass(frozen=True, slots=True)
class ChangesView:
    """The changes since an earlier audit; ``kinds`` leaves out those without any change.

    ``notes`` say what a reader must know before comparing.
    """

    when: str
    folder: str
    notes: tuple[str, ...]
    kinds: tuple[ChangeGroup, ...]


def shown_names(roster: VerdictTable, changes: Changes) -> dict[str, str]:
    """Return how each host that changed is shown; one that is gone has a unique name, too."""
    names = [host.name for host in roster.result.hosts]
    shown = dict(zip(names, roster.names, strict=True))
    gone = list(dict.fromkeys(item.host for item in changes.items if item.host not in shown))
    return shown | dict(zip(gone, told_apart([*names, *gone])[len(names) :], strict=True))


def changes_view(
    roster: VerdictTable, changes: Changes, failing: Iterable[RuleCase]
) -> ChangesView:
    """Group changes by kind, and within it those that are the same on many hosts.

    Args:
        roster: The hosts, with the names they are shown by.
        changes: What changed.
        failing: The failures that the page tells, for links to them.
    """
    items: dict[ChangeKind, list[Change]] = {kind: [] for kind in ChangeKind}
    for item in changes.items:
        items[item.kind].append(item)
    names, anchors = shown_names(roster, changes), dict(_anchors(failing))
    kinds = tuple(_kind(kind, found, names, anchors) for kind, found in items.items() if found)
    before = changes.before
    return ChangesView(moment(before.finished), before.folder, changes.notes, kinds)


def _anchors(failing: Iterable[RuleCase]) -> Iterator[tuple[tuple[str, str], str]]:
    for case in failing:
        yield (case.key, ""), case.anchor
        for host in case.hosts:
            yield (case.key, host.name), host.anchor


def _kind(
    kind: ChangeKind, items: list[Change], names: Mapping[str, str], anchors: Anchors
) -> ChangeGroup:
    alike: dict[tuple[str, ...], list[Change]] = {}
    for item in items:
        alike.setdefault((item.rule, item.what, item.severity or "", iso(item.since)), []).append(
            item
        )
    shown = list(islice(alike.values(), CAUSES))
    left = len(items) - sum(map(len, shown))
    return ChangeGroup(
        kind=kind.value,
        title=TITLES[kind],
        sign=SIGNS.get(kind, ""),
        count=len(items),
        text=number(len(items)),
        shown=tuple(_told(each, names, anchors) for each in shown),
        left=f"and {many(left, 'change')} more of this kind" if left > 0 else "",
    )


def _told(items: list[Change], names: Mapping[str, str], anchors: Anchors) -> ChangeSummary:
    """Describe changes that differ only in their host."""
    first = items[0]
    hosts = list(dict.fromkeys(names[item.host] for item in items if item.host))
    left = len(hosts) - CAUSES
    return ChangeSummary(
        hosts=tuple(
            LinkedName(each, anchors.get((first.rule, each), "")) for each in hosts[:CAUSES]
        ),
        more=f"and {many(left, 'host')} more" if left > 0 else "",
        rule=LinkedName(first.rule, anchors.get((first.rule, ""), "")),
        severity=first.severity or "",
        what=first.what,
        since=f"since {moment(first.since)}" if first.since else "",
        link=_link(first.rule, hosts),
    )


def _link(rule: str, hosts: list[str]) -> str:
    wanted = {"rule": rule} if rule else {}
    if len(hosts) == 1:
        wanted["host"] = hosts[0]
    return query(**wanted, view="changes") if wanted else ""
