"""The options for the appearance of a report, shared by every command that writes one."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from portproof.app.audit_request import ReportStyle
from portproof.errors import UsageError

OPTIONS: Final = ("template", "title", "logo", "footer")
"""The names of these options, as click passes them."""

_DECORATORS: Final = (
    click.option(
        "--template",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A folder of your own report templates and styles; the shipped ones are used for the"
        " rest.",
    ),
    click.option("--title", default="", help="The title of the report."),
    click.option(
        "--logo",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="A logo for the top of the report: PNG, JPEG, WebP or SVG.",
    ),
    click.option("--footer", default="", help="A line at the bottom of the report."),
)


def styled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add these options to a command, which gets them as ``style``."""

    @functools.wraps(function)
    def with_style(**given: Any) -> Any:  # noqa: ANN401 - whatever options the command has
        style = ReportStyle(**{name: given.pop(name) for name in OPTIONS})
        return function(style=style, **given)

    return functools.reduce(lambda made, option: option(made), reversed(_DECORATORS), with_style)


def refuse_style(because: str) -> None:
    """Refuse these options if they would have no effect.

    Raises:
        UsageError: one was given; the message says which, and why it has no effect.
    """
    source = click.get_current_context().get_parameter_source
    given = [
        f"--{name}" for name in OPTIONS if source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"{because}; leave out {', '.join(given)}")
