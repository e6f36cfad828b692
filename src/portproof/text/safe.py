"""Text as it may be given to other programs: bounded, and nothing in it hides or means anything."""

import re
from typing import Final

from portproof.text.visible import shortened, visible

NAME: Final = 255
"""The longest name of a host, in characters; DNS ends there too (RFC 1035, section 2.3.4)."""

SENTENCE: Final = 1000
"""The longest piece of text from a host, in characters."""

TEXT: Final = 4000
"""The longest text of a policy, in characters."""

_MARKDOWN: Final = re.compile(r"[\\`*_{}\[\]<>#|~&]")
_TICKS: Final = re.compile("`+")
_FORBIDDEN: Final = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
"""Noncharacters that XML 1.0 (section 2.2) or Unicode (section 23.7) does not want in a text."""


def clean(text: str, length: int = SENTENCE) -> str:
    """Return one line of text with everything visible, cut at ``length`` characters."""
    if len(text) > length:
        text = text[:length] + "…"
    seen = _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
    return shortened(seen, length)


def multiline(text: str | None, length: int = TEXT) -> str:
    """Return the same for a policy's text of several lines; the breaks stay."""
    return shortened("\n".join(map(visible, (text or "").splitlines())), length)


def escaped(text: str) -> str:
    """Text of one line for Markdown, where no character of it means anything."""
    return _MARKDOWN.sub(lambda match: f"\\{match[0]}", visible(text))


def code_span(text: str, length: int = SENTENCE) -> str:
    """A code span of any text for Markdown, in which nothing is markup (CommonMark 0.31.2, 6.1).

    Its fence is longer than any run of backticks inside.
    """
    line = clean(text, length) or " "
    fence = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    edge = " " if {line[0], line[-1]} & {"`", " "} and line.strip() else ""
    return f"{fence}{edge}{line}{edge}{fence}"
