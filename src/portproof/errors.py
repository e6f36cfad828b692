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
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self


class Code(StrEnum):
    """What kind of problem it is. Codes are stable; messages may be reworded at any time."""

    # a file as a whole
    UNREADABLE = "unreadable"
    LINK_LOOP = "link-loop"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    ENCODING = "encoding"
    SYNTAX = "syntax"
    EMPTY = "empty"
    # its form
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_TAG = "unknown-tag"
    UNKNOWN_FIELD = "unknown-field"
    MISSING_FIELD = "missing-field"
    WRONG_TYPE = "wrong-type"
    WRONG_VALUE = "wrong-value"
    # what it means
    DUPLICATE_ID = "duplicate-id"
    UNKNOWN_NAME = "unknown-name"
    UNKNOWN_CONTROL = "unknown-control"
    FRAMEWORK_SPELLING = "framework-spelling"
    CONTRADICTION = "contradiction"
    NEVER_MATCHES = "never-matches"
    INVALID_SQL = "invalid-sql"
    # an import of policies
    INCLUDE = "include"
    NOT_IMPORTED = "not-imported"
    # an inventory
    ANSIBLE = "ansible"
    HOST_NAME = "host-name"
    POLICY_CHOICE = "policy-choice"
    # the folder of an audit
    NOT_AN_AUDIT = "not-an-audit"
    UNFINISHED = "unfinished"
    UNKNOWN_FORMAT = "unknown-format"
    DAMAGED = "damaged"
    EDITED = "edited"
    SIGNATURE = "signature"
    INVALID_KEY = "invalid-key"


class Problem(NamedTuple):
    """One thing that is wrong in a user's file.

    ``file`` is the path as the user wrote it; ``line`` and ``column`` count from 1, and 0 means
    the whole file. ``path`` names the place inside the document, such as ``rules[2].closed``.
    ``code`` is for programs; ``message`` is for people.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    code: Code

    @classmethod
    def of_file(cls, file: str | Path, message: str, code: Code) -> Self:
        """Return a problem with a file as a whole."""
        return cls(str(file), 0, 0, "", message, code)

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
