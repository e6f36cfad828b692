"""Formats write a fleet piece by piece."""

import tracemalloc
from collections.abc import Iterator

from portproof.report.contract import format_names, load_format
from support.for_each import for_each
from support.report.formats import THEME, fleet

MOST_A_HOST = 200
"""Bytes that rendering may hold on to for one more host: a reference or two, and no text."""
STREAMED = [name for name in format_names() if name != "html"]
"""The report shows cases of many hosts together, and puts them together first."""


def peak(pieces: Iterator[str]) -> int:
    """The memory taken while pieces are written and forgotten, in bytes."""
    tracemalloc.start()
    for _ in pieces:
        pass
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return taken


@for_each("name", STREAMED)
def test_a_fleet_is_written_piece_by_piece(name: str) -> None:
    """Memory does not grow with the hosts."""
    few, many = fleet(240), fleet(1440)
    assert (few.totals.hosts, many.totals.hosts) == (240, 1440)
    for result in (few, many):
        assert result.failures()
    grown = peak(load_format(name).render(many, THEME)) - peak(load_format(name).render(few, THEME))
    assert grown < MOST_A_HOST * (1440 - 240)


@for_each("name", STREAMED)
def test_no_piece_holds_the_whole_fleet(name: str) -> None:
    """The largest piece of many hosts is that of a few."""
    few = max(map(len, load_format(name).render(fleet(60), THEME)))
    many = max(map(len, load_format(name).render(fleet(600), THEME)))
    assert many < max(2 * few, 4096)
