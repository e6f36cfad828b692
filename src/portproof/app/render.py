"""Render the result of an audit again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from portproof.app.audit_request import SHIPPED_STYLE, ReportStyle
from portproof.app.theme import check_style, theme_of
from portproof.archive.outputs import write_new
from portproof.archive.results import read_result
from portproof.report.contract import load_formats, written


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """What to render.

    Attributes:
        folder: The folder of a finished audit.
        formats: The formats to render, such as ``html`` or ``junit``.
        style: How a report looks.
    """

    folder: Path
    formats: tuple[str, ...] = ("html",)
    style: ReportStyle = SHIPPED_STYLE


def render_in_memory(request: RenderRequest) -> Mapping[str, Iterator[str]]:
    """Return the text of each format piece by piece, by the name of its file.

    Raises:
        UsageError: a format is unknown.
        ContentError: the folder is half written, edited or damaged, or is not that of an audit.
        TemplateError: a template, style or logo cannot be used.
    """
    check_style(request.style)
    chosen = load_formats(request.formats, always=())
    result = read_result(request.folder)
    return written(chosen, result, theme_of(request.style))


def render(request: RenderRequest, output: Path) -> list[Path]:
    """Write the formats into a folder, and return the files. Nothing is overwritten.

    Raises:
        UsageError: a format is unknown, or a file exists already.
        ContentError: the folder is half written, edited or damaged, or is not that of an audit.
        TemplateError: a template, style or logo cannot be used.
        OutputError: the files cannot be written.
    """
    return write_new(output, render_in_memory(request))
