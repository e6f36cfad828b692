"""Make readable ids of names, each used once."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 80
"""Characters in an id."""


def slug(name: str, fallback: str) -> str:
    """Return the name as an id; ``fallback`` where the name has no letter or digit of ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _cut("-".join(re.findall(r"[a-z0-9]+", plain)), _LONGEST) or fallback


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip("-")


class Names:
    """Gives out each id once, in the order of the calls; ``taken`` are not available."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._given = dict.fromkeys(taken, 1)

    def give(self, name: str, fallback: str) -> str:
        """Return an id for a name: its slug, with ``-2`` and so on where that is taken."""
        wanted = slug(name, fallback)
        given = wanted
        while given in self._given:
            self._given[wanted] += 1
            suffix = f"-{self._given[wanted]}"
            given = _cut(wanted, _LONGEST - len(suffix)) + suffix
        self._given[given] = 1
        return given
