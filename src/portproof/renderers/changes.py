"""Changes between audits as Markdown and as JSON."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import msgspec

from portproof.model.changes import Change, ChangeKind, Changes
from portproof.renderers.safe import code_span

FORMAT: Final = "portproof-changes/1"

TITLES: Final = {
    ChangeKind.NEWLY_FAILING: "newly failing",
    ChangeKind.DARK: "went dark",
    ChangeKind.STILL_FAILING: "still failing",
    ChangeKind.FIXED: "fixed",
    ChangeKind.PROVEN: "proven again",
    ChangeKind.SCOPE: "in another scope",
    ChangeKind.NEW_HOST: "new in the inventory",
    ChangeKind.VANISHED_HOST: "gone from the inventory",
    ChangeKind.PROCESS: "with another process",
    ChangeKind.WAIVER: "in the waivers",
    ChangeKind.POLICY: "in the policies",
}
"""What a reader calls each kind of change."""

SHOWN: Final = 50
"""Changes of a kind that are written before the rest is counted; JSON has them all."""
_LONGEST: Final = 300


def counted(changes: Changes) -> str:
    """How many changes there are of each kind, in words."""
    counts = ((TITLES[kind], count) for kind, count in changes.counts().items() if count)
    return ", ".join(f"{count} {title}" for title, count in counts) or "nothing changed"


def as_json(changes: Changes) -> str:
    """Everything, for machines, with how many there are of each kind."""
    document = {
        "format": FORMAT,
        "exit_code": int(changes.exit_code),
        "notes": changes.notes,
        "before": changes.before,
        "counts": {kind.value: count for kind, count in changes.counts().items()},
        "past": changes.past,
        "items": changes.items,
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def as_markdown(changes: Changes) -> Iterator[str]:
    """A page for people. What a host sent stands in code spans, where no markup works."""
    for note in changes.notes:
        yield f"**Note:** {_code(note)}\n\n"
    yield f"Since {_code(changes.before.finished)}: {counted(changes)}.\n"
    for kind, items in groupby(changes.items, key=lambda item: item.kind):
        yield from _section(TITLES[kind], list(items))


def _section(title: str, items: list[Change]) -> Iterator[str]:
    yield f"\n## {title[0].upper()}{title[1:]}: {len(items)}\n\n"
    for item in items[:SHOWN]:
        yield f"- {_told(item)}\n"
    if len(items) > SHOWN:
        yield f"- and {len(items) - SHOWN} more\n"


def _told(item: Change) -> str:
    about = " ".join(_code(part) for part in (item.host, item.rule) if part)
    severity = f"**{item.severity}** " if item.severity else ""
    since = f", since {_code(item.since)}" if item.kind is ChangeKind.STILL_FAILING else ""
    return f"{severity}{about}{since}{': ' if about else ''}{_code(item.what)}"


def _code(text: str) -> str:
    return code_span(text, _LONGEST)
