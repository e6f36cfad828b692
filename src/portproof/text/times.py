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


def in_utc(time: datetime) -> datetime:
    """Return the same time in UTC; at the ends of the calendar, where UTC has none, as it is."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)


def iso(time: datetime | None) -> str:
    """Return a time in UTC as ISO 8601, to the second; empty for None."""
    return "" if time is None else in_utc(time).isoformat(timespec="seconds")


def moment(time: datetime | None) -> str:
    """Return a time in UTC as people read it; empty for None."""
    return "" if time is None else f"{in_utc(time):%Y-%m-%d %H:%M:%S} UTC"


def between(started: datetime, finished: datetime) -> str:
    """Return how long something took in words."""
    return duration((finished - started).total_seconds())


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``."""
    if seconds < 10:  # noqa: PLR2004 - below ten seconds the tenths tell something
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{number(minutes)} min {rest} s" if minutes else f"{rest} s"
