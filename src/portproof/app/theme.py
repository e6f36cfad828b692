"""The theme of a report, made of the style that was asked for."""

from portproof.app.audit_request import ReportStyle
from portproof.content.shipped import shipped
from portproof.errors import UsageError
from portproof.report.contract import Theme


def theme_of(style: ReportStyle) -> Theme:
    """Return a theme whose templates come before the shipped ones, after reading all of them.

    Raises:
        UsageError: the folder of templates does not exist.
        TemplateError: a template, style or logo cannot be used; names its file and line.
    """
    from portproof.report.html.page import check  # noqa: PLC0415 - an audit loads it while Ansible reads the inventory

    if style.template is not None and not style.template.is_dir():
        raise UsageError(f"--template: the folder {style.template} does not exist")
    own = () if style.template is None else (style.template,)
    theme = Theme(
        (*own, shipped("reports")), title=style.title, logo=style.logo, footer=style.footer
    )
    check(theme)
    return theme


def check_style(style: ReportStyle) -> None:
    """Read the user's own templates and logo, before anything else is done.

    Raises:
        UsageError: the folder of templates does not exist.
        TemplateError: a template, style or logo cannot be used; names its file and line.
    """
    if style.has_files:
        theme_of(style)
