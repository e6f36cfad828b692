"""Times for results and looks."""

from datetime import UTC, datetime
from typing import Final

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)
"""The ends of the calendar: what a clock or an edited file can say at most."""


def at(text: str) -> datetime:
    """Return a time that is written in ISO 8601."""
    return datetime.fromisoformat(text)
