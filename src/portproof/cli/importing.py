"""``portproof import``."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.errors import ContentError, Problem
from portproof.exitcodes import ExitCode
from portproof.importers.drafting import Draft, draft
from portproof.importers.fleet import read_fleet
from portproof.importers.items import ImportedItems
from portproof.importers.pack import read_pack
from portproof.importers.rendering import files
from portproof.importers.writing import write
from portproof.text.visible import visible
from portproof.text.words import many

_FILE = click.argument("file", type=click.Path(path_type=Path))
_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current one",
    help="The folder whose folders policies and checks are written to.",
)


@click.group()
def command() -> None:
    """Turn what Fleet or osquery asks into policies and checks.

    Writes new files only: if one exists, nothing is written. What has no place in portproof is told
    on standard error, each with its place. Exits with 0 if something was imported, else with 2.
    """


@command.command()
@_FILE
@_OUTPUT
def fleet(file: Path, output: Path) -> ExitCode:
    """Import Fleet's policies and queries from YAML.

    FILE holds documents with a kind, or lists of policies and queries as in a GitOps repository;
    the files it includes are read too. A policy becomes a rule and its check, a query a check.
    """
    return _import(file, output, read_fleet)


@command.command()
@_FILE
@_OUTPUT
def pack(file: Path, output: Path) -> ExitCode:
    """Import the queries of an osquery pack as checks.

    FILE is a pack, or a configuration with packs or a schedule in it. A query becomes a check; the
    rules that say which answer is right are yours to write.
    """
    return _import(file, output, read_pack)


def _import(file: Path, output: Path, read: Callable[[Path], ImportedItems]) -> ExitCode:
    try:
        found = read(file)
    except ContentError as error:
        return _failed(error.problems, f"{many(len(error.problems), 'error')}")
    shipped_checks = load([], [shipped("checks")]).check_by_id()
    made = draft(found, shipped_checks.keys())
    left_out = f"{many(len(made.told), 'part')} of {visible(str(file))} not taken over"
    if not made.checks:
        return _failed(made.told, f"nothing could be imported; {left_out}")
    written = files(made, visible(file.name), file.stem)
    write(output, written)
    click.echo(_summary(made))
    click.echo("".join(f"wrote {visible(str(output / path))}\n" for path in written), nl=False)
    _tell(made.told)
    click.echo(f"portproof: {left_out}", err=True)
    return ExitCode.PROVEN


def _failed(problems: Iterable[Problem], why: str) -> ExitCode:
    _tell(problems)
    click.echo(f"portproof: {why}; nothing was written", err=True)
    return ExitCode.ERROR


def _tell(problems: Iterable[Problem]) -> None:
    for problem in problems:
        click.echo(visible(str(problem)), err=True)


def _summary(made: Draft) -> str:
    text = f"imported {many(len(made.rules), 'rule')} and {many(len(made.checks), 'check')}"
    if made.doubtful:
        text += f"; {made.doubtful} of the rules pass by what is not there, and want a witness"
    return text
