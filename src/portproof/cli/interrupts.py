"""Ctrl-C: the first finishes what is under way, the second stops at once."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import click


@contextlib.contextmanager
def finishing_first(finish: Callable[[], None]) -> Iterator[None]:
    """Call ``finish`` at the first interrupt, and raise KeyboardInterrupt at the second."""
    before = signal.getsignal(signal.SIGINT)

    def first(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        click.echo("portproof: finishing what is under way; Ctrl-C again stops at once", err=True)
        finish()

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
