"""``portproof lint``."""

from pathlib import Path

import click

from portproof.cli.options import content_paths, load_content
from portproof.loading.lint import lint


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
def command(paths: tuple[Path, ...]) -> None:
    """Find everything that is wrong with policies and checks.

    PATHS are policy files or folders; without any, the shipped policies. Checks are taken from the
    folder "checks" beside each, besides the shipped ones. Every error is told at once, with its
    place. Exits with 2 if there is one, else with 0.
    """
    content = load_content(paths)
    lint(content)
    content.raise_problems()
    policies, checks = len(content.policies), len(content.checks)
    rules = len(content.rules())
    click.echo(f"no error; policies: {policies}, rules: {rules}, checks: {checks}")
    click.echo(f"read: {', '.join(map(str, content_paths(paths)))}")
