"""``matrix.csv``: every verdict, a row for each host and a column for each rule."""

from collections.abc import Iterator
from typing import Final

from portproof.report.contract import Theme
from portproof.report.formats.csv_cells import row
from portproof.result.result import AuditResult
from portproof.text.times import iso

FILE: Final = "matrix.csv"
COLUMNS: Final = ("host", "groups", "platform", "taken")


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the header and then a row for each host, the verdicts in the order of the rules."""
    yield row((*COLUMNS, *(bound.key for bound in result.rules)))
    for host in result.hosts:
        about = (host.name, " ".join(host.groups), host.seen.platform, iso(host.seen.taken))
        yield row((*about, *(judgement.verdict.value for judgement in host.judgements)))
