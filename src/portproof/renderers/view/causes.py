"""What is unproven, by reason: what that means, what to do, and which hosts and rules it leaves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from portproof.model.observation import Reason
from portproof.model.policy import BoundRule
from portproof.model.result import HostResult
from portproof.model.verdicts import Judgement, Verdict
from portproof.renderers.view.text import Passage, many, prose
from portproof.renderers.view.wording import MEANINGS


@dataclass(frozen=True, slots=True)
class Gap:
    """Hosts on which rules are unproven for one and the same cause."""

    hosts: tuple[str, ...]
    detail: str
    rules: tuple[str, ...]
    scope: str


@dataclass(frozen=True, slots=True)
class ReasonCase:
    """A reason, what it means, what to do, and what stays unproven because of it."""

    anchor: str
    reason: str
    title: str
    advice: tuple[Passage, ...]
    count: str
    gaps: tuple[Gap, ...]


def reasons(rules: tuple[BoundRule, ...], hosts: Iterable[HostResult]) -> Iterator[ReasonCase]:
    """Group what is unproven: hosts with the same reason, detail and rules stand together."""
    causes: dict[Reason, dict[tuple[str, tuple[int, ...]], list[str]]] = {}
    for host in hosts:
        for (reason, detail), indexes in _host_causes(host).items():
            alike = causes.setdefault(reason, {})
            alike.setdefault((detail, tuple(indexes)), []).append(host.name)
    for reason in sorted(causes, key=list(Reason).index):
        gaps = tuple(
            _gap(rules, names, detail, indexes)
            for (detail, indexes), names in causes[reason].items()
        )
        yield _reason_case(reason, gaps)


def _host_causes(host: HostResult) -> dict[tuple[Reason, str], list[int]]:
    causes: dict[tuple[Reason, str], list[int]] = {}
    for index, judgement in enumerate(host.judgements):
        if judgement.verdict is Verdict.UNPROVEN:
            causes.setdefault((_reason(judgement), judgement.detail), []).append(index)
    return causes


def _gap(
    rules: tuple[BoundRule, ...], hosts: list[str], detail: str, indexes: tuple[int, ...]
) -> Gap:
    every = len(indexes) == len(rules)
    scope = f"all {many(len(rules), 'rule')}" if every else many(len(indexes), "rule")
    return Gap(tuple(hosts), detail, tuple(rules[index].key for index in indexes), scope)


def _reason_case(reason: Reason, gaps: tuple[Gap, ...]) -> ReasonCase:
    hosts = {name for gap in gaps for name in gap.hosts}
    verdicts = sum(len(gap.hosts) * len(gap.rules) for gap in gaps)
    meaning = MEANINGS[reason]
    return ReasonCase(
        anchor=_anchor(reason),
        reason=reason.value,
        title=meaning.title,
        advice=prose(meaning.advice),
        count=f"{many(verdicts, 'verdict')} on {many(len(hosts), 'host')}",
        gaps=gaps,
    )


def anchor_of_reason(judgement: Judgement) -> str:
    """Where in the page an unproven judgement's reason is."""
    return _anchor(_reason(judgement))


def _reason(judgement: Judgement) -> Reason:
    return judgement.reason or Reason.PARTIAL


def _anchor(reason: Reason) -> str:
    return f"unproven-{reason.value}"
