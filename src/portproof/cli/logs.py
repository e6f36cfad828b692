"""The logging options, which are accepted before and after the name of a command."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

_KEY: Final = "portproof.log"
"""The key under which click's contexts share the options, so that ``-v audit -v`` is ``-vv``."""

LOG_OPTIONS: Final = frozenset({"verbosity", "log_file"})
"""The names of the parameters, which are not passed to the functions of commands."""


def logged(command: _Command) -> _Command:
    """Add the logging options to a command; logging starts as soon as they are read."""
    verbose = click.option(
        "-v",
        "--verbose",
        "verbosity",
        count=True,
        expose_value=False,
        callback=_start,
        help="Log each step to standard error, with times; -vv logs the protocols as well.",
    )
    file = click.option(
        "--log-file",
        "log_file",
        metavar="FILE",
        expose_value=False,
        callback=_start,
        help="Append the log to this file instead; implies -v.",
    )
    return verbose(file(command))


def _start(context: click.Context, parameter: click.Parameter, value: int | str | None) -> None:
    if not value:
        return
    from portproof.text.logs import LogSettings, start  # noqa: PLC0415 - free when off

    asked = context.meta.setdefault(_KEY, {"verbosity": 0, "log_file": None})
    if isinstance(value, int):
        value += asked["verbosity"]
    asked[parameter.name] = value
    start(LogSettings(max(1, asked["verbosity"]), asked["log_file"]))
