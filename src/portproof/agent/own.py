"""Tells which processes of a Linux machine belong to this look, by their pids."""

import os

from .files import read_file

_MOST = 16


def processes(session: str) -> "list[int]":
    """Return this process and those that started it, up to the first of the SSH session.

    A pid is no other process's while its process runs, and all of these run until the answer is
    sent. Only this process is returned where the first one is not found above it.

    Args:
        session: The pid of the process that the SSH server started; "" where there is none.
    """
    own = [os.getpid()]
    above = list(own)
    while str(above[-1]) != session:
        parent = _parent(above[-1])
        if parent <= 1 or len(above) == _MOST:
            return own
        above.append(parent)
    return above


def _parent(pid: int) -> int:
    """Return the process that started another, or 0 if that cannot be read."""
    try:
        return int(read_file(f"/proc/{pid}/stat").rpartition(b") ")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
