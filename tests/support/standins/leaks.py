"""Finds what a piece of code leaves behind in this process."""

import contextlib
import threading
from collections.abc import Iterator

import psutil


@contextlib.contextmanager
def nothing_leaks() -> Iterator[None]:
    """Fail if a file, a process or a thread is left that was not there before."""
    me = psutil.Process()
    before = me.num_fds(), threading.active_count(), me.children()
    yield
    assert (me.num_fds(), threading.active_count(), me.children()) == before
