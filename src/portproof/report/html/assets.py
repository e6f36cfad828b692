"""Load the stylesheet, the script and the logo of a theme for the page.

A folder of a theme has its stylesheet in the files of ``css`` and its script in those of ``js``,
joined in the order of their names; where two folders have a file of one name, the first folder's is
taken. A ``report.css`` or ``report.js`` at the top of a folder takes the place of all of them.
"""

import base64
import hashlib
from pathlib import Path
from typing import Final

from markupsafe import Markup

from portproof.errors import TemplateError

_WAYS_OUT: Final = ("</style", "</script", "<!--")
_LARGEST_LOGO: Final = 1 << 19
_IMAGES: Final = {
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".webp": ("image/webp", b"RIFF"),
    ".svg": ("image/svg+xml", b"<"),
}
"""Media types (IANA) and how files of that type begin (their specifications)."""

Folders = tuple[Path, ...]


def style(folders: Folders) -> Markup:
    """Return the stylesheet.

    Raises:
        TemplateError: there is none, it cannot be read, or it could not stand in a page.
    """
    return _joined(folders, "css")


def script(folders: Folders) -> Markup:
    """Return the script.

    Raises:
        TemplateError: there is none, it cannot be read, or it could not stand in a page.
    """
    return _joined(folders, "js")


def source_hash(text: str) -> str:
    """Return a text's hash as a Content-Security-Policy names it (CSP Level 3, section 2.3.1)."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _joined(folders: Folders, kind: str) -> Markup:
    whole = [folder / f"report.{kind}" for folder in folders]
    if own := next((file for file in whole if file.exists()), None):
        return Markup(_text(own))  # noqa: S704 - a theme's own file, checked, and bound by its hash
    parts: dict[str, Path] = {}
    for folder in folders:
        for file in (folder / kind).glob(f"*.{kind}"):
            parts.setdefault(file.name, file)
    if not parts:
        raise TemplateError(f"{whole[-1]}: is missing, and so is a folder {kind} beside it")
    return Markup("".join(_text(parts[name]) for name in sorted(parts)))  # noqa: S704 - as above


def _text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise TemplateError(f"{file}: cannot be read: {error}") from error
    way_out = next((each for each in _WAYS_OUT if each in text.lower()), None)
    if way_out or "\0" in text:
        raise TemplateError(f"{file}: holds {way_out or 'a NUL'!r}, which must not be in a page")
    return text


def logo(file: Path | None) -> str:
    """Return an image as a ``data:`` URI, in which no script can run; empty without an image.

    Raises:
        TemplateError: it cannot be read, is too large or is no image of a known type.
    """
    if file is None:
        return ""
    kind = _IMAGES.get(file.suffix.lower())
    if kind is None:
        raise TemplateError(f"{file}: a logo is a file of type {', '.join(_IMAGES)}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise TemplateError(f"{file}: cannot be read: {error.strerror}") from error
    media_type, start = kind
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
        raise TemplateError(f"{file}: is not {media_type}, although its name says so")
    if len(content) > _LARGEST_LOGO:
        raise TemplateError(f"{file}: is over {_LARGEST_LOGO:,} bytes, too large for a logo")
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
