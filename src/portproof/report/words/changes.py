"""Name the kinds of changes between audits."""

from typing import Final

from portproof.result.changes import ChangeKind, Changes

TITLES: Final = {
    ChangeKind.NEWLY_FAILING: "newly failing",
    ChangeKind.NEWLY_UNPROVEN: "newly unproven",
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
"""The name of each kind of change."""

SHOWN: Final = 50
"""Changes of a kind that are listed; the rest is counted. JSON has them all."""


def counted(changes: Changes) -> str:
    """Return the number of changes of each kind, in words."""
    counts = ((TITLES[kind], count) for kind, count in changes.counts().items() if count)
    return ", ".join(f"{count} {title}" for title, count in counts) or "nothing changed"
