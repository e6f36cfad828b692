"""Text from hosts, made safe to show: nothing in it moves a cursor, hides or turns around."""

import re
import unicodedata
from typing import Final

_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that are invisible, or change how their neighbours are shown."""

_DECEPTIVE: Final = re.compile(
    "[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\u2800"  # spaces that are not a space
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
    "|[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3,}"
)
"""Letters, marks and spaces that are invisible, and stacks of marks that cover their neighbours
(Unicode: Default_Ignorable_Code_Point, White_Space, and the blocks of combining marks)."""


def visible(text: str) -> str:
    r"""Escape invisible and misleading characters, as ``\x1b`` or ``\u202e``."""
    if text.isascii() and text.isprintable():
        return text
    seen = "".join(_escaped(c) if unicodedata.category(c) in _HIDDEN else c for c in text)
    return _DECEPTIVE.sub(lambda match: _escaped(match[0]), seen)


def _escaped(text: str) -> str:
    return text.encode("unicode_escape", "backslashreplace").decode("ascii")


def shortened(text: str, length: int) -> str:
    """Return the text, cut with an ellipsis where it is longer than ``length`` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
