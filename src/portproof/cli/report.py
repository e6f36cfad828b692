"""``portproof report``."""

import sys
from pathlib import Path
from typing import Final

import click

from portproof.archive.outputs import write_new
from portproof.archive.results import read_result
from portproof.cli.theming import Themed, themed
from portproof.errors import UsageError
from portproof.exitcodes import ExitCode
from portproof.report.contract import load_formats, written

_STDOUT: Final = Path("-")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME",
    default=("html",),
    show_default=True,
    help="A format to write; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder to write into, or - for standard output. Default: the current folder.",
)
@themed
def command(theme: Themed, folder: Path, formats: tuple[str, ...], output: Path) -> ExitCode:
    """Render the result of an audit again.

    FOLDER is what an audit wrote. Nothing is looked at and nothing is overwritten. A folder that is
    half written, or with files that are not what they were when the audit finished, is refused.
    Exit codes: 0 written, 2 not.
    """
    look = theme()
    chosen = load_formats(formats, always=())
    if output == _STDOUT and len(chosen) > 1:
        raise UsageError("standard output takes one format; leave out the others")
    result = read_result(folder)
    files = written(chosen, result, look)
    if output == _STDOUT:
        for chunk in (chunk for chunks in files.values() for chunk in chunks):
            sys.stdout.buffer.write(chunk.encode())
        return ExitCode.PROVEN
    for path in write_new(output, files):
        click.echo(f"written: {path}")
    return ExitCode.PROVEN
