"""Text as it may be given to other programs: bounded, and nothing in it hides or means anything."""

import re
from typing import Final

from portproof.model.text import shortened, visible
from portproof.renderers.view.text import Passage, prose

NAME: Final = 255
"""The longest name of a host, in characters; DNS ends there too (RFC 1035, section 2.3.4)."""

SENTENCE: Final = 1000
"""The longest piece of text from a host, in characters."""

TEXT: Final = 4000
"""The longest text of a policy, in characters."""

_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>#|~&]")
_FORBIDDEN: Final = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
"""Noncharacters that XML 1.0 (section 2.2) or Unicode (section 23.7) does not want in a text."""


def clean(text: str, length: int = SENTENCE) -> str:
    """Text of one line that shows what it holds, cut at so many characters."""
    if len(text) > length:
        text = text[:length] + "…"
    seen = _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
    return shortened(seen, length)


def multiline(text: str | None, length: int = TEXT) -> str:
    """The same for a policy's text of several lines; the breaks stay."""
    return shortened("\n".join(map(visible, (text or "").splitlines())), length)


def markdown(text: str | None) -> str:
    """A policy's text as Markdown: its steps and its code stay, and nothing else means anything."""
    return "\n\n".join(_passage(passage) for passage in prose(shortened(text or "", TEXT)))


def _passage(passage: Passage) -> str:
    parts = (
        (f"{each.step}. " if passage.steps else "")
        + "".join(_code(span.text) if span.code else escaped(span.text) for span in each.spans)
        for each in passage.paragraphs
    )
    return ("\n" if passage.steps else "\n\n").join(parts)


def _code(text: str) -> str:
    return f"`{visible(text)}`"


def escaped(text: str) -> str:
    """Text of one line for Markdown, where no character of it means anything."""
    return _MARKDOWN.sub(lambda match: f"\\{match[0]}", visible(text))
