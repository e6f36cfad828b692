"""Name places in the page, and build links that filter the tables."""

from typing import Final
from urllib.parse import urlencode

from portproof.model.verdicts import Verdict

_TABLES: Final = "#"


def anchor_of(verdict: Verdict, index: int, number: int | None = None) -> str:
    """Return the anchor of a rule's failures, or of one host's among them."""
    rule = f"{verdict.value}-{index}"
    return rule if number is None else f"{rule}-host-{number}"


def query(**wanted: str) -> str:
    """Return a link that filters the tables, such as ``#rule=web%2Fssh&verdict=fail``."""
    text = {key: value.encode("utf-8", "replace").decode() for key, value in wanted.items()}
    return f"{_TABLES}{urlencode(text)}"
