"""``report.html``: one file that needs nothing else, and lets nothing else in.

The page's Content-Security-Policy allows its one stylesheet and its one script by their hashes (CSP
Level 3, section 6.7.3) and no request of any kind. Every value a template writes is made visible
and escaped, whatever the template does; only the two assets are trusted, because they come from the
folder of the templates.
"""

import base64
import hashlib
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from portproof.errors import TemplateError
from portproof.model.result import AuditResult
from portproof.model.text import visible
from portproof.renderers.contract import Theme
from portproof.renderers.view import Report, view
from portproof.renderers.view.by_control import by_control

FILE: Final = "report.html"

_POLICY: Final = (
    "default-src 'none'; style-src '{style}'; script-src '{script}';"
    " base-uri 'none'; form-action 'none'"
)
Folders = tuple[Path, ...]

_WAYS_OUT: Final = ("</style", "</script", "<!--")


def render(result: AuditResult, theme: Theme) -> Iterator[str]:
    """Write the report piece by piece, with the templates, stylesheet and script of a theme.

    Raises:
        TemplateError: a template or asset is missing or fails; names its file and line.
    """
    style = _asset(_found(theme, "report.css"))
    script = _asset(_found(theme, "report.js"))
    policy = _POLICY.format(style=_hash(style), script=_hash(script))
    controls = by_control(result, result.framework) if result.framework else None
    extra = {"style": style, "script": script, "csp": policy, "controls": controls}
    yield from _generate(theme.folders, view(result), extra)


def _found(theme: Theme, name: str) -> Path:
    """The first file of that name; where there is none, the one that should be there."""
    files = [folder / name for folder in theme.folders]
    return next((file for file in files if file.exists()), files[-1])


def _asset(file: Path) -> Markup:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise TemplateError(f"{file}: cannot be read: {error}") from error
    way_out = next((each for each in _WAYS_OUT if each in text.lower()), None)
    if way_out or "\0" in text:
        raise TemplateError(f"{file}: holds {way_out or 'a NUL'!r}, which cannot stand in a page")
    return Markup(text)  # noqa: S704 - our own file, checked above, and bound by its hash


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _generate(folders: Folders, report: Report, extra: Mapping[str, object]) -> Iterator[str]:
    try:
        template = _environment(folders).get_template(FILE)
        yield from template.generate(report=report, **extra)
    except Exception as error:
        raise TemplateError(_what(error, folders)) from error


def _environment(folders: Folders) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _finalize(value: object) -> object:
    """Let nothing into the page but text, made visible, and whole numbers."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be shown; only text and whole numbers can")


def _what(error: Exception, folders: Folders) -> str:
    text = f"{type(error).__name__}: {error}" if not str(error) else str(error)
    return f"{_where(error, folders)}: {text}"


def _where(error: Exception, folders: Folders) -> str:
    """The deepest template on the way to an error, with its line."""
    own = folders[-1]
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.filename or own / (error.name or FILE)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if any(map(Path(f.filename).is_relative_to, folders))]
    if inside:
        return f"{inside[-1].filename}:{inside[-1].lineno}"
    return str(own / (str(error.name) if isinstance(error, jinja2.TemplateNotFound) else FILE))
