"""Split SQL into tokens: enough to see how a statement is built, without its tables."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple


class Token(NamedTuple):
    """A part of a statement: its kind, its text and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        """The text of a word in lower case; of anything else, the unchanged text."""
        return self.text.lower() if self.kind == "word" else self.text

    @property
    def plain(self) -> str:
        """The name a token stands for, whatever its case and quotes."""
        return self.text.strip("\"`[]'").lower()

    @property
    def silent(self) -> bool:
        """Whether it is only space or a comment."""
        return self.kind in {"space", "comment"}


_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s++)
    | (?P<comment>--[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?)
    | (?P<text>'[^']*+(?:''[^']*+)*+')
    | (?P<name>"[^"]*+(?:""[^"]*+)*+"|`[^`]*+(?:``[^`]*+)*+`|\[[^]]*+\])
    | (?P<open>['"`\[].*+)
    | (?P<parameter>[?][0-9]*+|[:@$#]\w[\w$]*+)
    | (?P<number>[0-9][\w.]*+)
    | (?P<word>[^\W\d][\w$]*+)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
"""SQLite's tokens (its source, tokenize.c); ``open`` is a quote that never closes."""


def tokens(sql: str) -> list[Token]:
    """Return every token of a text, in order; joined they are the text."""
    found = _TOKEN.finditer(sql)
    return [Token(str(each.lastgroup), each[0], each.start()) for each in found]


def said(sql: str) -> list[Token]:
    """Return the tokens without space and comments."""
    return [each for each in tokens(sql) if not each.silent]


def depths(parts: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield each token's index, and the depth of parentheses after it."""
    depth = 0
    for at, each in enumerate(parts):
        depth += (each.text == "(") - (each.text == ")")
        yield at, depth


def closing(parts: Sequence[Token], opening: int) -> int:
    """Return the index of the parenthesis that closes the one at ``opening``, or of the end."""
    ends = (at for at, depth in depths(parts[opening:]) if depth == 0)
    return opening + next(ends, len(parts) - opening)


def copies(parts: Sequence[Token]) -> int:
    """Count the selections that SQLite makes of named parts: it copies one wherever it is named.

    Parts that each name the one before twice, ``b AS (SELECT * FROM a, a)``, double every time.
    """
    sizes: dict[str, int] = {}
    for at, each in enumerate(parts):
        opening = _opening(parts, at) if each.word == "as" else None
        if opening is not None:
            body = parts[opening : closing(parts, opening)]
            sizes[_name_before(parts, at)] = 1 + sum(sizes.get(part.plain, 0) for part in body)
    return sum(sizes.get(each.plain, 0) for each in parts)


def parts_named(parts: Sequence[Token]) -> int:
    """Return how many parts of a statement have names, as in ``WITH a AS (...)``."""
    places = (at for at, each in enumerate(parts) if each.word == "as")
    return sum(_opening(parts, at) is not None for at in places)


def _opening(parts: Sequence[Token], at: int) -> int | None:
    """Return where the part that is named before ``AS`` begins."""
    after = (place for place in range(at + 1, min(at + 4, len(parts))))
    place = next((p for p in after if parts[p].word not in {"not", "materialized"}), None)
    return place if place is not None and parts[place].text == "(" else None


def _name_before(parts: Sequence[Token], at: int) -> str:
    """Return the name before ``AS``, or before the list of columns before it."""
    depth = 0
    for each in reversed(parts[:at]):
        depth += (each.text == ")") - (each.text == "(")
        if depth == 0 and each.text != "(":
            return each.plain
    return ""
