"""Print lines: with colour on a terminal, without elsewhere."""

import re
import sys
from collections.abc import Iterable
from typing import Final, NamedTuple

import click

_COMMAND: Final = re.compile(r"##(?=\[|vso\[|teamcity\[)")
"""Matches text that CI systems execute as commands if it is in a log; a host may have sent it."""


class Line(NamedTuple):
    """A line of output. ``style`` is a rich style and is ignored without a terminal."""

    text: str
    style: str = ""


def show(lines: Iterable[Line]) -> None:
    """Print lines to standard output."""
    if sys.stdout.isatty():
        _show_styled(lines)
    else:
        click.echo("\n".join(_COMMAND.sub("# #", line.text) for line in lines))


def _show_styled(lines: Iterable[Line]) -> None:
    from rich.console import Console  # noqa: PLC0415 - costs start-up time only a terminal repays
    from rich.text import Text  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    for line in lines:
        console.print(Text(line.text, style=line.style), soft_wrap=True)
