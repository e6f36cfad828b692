"""Show the progress of an audit: a bar on a terminal, a line every 15 seconds elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Final

import click

from portproof.app.audit_request import RunningAudit, ShowHost
from portproof.cli.interrupts import finishing_first
from portproof.model.verdicts import Verdict
from portproof.result.result import HostResult
from portproof.text.logs import on_stderr

_EVERY: Final = 15.0
"""Seconds between two lines if there is no terminal."""
_FEW: Final = 5
"""Up to this many hosts, no progress is shown."""


class _Counts:
    """How many hosts are proven, failing and unproven so far."""

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
def following(running: RunningAudit, *, quiet: bool) -> Iterator[ShowHost | None]:
    """Show the progress of an audit and handle Ctrl-C while hosts are audited."""
    stopping = finishing_first(running.finish, running.cancel)
    try:
        with stopping, _progress(running.hosts, quiet=quiet) as watch:
            yield watch
    except KeyboardInterrupt:
        text = f"portproof: the evidence so far is in {running.folder}; resume the audit with"
        click.echo(f"{text} --resume {running.folder}", err=True)
        raise


@contextlib.contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[ShowHost | None]:
    """Yield a function that shows each host's result, or None if nothing is shown."""
    if quiet or total <= _FEW:
        yield None
    elif sys.stderr.isatty() and not on_stderr():
        with _bar(total) as watch:
            yield watch
    else:
        yield _lines(total)


def _lines(total: int) -> ShowHost:
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
def _bar(total: int) -> Iterator[ShowHost]:
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
