"""What a reader calls the kinds of changes between audits."""

from typing import Final

from portproof.result.changes import ChangeKind, Changes

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


def counted(changes: Changes) -> str:
    """How many changes there are of each kind, in words."""
    counts = ((TITLES[kind], count) for kind, count in changes.counts().items() if count)
    return ", ".join(f"{count} {title}" for title, count in counts) or "nothing changed"
