"""What the process says with its exit status, whatever the options."""

from enum import IntEnum


class ExitCode(IntEnum):
    """One meaning each, everywhere."""

    PROVEN = 0
    FAILED = 1
    ERROR = 2
    INCOMPLETE = 3
