"""The whole roster: what passed or is not applicable, the matrix, and how hosts were looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from portproof.model.policy import BoundRule
from portproof.model.result import HostResult, Seen
from portproof.model.verdicts import Judgement, Verdict
from portproof.renderers.view.cases import Case, Cases, anchor_of
from portproof.renderers.view.causes import anchor_of_reason
from portproof.renderers.view.text import duration, many, moment
from portproof.renderers.view.wording import PLATFORMS, WORDS, title_of

FOLDED: Final = {Verdict.PASS: "passes", Verdict.NOT_APPLICABLE: "not applicable"}


@dataclass(frozen=True, slots=True)
class Names:
    """Hosts that came out alike, and what is to be known about that."""

    verdict: Verdict
    text: str
    note: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """A rule with the hosts it passes on and those it is not for."""

    key: str
    title: str
    severity: str
    counts: tuple[Names, ...]
    names: tuple[Names, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One verdict of the matrix, and where its evidence is."""

    verdict: Verdict
    word: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Column:
    """A rule as the head of a column."""

    policy: str
    rule: str
    title: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A host's verdicts, in the order of the columns."""

    host: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SeenRow:
    """How one host was looked at."""

    host: str
    dark: bool
    source: str
    platform: str
    privilege: str
    proof: str
    unseen: tuple[str, ...]
    tried: tuple[str, ...]
    taken: str
    took: str


def folded(rules: Iterable[BoundRule], cases: Cases) -> Iterator[Folded]:
    """Every rule that passed somewhere, or is not for some host, with these hosts."""
    for index, bound in enumerate(rules):
        found = {each: cases[index, each] for each in FOLDED if (index, each) in cases}
        if found:
            yield Folded(
                key=bound.key,
                title=title_of(bound),
                severity=bound.severity.value,
                counts=tuple(_names(each, "", found[each]) for each in found),
                names=tuple(part for each in found for part in _alike(each, found[each])),
            )


def _alike(verdict: Verdict, cases: Iterable[Case]) -> Iterator[Names]:
    notes: dict[str, list[Case]] = {}
    for case in cases:
        judgement = case.judgement
        note = "; ".join(part for part in (judgement.detail, *judgement.notes) if part)
        notes.setdefault(note, []).append(case)
    return (_names(verdict, note, alike) for note, alike in notes.items())


def _names(verdict: Verdict, note: str, cases: list[Case]) -> Names:
    hosts = tuple(case.host.name for case in cases)
    text = f"{FOLDED[verdict]} on {many(len(hosts), 'host')}"
    return Names(verdict, text, note, hosts)


def column(bound: BoundRule) -> Column:
    """A rule as the head of a column."""
    return Column(bound.policy.policy, bound.rule.id, title_of(bound))


def matrix_row(number: int, host: HostResult) -> MatrixRow:
    """A host's verdicts as a row of the matrix; ``number`` is its place in the roster."""
    cells = (_cell(number, index, each) for index, each in enumerate(host.judgements))
    return MatrixRow(host.name, tuple(cells))


def _cell(number: int, index: int, judgement: Judgement) -> Cell:
    verdict, anchor = judgement.verdict, ""
    if verdict in (Verdict.FAIL, Verdict.WAIVED):
        anchor = anchor_of(verdict, index, number)
    elif verdict is Verdict.UNPROVEN:
        anchor = anchor_of_reason(judgement)
    return Cell(verdict, WORDS[verdict], anchor)


def seen_row(host: str, seen: Seen) -> SeenRow:
    """How a host was looked at, in words."""
    return SeenRow(
        host=host,
        dark=not seen.source,
        source=f"{seen.source} {seen.version}".strip(),
        platform=PLATFORMS.get(seen.platform, seen.platform),
        privilege=seen.privilege,
        proof=seen.proof,
        unseen=tuple(f"Not seen: {text}" for text in seen.unseen),
        tried=seen.tried,
        taken=moment(seen.taken),
        took=duration(seen.seconds),
    )
