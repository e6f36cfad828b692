"""``portproof evaluate``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import msgspec

from portproof.app.content import load_content
from portproof.app.reevaluate import evaluate, job_by
from portproof.archive.folder import AuditFolder
from portproof.archive.read import read_request
from portproof.archive.results import read_result
from portproof.cli.changed import changed
from portproof.cli.show import Line, show
from portproof.cli.summary import summary
from portproof.cli.theming import Themed, refuse_looks, themed
from portproof.diff.changes import changes
from portproof.exitcodes import ExitCode
from portproof.report.contract import load_formats, written
from portproof.result.changes import ChangeKind
from portproof.result.result import AuditResult

_TITLES: Final = {
    ChangeKind.NEWLY_FAILING: "would newly fail",
    ChangeKind.DARK: "would become unproven",
    ChangeKind.FIXED: "would newly pass",
    ChangeKind.PROVEN: "would be proven",
    ChangeKind.SCOPE: "would apply otherwise",
    ChangeKind.WAIVER: "would be waived otherwise",
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
    help="A shipped policy by its name, a policy file, or a folder of them; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Also write the result as an audit's folder; new or empty.",
)
@themed
def command(
    theme: Themed, folder: Path, policies: tuple[str, ...], output: Path | None
) -> ExitCode:
    """Judge the evidence of an audit by other policies, without touching a host.

    Prints what would newly fail, newly pass or become unproven, compared with the folder's own
    verdicts. Waivers hold as they hold today. A rule whose check was not asked then is unproven.
    Exit codes are those of an audit, by the policies given.
    """
    if output is None:
        refuse_looks("without -o no report is written")
    old = read_result(folder)
    job = job_by(folder, old, load_content(policies))
    if output is None:
        new = evaluate(folder, old, job)
    else:
        look = theme()
        asked = read_request(folder)
        request = msgspec.structs.replace(
            asked, policies=policies, digests=(), sign=None, started=""
        )
        with AuditFolder(output, request) as made:
            new = evaluate(folder, old, job, record=made.record)
            made.finish(new.run, written(load_formats(()), new, look))
    show(_lines(old, new, output))
    return new.exit_code


def _lines(old: AuditResult, new: AuditResult, output: Path | None) -> Iterator[Line]:
    found = list(changed(changes(old, new).items, _TITLES))
    yield from found or [Line("every verdict would be the same")]
    yield Line("")
    yield from summary(new, output)
