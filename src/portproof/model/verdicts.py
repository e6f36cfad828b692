"""Verdicts: the outcome of one rule on one host, and why."""

from enum import StrEnum
from typing import Final

import msgspec

from portproof.model.listeners import Listener
from portproof.model.observation import Reason, Row
from portproof.model.why import Classification, Why


class Verdict(StrEnum):
    """Exactly one of these holds for every rule on every host."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"
    UNPROVEN = "unproven"


LETTERS: Final = {
    Verdict.PASS: "p",
    Verdict.FAIL: "f",
    Verdict.WAIVED: "w",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.UNPROVEN: "u",
}
"""One letter for each verdict, used where audits store many of them."""


class Waived(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who accepts a finding, and for how long.

    ``until`` is the last day it holds (ISO 8601), ``days_left`` counts from the day of the audit
    and is negative once it has lapsed, ``name`` is where the waiver is written.
    """

    owner: str
    reason: str
    until: str
    days_left: int
    name: str
    ticket: str = ""

    @property
    def lapsed(self) -> bool:
        """Whether the last day is over."""
        return self.days_left < 0


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that breaks a rule: a listener, a row of a check, or something that is missing.

    ``port`` is what a finding without a listener is about, such as ``443/tcp``: a port that must be
    open and is not, or one that answers though nobody was seen there. It is empty for the others.
    ``why`` tells who is behind a listener, for each process that was asked about, and ``reading``
    what that looks like; None where the second round was not made.
    """

    message: str
    listener: Listener | None = None
    row: Row | None = None
    waived: Waived | None = None
    why: tuple[Why, ...] = ()
    reading: Classification | None = None
    port: str = ""


class Judgement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The verdict of one rule on one host.

    ``reason`` and ``detail`` are there when it is unproven, ``findings`` when it failed, and
    ``notes`` when there is something to know that changes no verdict.
    """

    verdict: Verdict
    reason: Reason | None = None
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def unproven(reason: Reason, detail: str) -> Judgement:
    """Make an unproven judgement."""
    return Judgement(Verdict.UNPROVEN, reason=reason, detail=detail)


def failed(*findings: Finding, notes: tuple[str, ...] = ()) -> Judgement:
    """Make the judgement that a rule is broken by these findings."""
    return Judgement(Verdict.FAIL, findings=findings, notes=notes)


PASSED = Judgement(Verdict.PASS)
