"""The nearest known names to one that is not known."""

import difflib
from collections.abc import Iterable
from typing import Final

_ALIKE: Final = 0.6
"""From 0 to 1, how much alike two names must be (difflib's own default)."""


def nearest(name: str, known: Iterable[str], most: int = 1, *, alike: float = _ALIKE) -> list[str]:
    """Return the known names that look most like one, the best first."""
    return difflib.get_close_matches(name, list(known), n=most, cutoff=alike)


def suggesting(
    text: str, name: str, known: Iterable[str], most: int = 1, *, otherwise: str = ""
) -> str:
    """Add ``did you mean ...?`` to a text; ``otherwise`` is added where no known name is near."""
    near = nearest(name, known, most)
    hint = f"did you mean {', '.join(near)}?" if near else otherwise
    return f"{text}; {hint}" if hint else text
