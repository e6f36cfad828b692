"""Progress of an audit: a bar on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import click

from portproof.model.verdicts import Verdict
from portproof.result.result import HostResult
from portproof.text.logs import on_stderr

Watch = Callable[[HostResult], None]

_EVERY: Final = 15.0
"""Seconds between two lines where there is no terminal."""
_FEW: Final = 5
"""Up to so many hosts, the summary is there before anybody wonders."""


class _Counts:
    """How many hosts came out how."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.proven = self.failing = self.unproven = 0

    def add(self, host: HostResult) -> None:
        failing, unproven = host.has(Verdict.FAIL), host.has(Verdict.UNPROVEN)
        self.failing += failing
        self.unproven += unproven and not failing
        self.proven += not failing and not unproven

    @property
    def done(self) -> int:
        return self.proven + self.failing + self.unproven

    def __str__(self) -> str:
        return f"{self.proven} proven, {self.failing} failing, {self.unproven} unproven"


@contextlib.contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[Watch | None]:
    """What is to be told every host's result while the audit runs."""
    if quiet or total <= _FEW:
        yield None
    elif sys.stderr.isatty() and not on_stderr():
        with _bar(total) as watch:
            yield watch
    else:
        yield _lines(total)


def _lines(total: int) -> Watch:
    counts = _Counts(total)
    begun = told = time.monotonic()

    def watch(host: HostResult) -> None:
        nonlocal told
        counts.add(host)
        now = time.monotonic()
        if now - told >= _EVERY or counts.done == total:
            told = now
            text = f"{counts.done} of {total} hosts: {counts}, {now - begun:.0f} s"
            click.echo(text, err=True)

    return watch


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Watch]:
    from rich.console import Console  # noqa: PLC0415 - costs start-up time only a terminal repays
    from rich.progress import (  # noqa: PLC0415 - the same
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    counts = _Counts(total)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=total)

        def watch(host: HostResult) -> None:
            counts.add(host)
            bar.update(task, advance=1, description=str(counts))

        yield watch
