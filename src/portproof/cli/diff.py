"""``portproof diff``."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from portproof.app.compare import compare
from portproof.cli.changes import changed, changed_line
from portproof.cli.show import Line, show
from portproof.exitcodes import ExitCode
from portproof.report.formats.changes import as_json, as_markdown
from portproof.result.changes import Changes


def _text(changes: Changes) -> None:
    show(_lines(changes))


def _json(changes: Changes) -> None:
    click.echo(as_json(changes), nl=False)


def _markdown(changes: Changes) -> None:
    click.echo("".join(as_markdown(changes)), nl=False)


_FORMATS: Final[dict[str, Callable[[Changes], None]]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
}


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_FORMATS)),
    default="text",
    show_default=True,
    help="The output format.",
)
def command(old: Path, new: Path, form: str) -> ExitCode:
    """Show what changed between two audits.

    Lists rules that newly fail, are newly unproven, still fail (and since when) or are fixed; hosts
    that were added or removed; ports that another process holds now; and waivers and policies that
    changed. Exit codes: 0 no rule newly fails or is newly unproven, 1 a rule newly fails, 2 a
    folder cannot be read or the later audit judged nothing, 3 no rule newly fails, but one is newly
    unproven.
    """
    found = compare(old, new)
    _FORMATS[form](found.changes)
    return found.exit_code


def _lines(changes: Changes) -> Iterator[Line]:
    yield changed_line(changes)
    yield from changed(changes.items)
