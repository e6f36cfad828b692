"""Describe rules, verdicts and findings in safe text that is the same in all formats."""

from collections.abc import Iterator
from typing import Final

from portproof.model.base import ByPlatform
from portproof.model.listeners import Owner
from portproof.model.observation import Platform, Reason
from portproof.model.verdicts import Finding, Judgement, Verdict, Waived
from portproof.policy.policy import BoundRule
from portproof.report.words.wording import NOTHING_JUDGED, PLATFORMS, sentence, title_of
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import clean, multiline

WORTH_A_LINE: Final = (Verdict.FAIL, Verdict.UNPROVEN, Verdict.WAIVED)
"""The verdicts that a reader must know of, the worst first."""


def title(bound: BoundRule) -> str:
    """Return a rule's title in one line."""
    return clean(title_of(bound))


def lines(judgement: Judgement) -> Iterator[str]:
    """Return why a verdict was given: reason, findings, waivers and notes; nothing for a pass."""
    if judgement.reason is not None:
        yield because(judgement)
    elif judgement.detail:
        yield clean(judgement.detail)
    yield from map(finding, judgement.findings)
    yield from (clean(f"note: {note}") for note in judgement.notes)


def first_line(judgement: Judgement) -> str:
    """Return the first of the lines, or the verdict if there is none."""
    return next(lines(judgement), judgement.verdict.value)


def because(judgement: Judgement) -> str:
    """Return why something is unproven, in a line."""
    return clean(f"{reason(judgement)}: {judgement.detail}")


def reason(judgement: Judgement) -> Reason:
    """Return why something is unproven."""
    return judgement.reason or Reason.PARTIAL


def finding(found: Finding) -> str:
    """Describe a finding: what, whose, and who accepts it."""
    owners = found.listener.owners if found.listener else ()
    told = [holder(owner) for owner in owners if owner.pid is not None]
    answering = [waived(found.waived)] if found.waived else []
    return clean("; ".join([found.message, *told, *answering]))


def holder(owner: Owner) -> str:
    """Return the process behind a listener, and its user."""
    who = owner.user or (f"user id {owner.uid}" if owner.uid is not None else "an unknown user")
    return f"pid {owner.pid} of {who}" + (f", {owner.path}" if owner.path else "")


def waived(by: Waived) -> str:
    """Return who accepts a finding and until when, or that the waiver has lapsed."""
    ticket = f" ({by.ticket})" if by.ticket else ""
    if by.lapsed:
        return clean(f"the waiver of {by.owner}{ticket} lapsed on {by.until}")
    return clean(f"waived by {by.owner}{ticket} until {by.until}: {by.reason}")


def fixes(bound: BoundRule, platform: str = "") -> Iterator[tuple[str, str]]:
    """Return what to do, by platform (no name: any); for all platforms if it is not known."""
    fix = bound.rule.fix
    if isinstance(fix, ByPlatform):
        known = {each.value: getattr(fix, each.value) for each in Platform}
        wanted = [platform] if platform in known else list(known)
        yield from ((PLATFORMS[each], known[each]) for each in wanted if known[each])
    elif fix is not None:
        yield "", fix


def fix(bound: BoundRule, platform: str = "") -> str:
    """Return what to do, as plain text; empty if the rule says nothing."""
    told = ((f"{name}:\n" if name else "", text) for name, text in fixes(bound, platform))
    return "\n\n".join(f"{head}{multiline(text)}" for head, text in told)


def fix_in_line(bound: BoundRule, platform: str) -> str:
    """Return what to do on a platform, in one line; empty if the policy says nothing."""
    known = platform in set(Platform)
    texts = [text for _, text in fixes(bound, platform)] if known else []
    return clean(" ".join(" ".join(texts).split()))


def not_whole(result: AuditResult) -> str:
    """Return why no file may look green, whatever its verdicts are; empty if there is no reason.

    Readers of test results take a file in which every verdict is "skipped" for a success.
    """
    if not result.totals.judged:
        return NOTHING_JUDGED
    return "The audit was interrupted" if result.run.interrupted else ""


def alarm(result: AuditResult) -> str:
    """Return why an audit without failures is still not a success; empty if it is one."""
    totals = result.totals
    whole = sum(totals.verdicts.values()) == totals.hosts * totals.rules
    if totals.judged and whole and not result.run.interrupted:
        return ""
    text = clean(sentence(result))
    return text if whole else f"{text}; the totals do not add up"


def pairs(result: AuditResult) -> Iterator[tuple[HostResult, BoundRule, Judgement]]:
    """Yield every verdict with its host and rule, host by host."""
    for host in result.hosts:
        for bound, judgement in zip(result.rules, host.judgements, strict=True):
            yield host, bound, judgement
