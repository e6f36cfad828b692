"""Times: the controller's clock, and how times are shown."""

from datetime import UTC, datetime
from typing import Final

from portproof.text.words import number

_MINUTE: Final = 60


def now() -> datetime:
    """Return the time by this machine's clock in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def since_epoch(seconds: int) -> str:
    """Seconds since 1970 as a UTC time; a number that is no time stays a number."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds after 1970"


def moment(iso: str) -> str:
    """An ISO 8601 time in UTC as people read it; what is no such time stays as it is."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return iso


def between(started: str, finished: str) -> str:
    """How long something took, from its times in ISO 8601; empty when that cannot be told."""
    try:
        passed = datetime.fromisoformat(finished) - datetime.fromisoformat(started)
    except (TypeError, ValueError):
        return ""
    return duration(passed.total_seconds())


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the tenths tell something
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{number(minutes)} min {rest} s" if minutes else f"{rest} s"
