"""Changes between audits as Markdown and as JSON."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import msgspec

from portproof.report.words.changes import SHOWN, TITLES, counted
from portproof.result.changes import Change, ChangeKind, Changes
from portproof.text.safe import code_span
from portproof.text.times import iso

FORMAT: Final = "portproof-changes/1"

_LONGEST: Final = 300


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
    """Yield a page for people. What a host sent stands in code spans, where no markup works."""
    for note in changes.notes:
        yield f"**Note:** {_code(note)}\n\n"
    yield f"Since {_code(iso(changes.before.finished))}: {counted(changes)}.\n"
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
    since = f", since {_code(iso(item.since))}" if item.kind is ChangeKind.STILL_FAILING else ""
    return f"{severity}{about}{since}{': ' if about else ''}{_code(item.what)}"


def _code(text: str) -> str:
    return code_span(text, _LONGEST)
