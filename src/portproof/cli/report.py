"""``portproof report``."""

import sys
from pathlib import Path
from typing import Final

import click

from portproof.app.audit_request import ReportStyle
from portproof.app.render import RenderRequest, render, render_in_memory
from portproof.cli.styling import styled
from portproof.errors import UsageError
from portproof.exitcodes import ExitCode

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
@styled
def command(style: ReportStyle, folder: Path, formats: tuple[str, ...], output: Path) -> ExitCode:
    """Write reports of an existing audit.

    FOLDER is the folder of an audit. Existing files are not overwritten. The folder is refused if
    the audit is unfinished or if its files were changed since the audit finished. Exit codes: 0
    written, 2 not written.
    """
    request = RenderRequest(folder=folder, formats=formats, style=style)
    if output == _STDOUT:
        _print(request)
        return ExitCode.PROVEN
    for path in render(request, output):
        click.echo(f"written: {path}")
    return ExitCode.PROVEN


def _print(request: RenderRequest) -> None:
    if len(set(request.formats)) > 1:
        raise UsageError("only one format can go to standard output; leave out the others")
    for chunks in render_in_memory(request).values():
        for chunk in chunks:
            sys.stdout.buffer.write(chunk.encode())
