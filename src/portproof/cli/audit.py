"""``portproof audit``."""

from pathlib import Path

import click

from portproof.audit import WARN_DAYS, Job, prepare, run
from portproof.cli.options import load_content
from portproof.cli.show import show
from portproof.cli.summary import summary
from portproof.collectors.local import sources
from portproof.collectors.source import Source
from portproof.content import shipped
from portproof.exitcodes import ExitCode
from portproof.inventory.plain import read_names, this_machine
from portproof.model.hosts import Host
from portproof.model.observation import Look
from portproof.model.result import AuditResult
from portproof.renderers.contract import renderers
from portproof.store.folder import AuditFolder, Evidence, default_folder


@click.command()
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A policy file or a folder of them; repeatable. Default: the shipped policies.",
)
@click.option(
    "-i",
    "--inventory",
    type=click.Path(path_type=Path),
    help="A file with one host name a line. Default: this machine.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The audit's folder; new or empty. Default: audits/<UTC time>.",
)
@click.option(
    "--via",
    metavar="SOURCE",
    help="The one source to use: osqueryd, osqueryi or probe. Default: the first that works.",
)
@click.option(
    "--require-witness",
    is_flag=True,
    help="Leave unproven what is believed on an empty answer without a witness.",
)
@click.option(
    "--warn-days",
    type=click.IntRange(0, 3650),
    default=WARN_DAYS,
    show_default=True,
    help="Warn of waivers that end within so many days.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    policies: tuple[Path, ...],
    inventory: Path | None,
    output: Path | None,
    via: str | None,
    require_witness: bool,
    warn_days: int,
    quiet: bool,
) -> ExitCode:
    """Audit hosts against policies and write the report.

    Looks at each host, judges every rule, and writes a folder with report.html, audit.json,
    evidence.jsonl and manifest.json. A summary goes to the terminal.
    """
    hosts = read_names(inventory) if inventory else this_machine()
    content = load_content(policies)
    job = prepare(content, hosts, require_witness=require_witness, warn_days=warn_days)
    folder = output or default_folder()
    result = _audit(job, sources(via), folder)
    if not quiet:
        show(summary(result, folder))
    return result.exit_code


def _audit(job: Job, candidates: list[Source], path: Path) -> AuditResult:
    with AuditFolder(path) as folder:

        def record(host: Host, look: Look) -> None:
            folder.record(Evidence(host.name, host.groups, look))

        try:
            result = run(job, candidates, record)
        except KeyboardInterrupt:
            click.echo(f"portproof: the evidence so far is in {path}", err=True)
            raise
        templates = shipped("reports")
        folder.finish(
            result.run,
            {each.FILE: each.render(result, templates) for each in renderers()},
        )
    return result
