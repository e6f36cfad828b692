"""``portproof lint``."""

from collections.abc import Sequence
from pathlib import Path

import click

from portproof.app.content import content_paths, load_content
from portproof.archive.read import read_request
from portproof.cli.show import show
from portproof.content.lint import lint
from portproof.content.load import Content


@click.command()
@click.argument("policies", nargs=-1)
@click.option(
    "--audit",
    "folder",
    type=click.Path(path_type=Path),
    help="List the waivers to clean up, by what the audit of this folder found.",
)
def command(policies: tuple[str, ...], folder: Path | None) -> None:
    """Find everything that is wrong with policies and checks.

    POLICIES are names of shipped policies, files or folders; without any, the shipped ones without
    the baselines, or with --audit those of the audit. Checks are taken from the folder "checks"
    beside each, besides the shipped ones. Every error is told at once, with its place. Exits with 2
    if there is one, else with 0: a waiver to clean up is no error.
    """
    if folder is None:
        _lint(policies)
        return
    from portproof.cli.cleanup import clean_up, finished  # noqa: PLC0415 - reads audits, which lint alone does not

    result = finished(folder)
    content = _lint(policies or read_request(folder).policies)
    show(clean_up(content, folder, result))


def _lint(policies: Sequence[str]) -> Content:
    content = load_content(policies)
    lint(content)
    content.raise_problems()
    counts = {
        "policies": len(content.policies),
        "rules": len(content.rules()),
        "checks": len(content.checks),
    }
    click.echo(f"no error; {', '.join(f'{name}: {count}' for name, count in counts.items())}")
    click.echo(f"read: {', '.join(map(str, content_paths(policies)))}")
    return content
