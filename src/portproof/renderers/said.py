"""What the formats for machines say of a verdict: plain lines, every character of which is safe."""

import re
from collections.abc import Iterator
from typing import Final

from portproof.model.base import for_platform
from portproof.model.listeners import Owner
from portproof.model.observation import Platform
from portproof.model.policy import BoundRule
from portproof.model.result import AuditResult, HostResult
from portproof.model.text import shortened, visible
from portproof.model.verdicts import Finding, Judgement, Verdict, Waived

LONGEST: Final = 1000
"""Characters of a host's text in one line; the whole is in audit.json."""

_FORBIDDEN: Final = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
"""Noncharacters that XML 1.0 (section 2.2) or Unicode (section 23.7) does not want in a text."""


def plain(text: str) -> str:
    """A text in one line and of bounded length, without a character that a format forbids."""
    seen = shortened(visible(text[: LONGEST * 2]), LONGEST)
    return _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", seen)


def title(bound: BoundRule) -> str:
    """What a rule says, in one line."""
    return plain(bound.rule.title or bound.rule.summary())


def lines(judgement: Judgement) -> Iterator[str]:
    """Why a verdict came out so: reason, findings and waivers, notes; none for a plain pass."""
    if judgement.reason is not None:
        yield plain(f"{judgement.reason}: {judgement.detail}")
    elif judgement.detail:
        yield plain(judgement.detail)
    yield from map(finding, judgement.findings)
    yield from (plain(f"note: {note}") for note in judgement.notes)


def first_line(judgement: Judgement) -> str:
    """The first of the lines, or the verdict where there is none."""
    return next(lines(judgement), judgement.verdict.value)


def finding(found: Finding) -> str:
    """One thing that breaks a rule: what, whose, and who answers for it."""
    owners = found.listener.owners if found.listener else ()
    told = [_owner(owner) for owner in owners if owner.pid is not None]
    waived = [_waived(found.waived)] if found.waived else []
    return plain("; ".join([found.message, *told, *waived]))


def _owner(owner: Owner) -> str:
    who = owner.user or (f"user id {owner.uid}" if owner.uid is not None else "an unknown user")
    return f"pid {owner.pid} of {who}" + (f", {owner.path}" if owner.path else "")


def _waived(waived: Waived) -> str:
    ticket = f" ({waived.ticket})" if waived.ticket else ""
    if waived.lapsed:
        return f"the waiver of {waived.owner}{ticket} lapsed on {waived.until}"
    return f"waived by {waived.owner}{ticket} until {waived.until}: {waived.reason}"


def fix(bound: BoundRule, platform: str) -> str:
    """How to put a failing rule right on a platform; empty where the policy does not say."""
    known = platform in set(Platform)
    text = for_platform(bound.rule.fix, Platform(platform)) if known else None
    return plain(" ".join(text.split())) if text else ""


def not_whole(result: AuditResult) -> str:
    """Why no file may look green whatever its verdicts are; empty where nothing is amiss.

    Where each verdict is "skipped", readers of test results see a success.
    """
    if not result.totals.judged:
        return "Nothing was judged: there is no host that a rule applies to"
    return "The audit was interrupted" if result.run.interrupted else ""


def pairs(result: AuditResult) -> Iterator[tuple[HostResult, BoundRule, Judgement]]:
    """Every verdict with its host and rule, host by host."""
    for host in result.hosts:
        for bound, judgement in zip(result.rules, host.judgements, strict=True):
            yield host, bound, judgement


WORTH_A_LINE: Final = (Verdict.FAIL, Verdict.UNPROVEN, Verdict.WAIVED)
"""The verdicts that a reader must know of, the worst first."""
