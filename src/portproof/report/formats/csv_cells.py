r"""CSV as RFC 4180 has it, that no spreadsheet takes for formulas.

A cell that begins like a formula (``= + - @``, a tab or a line end: OWASP, "CSV Injection") gets an
apostrophe before it, also after a semicolon, at which a spreadsheet set to one would begin a cell.
Tabs and line ends are written out as ``\t`` and ``\n``, so that each row is one line.
"""

import re
from collections.abc import Iterable
from typing import Final

from portproof.text.safe import clean

_FORMULA: Final = re.compile("(^|;)([\\s\"']*)(?=[=+\\-@\uff0b\uff0d\uff1d\uff20])")
"""Where a formula could begin; the wide forms too, which spreadsheets take for the narrow ones."""


def row(cells: Iterable[str]) -> str:
    """Return a line of cells, each quoted."""
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(text: str) -> str:
    guarded = _FORMULA.sub(r"\1'\2", clean(text)).replace('"', '""')
    return f'"{guarded}"'
