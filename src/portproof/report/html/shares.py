"""Add up verdicts, and compute their shares of a bar."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from portproof.model.verdicts import Verdict
from portproof.report.words.wording import WORDS
from portproof.result.result import Totals
from portproof.text.words import number

_LEAST_WIDTH: Final = 0.75
"""The least share of the bar, in percent, for a verdict that was given at all, so that it is
visible."""


@dataclass(frozen=True, slots=True)
class Share:
    """One verdict's share of some verdicts. ``start`` and ``width`` are percent of the bar."""

    verdict: Verdict
    word: str
    count: int
    text: str
    percent: str
    start: str
    width: str


def shares(verdicts: Mapping[str, int] | Mapping[Verdict, int]) -> Iterator[Share]:
    """Return every verdict's share, including those never given."""
    counts = {verdict: verdicts.get(verdict, 0) for verdict in Verdict}
    whole = sum(counts.values())
    widths = {each: _width(count, whole) for each, count in counts.items()}
    scale = 100 / (sum(widths.values()) or 1)
    start = 0.0
    for verdict, count in counts.items():
        width = widths[verdict] * scale
        yield Share(
            verdict=verdict,
            word=WORDS[verdict],
            count=count,
            text=number(count),
            percent=percent(count, whole),
            start=f"{start:.3f}%",
            width=f"{width:.3f}%",
        )
        start += width


def in_words(parts: tuple[Share, ...]) -> str:
    """Return such as ``12 pass, 1 fail``: the verdicts that were given."""
    return ", ".join(f"{each.text} {each.word}" for each in parts if each.count)


def sum_note(totals: Totals) -> str:
    """State whether there is a verdict for every rule on every host."""
    roster = totals.hosts * totals.rules
    if sum(totals.verdicts.values()) == roster:
        return "none left out"
    return f"of {number(roster)}: the totals do not add up"


def _width(count: int, whole: int) -> float:
    return max(100 * count / whole, _LEAST_WIDTH) if count else 0.0


def percent(count: int, whole: int) -> str:
    """Return a percentage that is 0 or 100 only when that is exact."""
    if count in (0, whole):
        return "100%" if count else "0%"
    return f"{min(max(100 * count / whole, 0.1), 99.9):.1f}%"
