"""Where in the page things are, and how a link asks the tables for them."""

from typing import Final
from urllib.parse import urlencode

from portproof.model.verdicts import Verdict

_TABLES: Final = "#"


def anchor_of(verdict: Verdict, index: int, number: int | None = None) -> str:
    """Where in the page a rule's failures are, or one host's among them."""
    rule = f"{verdict.value}-{index}"
    return rule if number is None else f"{rule}-host-{number}"


def query(**wanted: str) -> str:
    """A link that asks the tables for what is wanted: ``#rule=web%2Fssh&verdict=fail``."""
    text = {key: value.encode("utf-8", "replace").decode() for key, value in wanted.items()}
    return f"{_TABLES}{urlencode(text)}"
