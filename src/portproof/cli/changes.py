"""Show what changed, as lines for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from portproof.cli.show import Line
from portproof.report.words.changes import SHOWN, TITLES, counted
from portproof.result.changes import Change, ChangeKind, Changes
from portproof.text.times import iso
from portproof.text.visible import shortened, visible

_STYLES: Final = {
    ChangeKind.NEWLY_FAILING: "bold red",
    ChangeKind.NEWLY_UNPROVEN: "yellow",
    ChangeKind.STILL_FAILING: "red",
    ChangeKind.FIXED: "green",
    ChangeKind.PROVEN: "green",
    ChangeKind.PROCESS: "magenta",
}
_LONGEST: Final = 300


def changed(items: Iterable[Change], titles: Mapping[ChangeKind, str] = TITLES) -> Iterator[Line]:
    """Yield the changes of each kind that has a title, each group below its title."""
    for kind, found in groupby(items, key=lambda item: item.kind):
        if kind in titles:
            yield from _kind(titles[kind], _STYLES.get(kind, ""), list(found))


def _kind(title: str, style: str, items: list[Change]) -> Iterator[Line]:
    yield Line(f"{title}: {len(items)}", style)
    for item in items[:SHOWN]:
        yield Line(f"  {shortened(visible(_sentence(item)), _LONGEST)}", style)
    if len(items) > SHOWN:
        yield Line(f"  and {len(items) - SHOWN} more", style)


def _sentence(item: Change) -> str:
    about = " ".join(part for part in (item.severity, item.host, item.rule) if part)
    since = f" (since {iso(item.since)})" if item.kind is ChangeKind.STILL_FAILING else ""
    return f"{about}{since}: {item.what}" if about else item.what


def changed_line(changes: Changes) -> Line:
    """Return the notes and what changed, in one line."""
    styles = (_STYLES.get(item.kind, "") for item in changes.items)
    text = "; ".join((*changes.notes, f"since {iso(changes.before.finished)}: {counted(changes)}"))
    return Line(visible(text), next(styles, ""))
