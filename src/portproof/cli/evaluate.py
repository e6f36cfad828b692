"""``portproof evaluate``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from portproof.app.audit_request import ReportStyle
from portproof.app.reevaluate import ReevaluateOutcome, ReevaluateRequest, reevaluate
from portproof.cli.changes import changed
from portproof.cli.show import Line, show
from portproof.cli.styling import refuse_style, styled
from portproof.cli.summary import summary
from portproof.exitcodes import ExitCode
from portproof.result.changes import ChangeKind

_TITLES: Final = {
    ChangeKind.NEWLY_FAILING: "would newly fail",
    ChangeKind.NEWLY_UNPROVEN: "would become unproven",
    ChangeKind.FIXED: "would newly pass",
    ChangeKind.PROVEN: "would be proven",
    ChangeKind.SCOPE: "would change in whether they apply",
    ChangeKind.WAIVER: "would be waived differently",
    ChangeKind.POLICY: "other rules",
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    required=True,
    help="The name of a shipped policy, a policy file, or a folder of policy files; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Also write the result into this folder; it must be new or empty.",
)
@styled
def command(
    style: ReportStyle, folder: Path, policies: tuple[str, ...], output: Path | None
) -> ExitCode:
    """Judge the evidence of an audit with other policies, without connecting to any host.

    Prints what would newly fail, newly pass or become unproven, compared with the folder's own
    verdicts. Waivers apply as of today. A rule is unproven if the audit did not run its check. The
    exit codes are those of an audit with the given policies.
    """
    if output is None:
        refuse_style("without -o, no report is written")
    request = ReevaluateRequest(folder=folder, policies=policies, output=output, style=style)
    outcome = reevaluate(request)
    show(_lines(outcome, output))
    return outcome.exit_code


def _lines(outcome: ReevaluateOutcome, output: Path | None) -> Iterator[Line]:
    found = list(changed(outcome.changes.items, _TITLES))
    yield from found or [Line("every verdict would be the same")]
    yield Line("")
    yield from summary(outcome.result, output)
