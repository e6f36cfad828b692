"""Handle Ctrl-C: the first finishes the hosts in progress, the second stops at once."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import click


@contextlib.contextmanager
def finishing_first(finish: Callable[[], None], cancel: Callable[[], None]) -> Iterator[None]:
    """Call ``finish`` on the first Ctrl-C; ``cancel`` and raise on the second."""
    before = signal.getsignal(signal.SIGINT)

    def first(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, second)
        click.echo(
            "portproof: finishing the hosts in progress; press Ctrl-C again to stop at once",
            err=True,
        )
        finish()

    def second(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cancel()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
