"""Calls the command line in this process: what it prints, and its exit code."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from portproof.cli import main


class Done(NamedTuple):
    """A call that ended."""

    code: int
    out: str
    err: str


def portproof(*args: str | Path) -> Done:
    """Call ``portproof`` with arguments; output is no terminal."""
    with (
        _text() as out,
        _text() as err,
        mock.patch.object(sys, "argv", ["portproof", *map(str, args)]),
    ):
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main()
        return Done(code, _told(out), _told(err))


@contextlib.contextmanager
def _text() -> Iterator[io.TextIOWrapper]:
    with io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") as stream:
        yield stream


def _told(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
