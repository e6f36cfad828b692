"""How much of a large fleet is written out in HTML; the tables hold everything in any case.

The limits keep the page fast to draw and easy to print. What is left out is always counted, in a
sentence that says where to find it.
"""

from collections.abc import Iterator
from typing import Final

EVIDENCE: Final = 240
"""Hosts whose evidence is written out, for all failing rules together."""
EVIDENCE_OF_A_RULE: Final = 25
NAMES: Final = 10_000
"""Names of further failing hosts, for all failing rules together."""
NAMES_OF_A_RULE: Final = 300
CAUSES: Final = 25
"""Causes of one reason, hosts of one cause, findings of one waiver, changes of one kind."""
BARS: Final = 100
"""Rules or groups that get a bar."""
AUDITS: Final = 30
"""Audits that the trend shows."""


def shared(wanted: list[int], most: int, most_each: int) -> Iterator[int]:
    """Share the page's space equally: return how many of each are shown, the first ones first."""
    each = max(1, min(most_each, most // max(1, len(wanted))))
    for count in wanted:
        given = min(count, each, most)
        most -= given
        yield given
