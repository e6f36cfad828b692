"""Write counts and lists in words, the same in every output."""

from collections.abc import Iterable


def number(count: int) -> str:
    """Return a count with its thousands apart: ``12,345``."""
    return f"{count:,}"


def many(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 host``, ``1,200 hosts``."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def listed(parts: Iterable[str]) -> str:
    """Return ``a``, ``a and b``, or ``a, b and c``."""
    *head, last = parts
    return f"{', '.join(head)} and {last}" if head else last
