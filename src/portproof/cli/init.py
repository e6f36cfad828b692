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
    """Make a new compliance repository.

    FOLDER is made if it is missing; without it, the current folder is used. Writes policies with
    their tests, a check, an inventory, waivers, workflows for GitHub and GitLab, a .gitignore and a
    README. If any of the files is there already, they are all named and nothing is written.
    """
    for path in new_repository(folder, baselines):
        click.echo(path)
    click.echo(f"next: read {folder / 'README.md'}, then portproof lint {folder / 'policies'}")
