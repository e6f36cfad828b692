"""List findings for other programs, each once, with an identity that is stable between audits."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from portproof.model.verdicts import Finding, Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.report.words.phrases import because, waived
from portproof.result.result import AuditResult, HostResult
from portproof.text.safe import NAME, clean
from portproof.text.words import many

TOLD: Final = 5
"""Findings of one judgement in one message; the others are counted."""


@dataclass(frozen=True, slots=True)
class FindingItem:
    """One finding of a rule on a host, or the judgement itself if it has no finding.

    ``number`` counts from 1 to ``of`` within the judgement. ``identity`` is the same in every audit
    that finds the same thing.
    """

    bound: BoundRule
    host: HostResult
    judgement: Judgement
    finding: Finding | None
    identity: str
    number: int = 1
    of: int = 1


HostsByRule = Iterable[tuple[BoundRule, list[tuple[HostResult, Judgement]]]]


def told(result: AuditResult) -> Iterator[tuple[Verdict, HostsByRule]]:
    """Yield an audit's failures, then what is unproven, then what is waived.

    Within each the most severe rules come first.
    """
    sources: tuple[tuple[Verdict, Callable[[], HostsByRule]], ...] = (
        (Verdict.FAIL, result.failures),
        (Verdict.UNPROVEN, result.unproven),
        (Verdict.WAIVED, result.waived),
    )
    return ((verdict, cases()) for verdict, cases in sources)


def judgements(result: AuditResult) -> Iterator[FindingItem]:
    """Yield one item for each rule on each host that failed, is unproven or is waived."""
    for _, cases in told(result):
        for bound, hosts in cases:
            for host, judgement in hosts:
                yield FindingItem(bound, host, judgement, None, fingerprint(bound.key, host.name))


def findings(result: AuditResult) -> Iterator[FindingItem]:
    """Yield one item for each finding; a judgement without findings is one item."""
    for item in judgements(result):
        found = item.judgement.findings
        seen: Counter[tuple[str, ...]] = Counter()
        for number, finding in enumerate(found, 1):
            marks = _marks(finding)
            seen[marks] += 1
            identity = fingerprint(item.bound.key, item.host.name, *marks, str(seen[marks]))
            yield FindingItem(
                item.bound, item.host, item.judgement, finding, identity, number, len(found)
            )
        if not found:
            yield item


def _marks(finding: Finding) -> tuple[str, ...]:
    """Return what identifies a finding: where it listens, else its row, else its message."""
    at = finding.listener
    if at is not None:
        return (at.protocol.value, at.address, str(at.port), at.place.value)
    if finding.row is not None:
        return tuple(text for pair in sorted(finding.row.items()) for text in pair)
    return (finding.message,)


def counts_by_rule(result: AuditResult) -> list[Counter[Verdict]]:
    """Return the number of each verdict for each rule, in the order of the audit's rules."""
    counts = [Counter[Verdict]() for _ in result.rules]
    for host in result.hosts:
        for index, judgement in enumerate(host.judgements):
            counts[index][judgement.verdict] += 1
    return counts


def fingerprint(*parts: str) -> str:
    """Return the SHA-256 of the parts in hexadecimal; different lists never give the same input."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def message(item: FindingItem) -> str:
    """Describe the state of the host in a line, without the verdict."""
    judgement = item.judgement
    if judgement.verdict is Verdict.UNPROVEN:
        return because(judgement)
    return _found(item)


def statement(item: FindingItem) -> str:
    """Return the same after the host's name, and after the verdict if that is not a failure."""
    verdict = item.judgement.verdict
    named = "" if verdict is Verdict.FAIL else f"{verdict}: "
    return f"{clean(item.host.name, NAME)}: {named}{message(item)}"


def _found(item: FindingItem) -> str:
    found = (item.finding,) if item.finding else item.judgement.findings
    texts = [_words(finding) for finding in found[:TOLD]] or [clean(item.judgement.detail)]
    left = len(found) - TOLD
    return "; ".join(texts) + (f"; and {many(left, 'more finding')}" if left > 0 else "")


def _words(finding: Finding) -> str:
    text = clean(finding.message)
    return f"{text} ({waived(finding.waived)})" if finding.waived else text


def place(bound: BoundRule) -> tuple[str, int]:
    """Return where a rule is written, as a path and a line from 1.

    Of an absolute path only the last folder and the name are kept, so that a finding has the same
    place when the next audit runs on another machine. A rule made in Python has no file; it gets a
    path named after its policy, because the formats for code require one.
    """
    path = PurePath(bound.file) if bound.file else PurePath("portproof", bound.policy.policy)
    parts = path.parts[-2:] if path.is_absolute() else path.parts
    return PurePath(*parts).as_posix().lstrip("/"), max(bound.line, 1)
