"""Write ``report.html``: one file that needs no other file and loads none.

The page's Content-Security-Policy allows its one stylesheet and its one script by their hashes (CSP
Level 3, section 6.7.3), an image only if the theme has a logo, and no request of any kind. Every
value a template writes is made visible and escaped, whatever the template does; only the stylesheet
and the script are trusted, because they come from the folders of the theme. All verdicts and all
evidence are in one data block, compressed (RFC 1950) and in base64.
"""

import base64
import traceback
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from portproof.errors import TemplateError
from portproof.report.contract import Theme
from portproof.report.html.assets import Folders, logo, script, source_hash, style
from portproof.report.html.compiled import Kept
from portproof.report.html.data import document
from portproof.report.html.report import ReportPage, view
from portproof.report.html.roster import VerdictTable
from portproof.report.words.by_control import ByControl, by_control
from portproof.result.result import AuditResult
from portproof.text.visible import visible

FILE: Final = "report.html"

_POLICY: Final = (
    "default-src 'none'; style-src '{style}'; script-src '{script}';{images}"
    " base-uri 'none'; form-action 'none'"
)
_CHUNK: Final = 3 << 14
"""Bytes at a time; a multiple of three, so that pieces of base64 can be joined."""

Extra = dict[str, str | Iterator[str] | ByControl | None]


def render(result: AuditResult, theme: Theme) -> Iterator[str]:
    """Yield the report piece by piece, with the templates, stylesheet and script of a theme.

    Raises:
        TemplateError: a template or asset is missing or fails; names its file and line.
    """
    roster = VerdictTable(result)
    controls = by_control(result, result.framework) if result.framework else None
    extra = _assets(theme) | {"data": packed(document(roster)), "controls": controls}
    yield from _generate(theme.folders, view(roster), extra)


def check(theme: Theme) -> None:
    """Load all files of a theme, to find errors before there is a result to show.

    Raises:
        TemplateError: a file is missing, cannot be read or is no template.
    """
    _assets(theme)
    environment = _environment(theme.folders)
    names = environment.list_templates(extensions=["html"])
    for name in {FILE, *names}:
        try:
            environment.get_template(name)
        except Exception as error:
            raise TemplateError(_what(error, theme.folders)) from error


def _assets(theme: Theme) -> Extra:
    sheet, program, image = style(theme.folders), script(theme.folders), logo(theme.logo)
    policy = _POLICY.format(
        style=source_hash(sheet),
        script=source_hash(program),
        images=" img-src data:;" if image else "",
    )
    return {
        "style": sheet,
        "script": program,
        "csp": policy,
        "logo": image,
        "brand": theme.title,
        "footer": theme.footer,
    }


def packed(pieces: Iterable[bytes]) -> Iterator[str]:
    """Compress (RFC 1950) and write as base64, piece by piece."""
    left = b""
    for piece in _compressed(pieces):
        left += piece
        if len(left) >= _CHUNK:
            whole = len(left) - len(left) % 3
            yield base64.b64encode(left[:whole]).decode()
            left = left[whole:]
    yield base64.b64encode(left).decode()


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(level=9)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def _generate(folders: Folders, report: ReportPage, extra: Extra) -> Iterator[str]:
    try:
        template = _environment(folders).get_template(FILE)
        yield from template.generate(report=report, **extra)
    except Exception as error:
        raise TemplateError(_what(error, folders)) from error


@lru_cache(maxsize=4)
def _environment(folders: Folders) -> jinja2.Environment:
    """Return the templates of folders, each compiled once, and again when its file has changed."""
    only_ours = len(folders) == 1  # a user's theme comes before the shipped one
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        bytecode_cache=Kept(Path(__file__).read_bytes()) if only_ours else None,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: object) -> object:
    """Allow only text, made visible, and whole numbers into the page."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(
        f"a value of type {type(value).__name__} cannot be shown; only text and whole numbers can"
    )


def _what(error: Exception, folders: Folders) -> str:
    text = f"{type(error).__name__}: {error}" if not str(error) else str(error)
    return f"{_where(error, folders)}: {text}"


def _where(error: Exception, folders: Folders) -> str:
    """Return the innermost template of an error's traceback, with its line."""
    own = folders[-1]
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.filename or own / (error.name or FILE)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if any(map(Path(f.filename).is_relative_to, folders))]
    if inside:
        return f"{inside[-1].filename}:{inside[-1].lineno}"
    return str(own / (str(error.name) if isinstance(error, jinja2.TemplateNotFound) else FILE))
