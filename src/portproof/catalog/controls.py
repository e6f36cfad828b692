"""Know the control numbers of frameworks that rules map to, with their short titles.

``data/controls`` has one table a framework, named by the key that ``maps`` uses; ``data/NOTICE``
names the sources. Numbers and titles are facts about the standards; their text is not here. Rules
may map to other frameworks too; nothing is known about those but what the rules say.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from portproof.errors import UsageError
from portproof.text.suggestions import suggesting

_TABLES: Final = Path(__file__).parent / "data" / "controls"
_NAMES: Final = {
    "cis-controls": "CIS Controls v8",
    "iso-27001": "ISO/IEC 27001:2022, Annex A",
    "nist-800-53": "NIST SP 800-53, revision 5",
    "pci-dss": "PCI DSS v4",
}
_PARENT: Final = re.compile(r"(?:\(\d+\)|\.\d+)$")
"""The last step of a number: an enhancement as in ``CM-7(1)``, or a part as in ``2.2.4``."""


def frameworks() -> tuple[str, ...]:
    """Return the keys of the frameworks whose control numbers are known."""
    return tuple(_NAMES)


def framework_name(framework: str) -> str:
    """Return a framework's name with its version, or the key itself if that is not known."""
    return _NAMES.get(framework, framework)


def control_title(framework: str, number: str) -> str:
    """Return the short title of a control, or of the control it is part of.

    Empty where the framework or the number is not known.
    """
    table = _table(framework) if framework in _NAMES else {}
    while number in table and not table[number] and _PARENT.search(number):
        number = _PARENT.sub("", number)
    return table.get(number, "")


def control_order(number: str) -> tuple[tuple[str, int], ...]:
    """Return the sort key of a control number: 4.8 before 4.10, ``AC-17`` before ``CM-7``."""
    parts = re.findall(r"([^0-9]*)([0-9]*)", number)
    return tuple((text, int(digits[:9] or 0)) for text, digits in parts if text or digits)


def control_trouble(framework: str, number: str) -> str | None:
    """Return what is wrong with a number of a known framework, with the nearest right ones."""
    if framework not in _NAMES or number in _table(framework):
        return None
    text = f"{number[:40]!a} is not a control of {framework_name(framework)}"
    return suggesting(text, number.upper(), _table(framework), 3)


def framework_trouble(framework: str) -> str | None:
    """Report a key that is another spelling of a known framework; other keys are the user's own."""
    meant = next((key for key in _NAMES if _squeezed(key) == _squeezed(framework)), framework)
    return None if meant == framework else f"write this framework as {meant}"


def refuse_unknown(framework: str, used: Iterable[str]) -> None:
    """Check that a framework is known, or that some rule maps to it.

    Raises:
        UsageError: neither is the case; the message lists the known ones.
    """
    known = sorted({*_NAMES, *used})
    if framework in known:
        return
    text = (
        f"no rule maps to a framework named {framework[:80]!a}; frameworks are {', '.join(known)}"
    )
    raise UsageError(suggesting(text, framework, known))


def _squeezed(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


@cache
def _table(framework: str) -> dict[str, str]:
    """Return the titles of a known framework's controls by number; empty if they have none."""
    text = (_TABLES / f"{framework}.tsv").read_text(encoding="utf-8")
    rows = (line.partition("\t") for line in text.splitlines())
    return {number: title for number, _, title in rows}
