"""What an audit does unless it is told otherwise."""

from typing import Final

FORKS: Final = 50
"""Hosts looked at at a time."""

WARN_DAYS: Final = 30
"""Days before a waiver's end from which an audit warns of it."""
