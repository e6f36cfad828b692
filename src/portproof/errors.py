"""The errors portproof raises on purpose.

    PortproofError              anything said to a user; exit code 2
    ├── UsageError              the call itself cannot be carried out
    ├── ContentError            policies, checks or inventories are wrong; holds every Problem
    ├── OutputError             a folder or file cannot be written
    └── TemplateError           a report template is missing or fails

What goes wrong while *looking* at a host is never an exception: it is an ``Unobserved`` value with
a reason (see :mod:`portproof.model.observation`), because it must end as a verdict.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong in a user's file.

    ``file`` is the path as the user wrote it; ``line`` and ``column`` count from 1, and 0 means
    the whole file. ``path`` names the place inside the document, such as ``rules[2].closed``.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class PortproofError(Exception):
    """Base of every error portproof raises on purpose."""


class UsageError(PortproofError):
    """The call cannot be carried out as it was made."""


class ContentError(PortproofError):
    """Policies, checks or inventories are wrong. ``problems`` holds all of them, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class OutputError(PortproofError):
    """A folder or file of the audit cannot be written."""


class TemplateError(PortproofError):
    """A report template is missing or fails."""
