"""Makes ids of names: readable, and each given once."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 80
"""Characters in an id."""


def slug(name: str, fallback: str) -> str:
    """The name as an id; ``fallback`` where the name has no letter or digit of ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return _cut("-".join(re.findall(r"[a-z0-9]+", plain)), _LONGEST) or fallback


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip("-")


class Names:
    """Gives each id once, in the order of asking; ``taken`` are given already."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._given = dict.fromkeys(taken, 1)

    def give(self, name: str, fallback: str) -> str:
        """An id for a name: its slug, with ``-2`` and so on where that is taken."""
        wanted = slug(name, fallback)
        given = wanted
        while given in self._given:
            self._given[wanted] += 1
            suffix = f"-{self._given[wanted]}"
            given = _cut(wanted, _LONGEST - len(suffix)) + suffix
        self._given[given] = 1
        return given
