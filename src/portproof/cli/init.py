"""``portproof init``."""

from pathlib import Path

import click

from portproof.app.new_repository import new_repository


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    help="Copy a baseline into policies/, such as web-server; repeatable.",
)
def command(folder: Path, baselines: tuple[str, ...]) -> None:
    """Create a new compliance repository.

    FOLDER is created if it is missing; the default is the current folder. Writes policies with
    their tests, a check, an inventory, waivers, workflows for GitHub and GitLab, a .gitignore and a
    README. If some of the files exist already, they are listed and nothing is written.
    """
    for path in new_repository(folder, baselines):
        click.echo(path)
    click.echo(f"next: read {folder / 'README.md'}, then portproof lint {folder / 'policies'}")
