"""What changed between two audits of the same thing, and what earlier audits counted."""

from enum import StrEnum

import msgspec


class ChangeKind(StrEnum):
    """What can have changed, in the order a reader wants it."""

    NEWLY_FAILING = "newly-failing"
    DARK = "dark"
    STILL_FAILING = "still-failing"
    FIXED = "fixed"
    NEW_HOST = "new-host"
    VANISHED_HOST = "vanished-host"
    PROCESS = "process"
    WAIVER = "waiver"
    POLICY = "policy"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that changed, or that still fails.

    ``host`` and ``rule`` (its key) are empty where it is about neither; ``what`` says it in a
    sentence; ``since`` is when a failure was first seen, as far back as audits are known (ISO 8601,
    UTC), ``severity`` that of the rule.
    """

    kind: ChangeKind
    what: str
    host: str = ""
    rule: str = ""
    severity: str = ""
    since: str = ""


class Past(msgspec.Struct, frozen=True):
    """An earlier audit: when it finished, where it is, how many hosts it had and its verdicts."""

    finished: str
    folder: str
    hosts: int
    verdicts: dict[str, int]


class Changes(msgspec.Struct, frozen=True):
    """What changed since an earlier audit.

    ``past`` are the audits of the same policies that are known, the earlier one last; ``items`` are
    in the order of their kinds.
    """

    before: Past
    items: tuple[Change, ...]
    past: tuple[Past, ...] = ()

    def counts(self) -> dict[ChangeKind, int]:
        """How many changes there are of each kind, those without any too."""
        kinds = [item.kind for item in self.items]
        return {kind: kinds.count(kind) for kind in ChangeKind}
