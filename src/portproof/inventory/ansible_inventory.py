"""Run a program of the user's on this machine, with limits on time and output."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

OUTPUT_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of standard output that are accepted."""

COMPLAINT_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of standard error. None may be cut: each message can say that hosts are missing."""

_CHUNK: Final = 1024 * 1024
_GRACE: Final = 2.0
"""Seconds to wait for a killed program; only one stuck in the kernel needs any."""


class UnfinishedError(Exception):
    """The program was stopped, or did not start; the message says why."""


@dataclass(slots=True)
class InventoryRun:
    """A program that ended: its exit code, its output and its standard error."""

    code: int = 0
    output: bytearray = field(default_factory=bytearray)
    complaints: bytearray = field(default_factory=bytearray)


def run(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> InventoryRun:
    """Run a program without a shell, a terminal or input.

    When it is stopped, or on Ctrl-C, its whole process group is killed.

    Raises:
        UnfinishedError: it could not be started, took too long or printed too much.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the program is the user's own
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise UnfinishedError(f"{command[0]} cannot be run: {error}") from None
    try:
        return _watch(process, time.monotonic() + seconds, seconds)
    finally:
        _end(process)


def _watch(process: subprocess.Popen[bytes], deadline: float, seconds: float) -> InventoryRun:
    ran = InventoryRun()
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((process.stdout, ran.output), (process.stderr, ran.complaints)):
            selector.register(_pipe(pipe), selectors.EVENT_READ, kept)
        while selector.get_map():
            if deadline <= time.monotonic():
                raise UnfinishedError(f"did not end within {seconds:g} seconds and was stopped")
            for key, _ in selector.select(deadline - time.monotonic()):
                if not _take(key, ran):
                    selector.unregister(key.fileobj)
    try:
        ran.code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise UnfinishedError(f"did not end within {seconds:g} seconds and was stopped") from None
    return ran


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the program was started without a pipe")
    return pipe


def _take(key: selectors.SelectorKey, ran: InventoryRun) -> bool:
    """Read what is available; return False at the end of the pipe."""
    kept: bytearray = key.data
    chunk = os.read(key.fd, _CHUNK)
    kept += chunk
    if len(ran.output) > OUTPUT_LIMIT:
        raise UnfinishedError(f"printed more than {OUTPUT_LIMIT >> 20} MiB and was stopped")
    if len(ran.complaints) > COMPLAINT_LIMIT:
        raise UnfinishedError(f"printed more than {COMPLAINT_LIMIT >> 20} MiB and was stopped")
    return bool(chunk)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program's process group while its number is still valid, and close the pipes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    for pipe in (process.stdout, process.stderr):
        _pipe(pipe).close()
