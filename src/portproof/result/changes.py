"""Changes between two audits of the same hosts and rules, and the totals of earlier audits."""

from collections import Counter
from enum import StrEnum

import msgspec

from portproof.exitcodes import ExitCode
from portproof.model.base import Severity
from portproof.model.observation import Time
from portproof.model.verdicts import Verdict


class ChangeKind(StrEnum):
    """The kinds of changes, in the order in which a reader needs them.

    ``newly-unproven`` is a verdict that was known and is unproven now, of a host or of one rule on
    it; ``proven`` one that was unproven and passes now; ``scope`` a rule that began or ceased to
    apply to a host.
    """

    NEWLY_FAILING = "newly-failing"
    NEWLY_UNPROVEN = "newly-unproven"
    STILL_FAILING = "still-failing"
    FIXED = "fixed"
    PROVEN = "proven"
    SCOPE = "scope"
    NEW_HOST = "new-host"
    VANISHED_HOST = "vanished-host"
    PROCESS = "process"
    WAIVER = "waiver"
    POLICY = "policy"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that changed, or that still fails.

    ``host`` and ``rule`` (its key) are empty where it is about neither; ``what`` says it in a
    sentence; ``since`` is when a failure was first seen, as far back as audits are known,
    ``severity`` that of the rule. ``was`` is the verdict before and ``now`` the one after,
    where it is about a verdict that changed; ``was`` is None where there was none.
    """

    kind: ChangeKind
    what: str
    host: str = ""
    rule: str = ""
    severity: Severity | None = None
    since: Time | None = None
    was: Verdict | None = None
    now: Verdict | None = None


class EarlierAudit(msgspec.Struct, frozen=True):
    """An earlier audit: when it finished, where it is, how many hosts it had and its verdicts."""

    finished: Time
    folder: str
    hosts: int
    verdicts: dict[str, int]


class Changes(msgspec.Struct, frozen=True):
    """What changed since an earlier audit.

    ``past`` are the audits of the same policies that are known, the earlier one last; ``items`` are
    in the order of their kinds. ``notes`` say what a reader must know first: that the audits are
    not of the same inventory or policies.
    """

    before: EarlierAudit
    items: tuple[Change, ...]
    past: tuple[EarlierAudit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """1 if something newly fails, 3 if something is newly unproven, else 0."""
        kinds = {item.kind for item in self.items}
        if ChangeKind.NEWLY_FAILING in kinds:
            return ExitCode.FAILED
        return ExitCode.INCOMPLETE if ChangeKind.NEWLY_UNPROVEN in kinds else ExitCode.PROVEN

    def counts(self) -> dict[ChangeKind, int]:
        """Count the changes of each kind, including kinds without any."""
        found = Counter(item.kind for item in self.items)
        return {kind: found[kind] for kind in ChangeKind}
