"""``portproof lint``."""

import click

from portproof.cli.options import content_paths, load_content
from portproof.loading.lint import lint


@click.command()
@click.argument("policies", nargs=-1)
def command(policies: tuple[str, ...]) -> None:
    """Find everything that is wrong with policies and checks.

    POLICIES are names of shipped policies, files or folders; without any, the shipped ones without
    the baselines. Checks are taken from the folder "checks" beside each, besides the shipped ones.
    Every error is told at once, with its place. Exits with 2 if there is one, else with 0.
    """
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
