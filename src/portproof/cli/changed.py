"""What changed, as lines for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from portproof.cli.show import Line
from portproof.model.changes import Change, ChangeKind, Changes
from portproof.model.text import shortened, visible

TITLES: Final = {
    ChangeKind.NEWLY_FAILING: "newly failing",
    ChangeKind.DARK: "went dark",
    ChangeKind.STILL_FAILING: "still failing",
    ChangeKind.FIXED: "fixed",
    ChangeKind.PROVEN: "proven again",
    ChangeKind.SCOPE: "other scope",
    ChangeKind.NEW_HOST: "new hosts",
    ChangeKind.VANISHED_HOST: "vanished hosts",
    ChangeKind.PROCESS: "other process behind a port",
    ChangeKind.WAIVER: "waivers changed",
    ChangeKind.POLICY: "policies changed",
}
STYLES: Final = {
    ChangeKind.NEWLY_FAILING: "bold red",
    ChangeKind.DARK: "yellow",
    ChangeKind.STILL_FAILING: "red",
    ChangeKind.FIXED: "green",
    ChangeKind.PROVEN: "green",
    ChangeKind.PROCESS: "magenta",
}
_SHOWN: Final = 20
"""Changes of a kind shown before the rest is counted."""
_LONGEST: Final = 300


def changed(items: Iterable[Change], titles: Mapping[ChangeKind, str] = TITLES) -> Iterator[Line]:
    """The changes of each kind that has a title, under it."""
    for kind, found in groupby(items, key=lambda item: item.kind):
        if kind in titles:
            yield from _kind(titles[kind], STYLES.get(kind, ""), list(found))


def _kind(title: str, style: str, items: list[Change]) -> Iterator[Line]:
    yield Line(f"{title}: {len(items)}", style)
    for item in items[:_SHOWN]:
        yield Line(f"  {shortened(visible(_sentence(item)), _LONGEST)}", style)
    if len(items) > _SHOWN:
        yield Line(f"  and {len(items) - _SHOWN} more; --format json has them all", style)


def _sentence(item: Change) -> str:
    about = " ".join(part for part in (item.severity, item.host, item.rule) if part)
    since = f" (since {item.since})" if item.kind is ChangeKind.STILL_FAILING else ""
    return f"{about}{since}: {item.what}" if about else item.what


def changed_line(changes: Changes) -> Line:
    """What changed, in one line."""
    counts = {kind: count for kind, count in changes.counts().items() if count}
    told = ", ".join(f"{count} {TITLES[kind]}" for kind, count in counts.items())
    first = next((STYLES[kind] for kind in counts if kind in STYLES), "")
    since = visible(f"since {changes.before.finished}")
    return Line(f"{since}: {told or 'nothing changed'}", first)
