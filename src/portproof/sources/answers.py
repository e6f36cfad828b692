"""Validate replies in osquery's SQL, the same for all sources.

A reply is believed only if it is complete and of one shape. Everything else is ``Unobserved``.
"""

from typing import Final

from portproof.model.observation import Answer, Observed, Reason, Row, Unobserved

_LONGEST_QUOTE: Final = 200
"""Characters of a host's text that are repeated in a detail."""


def quoted(text: str) -> str:
    """Shorten a host's text and make control characters visible, for a terminal or a page."""
    short = text[: _LONGEST_QUOTE + 1].strip()
    seen = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in short)
    return seen if len(seen) <= _LONGEST_QUOTE else seen[: _LONGEST_QUOTE - 1] + "…"


def observed(source: str, rows: list[Row]) -> Answer:
    """Accept the rows of an answer if all have the same columns, as SQL's answers do.

    A row that lacks a column would read as an empty value and could hide a listener.
    """
    columns = rows[0].keys() if rows else ()
    if any(row.keys() != columns for row in rows):
        return Unobserved(Reason.GARBLED, f"{source} sent rows of different columns in one answer")
    return Observed(tuple(rows), len(rows))


def refused(source: str, message: str) -> Unobserved:
    """Return the reason for an error message of SQLite or of one of osquery's tables."""
    missing = message.lstrip().lower().startswith("no such table")
    reason = Reason.MISSING_TABLE if missing else Reason.QUERY_ERROR
    return Unobserved(reason, f"{source}: {quoted(message) or 'the query failed'}")


def unaskable(sql: str) -> Unobserved | None:
    """Refuse a question that would be truncated: SQLite reads SQL up to the first NUL."""
    if "\0" in sql:
        return Unobserved(Reason.QUERY_ERROR, "the question holds a NUL character")
    return None
