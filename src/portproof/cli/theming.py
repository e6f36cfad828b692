"""The options that say how a report looks, for every command that writes one."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from portproof.content.shipped import shipped
from portproof.errors import UsageError

if TYPE_CHECKING:
    from portproof.report.contract import Theme

OPTIONS: Final = ("template", "title", "logo", "footer")
"""The names of these options, as click passes them."""

Themed = Callable[[], "Theme"]
"""Makes a theme of what the options say."""

_DECORATORS: Final = (
    click.option(
        "--template",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="A folder of templates and styles for the report; what it lacks is ours.",
    ),
    click.option("--title", default="", help="The title of the report."),
    click.option(
        "--logo",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="An image for the head of the report: PNG, JPEG, WebP or SVG.",
    ),
    click.option("--footer", default="", help="A line at the foot of the report."),
)


def themed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets ``theme``, which makes and checks what they say."""

    @functools.wraps(function)
    def with_theme(**given: Any) -> Any:  # noqa: ANN401 - whatever options the command has
        looks = {name: given.pop(name) for name in OPTIONS}
        made = functools.cache(functools.partial(theme, **looks))
        if looks["template"] or looks["logo"]:
            made()  # what is wrong with the user's own files is told before anything else is done
        return function(theme=made, **given)

    return functools.reduce(lambda made, option: option(made), reversed(_DECORATORS), with_theme)


def refuse_looks(because: str) -> None:
    """Refuse these options where they were given and would do nothing.

    Raises:
        UsageError: one was given; says which, and why it has no place.
    """
    source = click.get_current_context().get_parameter_source
    given = [
        f"--{name}" for name in OPTIONS if source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"{because}; leave out {', '.join(given)}")


def theme(template: Path | None, title: str, logo: Path | None, footer: str) -> "Theme":
    """A theme whose folder comes before the shipped one, found to be readable.

    Raises:
        UsageError: the folder does not exist.
        TemplateError: a template, style or logo cannot be used; names its file and line.
    """
    from portproof.report.contract import Theme  # noqa: PLC0415 - an audit loads it while Ansible reads the inventory
    from portproof.report.html.page import check  # noqa: PLC0415 - the same

    if template is not None and not template.is_dir():
        raise UsageError(f"--template: there is no folder {template}")
    own = () if template is None else (template,)
    made = Theme((*own, shipped("reports")), title=title, logo=logo, footer=footer)
    check(made)
    return made
