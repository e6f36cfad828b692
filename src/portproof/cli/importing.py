"""``portproof import``."""

from collections.abc import Iterable
from pathlib import Path

import click

from portproof.app.import_queries import ImportFrom, ImportOutcome, import_queries
from portproof.errors import ContentError, Problem
from portproof.exitcodes import ExitCode
from portproof.text.visible import visible
from portproof.text.words import many

_FILE = click.argument("file", type=click.Path(path_type=Path))
_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="the current one",
    help="The folder to write policies/ and checks/ into.",
)


@click.group()
def command() -> None:
    """Import Fleet policies and osquery packs as policies and checks.

    If a file to be written exists already, nothing is written. Parts that portproof cannot express
    are listed on standard error. Exits with 0 if something was imported, else with 2.
    """


@command.command()
@_FILE
@_OUTPUT
def fleet(file: Path, output: Path) -> ExitCode:
    """Import Fleet's policies and queries from YAML.

    FILE contains YAML documents with a "kind", or lists of policies and queries as in a GitOps
    repository; files that it includes are read too. Each policy becomes a rule and a check, each
    query a check.
    """
    return _import(file, output, ImportFrom.FLEET)


@command.command()
@_FILE
@_OUTPUT
def pack(file: Path, output: Path) -> ExitCode:
    """Import the queries of an osquery pack as checks.

    FILE is a pack, or an osquery configuration that contains packs or a schedule. Each query
    becomes a check; the rules that say what it must return are left for you to write.
    """
    return _import(file, output, ImportFrom.PACK)


def _import(file: Path, output: Path, kind: ImportFrom) -> ExitCode:
    try:
        outcome = import_queries(kind, file, output)
    except ContentError as error:
        return _failed(error.problems, many(len(error.problems), "error"))
    left_out = f"{many(len(outcome.left_out), 'part')} of {visible(str(file))} not imported"
    if not outcome.files:
        return _failed(outcome.left_out, f"nothing could be imported; {left_out}")
    click.echo(_summary(outcome))
    click.echo("".join(f"wrote {visible(str(path))}\n" for path in outcome.files), nl=False)
    _tell(outcome.left_out)
    click.echo(f"portproof: {left_out}", err=True)
    return ExitCode.PROVEN


def _failed(problems: Iterable[Problem], why: str) -> ExitCode:
    _tell(problems)
    click.echo(f"portproof: {why}; nothing was written", err=True)
    return ExitCode.ERROR


def _tell(problems: Iterable[Problem]) -> None:
    for problem in problems:
        click.echo(visible(str(problem)), err=True)


def _summary(outcome: ImportOutcome) -> str:
    text = f"imported {many(outcome.rules, 'rule')} and {many(outcome.checks, 'check')}"
    if outcome.doubtful:
        text += f"; {outcome.doubtful} of the rules pass if nothing is found and need a witness"
    return text
