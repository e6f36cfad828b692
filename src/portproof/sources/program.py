"""Run one program on this machine, with limits on time and output, and leave nothing behind."""

import contextlib
import errno
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Final, Self

from portproof.model.observation import Reason, Unobserved
from portproof.sources.answers import quoted
from portproof.text.logs import logger

_LOG: Final = logger(__name__)

OUTPUT_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of standard output that are accepted."""

_COMPLAINT_LIMIT: Final = 64 * 1024
_CHUNK: Final = 256 * 1024
_GRACE: Final = 2.0
"""Seconds to wait for a killed program; only one stuck in the kernel needs any."""

_FEW: Final = 10
_ERROR: Final = b"Error:"
_UNREAD: Final = re.compile(rb"[WEF]\d{4} .*?(Cannot read /proc/.*)")
"""glog's line for a kernel table that was skipped (osquery's ``filesystem.cpp``)."""


@dataclass(slots=True)
class ErrorOutput:
    """What a program wrote to standard error.

    ``error`` is the first line that starts with ``Error:``, without that word, or None; ``unread``
    are warnings that something in ``/proc`` could not be read; ``text`` is the beginning of all.
    """

    error: str | None = None
    unread: list[str] = field(default_factory=list)
    text: bytearray = field(default_factory=bytearray)

    @classmethod
    def of(cls, text: bytes) -> Self:
        """Parse all of it at once, when it comes from somewhere else."""
        told = cls(text=bytearray(text))
        for line in text.splitlines(keepends=True):
            told.note(line)
        return told

    def note(self, line: bytes) -> None:
        """Parse the beginning of a line."""
        if self.error is None and line.startswith(_ERROR):
            self.error = _decoded(line.removeprefix(_ERROR)).strip()
        unread = _UNREAD.match(line)
        if unread is not None and len(self.unread) < _FEW:
            self.unread.append(quoted(_decoded(unread[1])))


@dataclass(slots=True)
class CompletedProgram:
    """A program that has ended or is about to: its exit code, output, error output and pid."""

    code: int | None = None
    output: bytearray = field(default_factory=bytearray)
    complaints: ErrorOutput = field(default_factory=ErrorOutput)
    pid: int = 0


def run(
    command: Sequence[str],
    deadline: float,
    limit: int = OUTPUT_LIMIT,
    given: bytes = b"",
    home: str | None = None,
) -> CompletedProgram | Unobserved:
    """Run a program without a shell.

    When it runs over its time or its output, or on Ctrl-C, its whole process group is killed.

    Args:
        command: The program's path and its arguments.
        deadline: When it must have ended, on the clock of ``time.monotonic``.
        limit: Bytes of output that are accepted.
        given: What the program reads from its input.
        home: The home directory that the program is told; by default the user's.
    """
    begun = time.monotonic()
    if deadline <= begun:
        return _late(command[0])
    try:
        process = _started(command, given, home)
    except (OSError, ValueError) as error:
        return _unstarted(command[0], error)
    ran = CompletedProgram(pid=process.pid)
    readers: list[_PipeReader] = []
    try:
        readers.append(_PipeReader(process.stdout, partial(_keep, process, ran.output, limit)))
        readers.append(_PipeReader(process.stderr, partial(_listen, ran.complaints)))
        ran.code = _code(process, readers, deadline)
    finally:
        _clear_away(process, readers)
        _log(command, ran, time.monotonic() - begun)
    if len(ran.output) > limit:
        return Unobserved(Reason.OVERSIZED, f"{command[0]} printed more than {limit} bytes")
    return ran if ran.code is not None else _late(command[0])


def _log(command: Sequence[str], ran: CompletedProgram, seconds: float) -> None:
    told = seconds, len(ran.output), len(ran.complaints.text)
    text = "%s: exit code %s after %.1f s, %d bytes, %d on stderr"
    _LOG.debug(text, command[0], ran.code, *told)


def _started(command: Sequence[str], given: bytes, home: str | None) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(  # noqa: S603 - no shell: a question is one argument, whatever it holds
        command,
        stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=None if home is None else os.environ | {"HOME": home},
    )
    if process.stdin is not None:  # a full pipe must not block us
        threading.Thread(target=_feed, args=(process.stdin, given), daemon=True).start()
    return process


def _feed(pipe: IO[bytes], given: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(given)


def _unstarted(program: str, error: OSError | ValueError) -> Unobserved:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unobserved(Reason.NO_COLLECTOR, f"there is no program {program}")
    if isinstance(error, PermissionError):
        return Unobserved(Reason.PRIVILEGE, f"no permission to run {program}; run with sudo")
    if isinstance(error, OSError) and error.errno != errno.E2BIG:
        return Unobserved(Reason.NO_COLLECTOR, f"{program} does not run: {quoted(str(error))}")
    return Unobserved(Reason.QUERY_ERROR, f"{program} cannot be asked this: {quoted(str(error))}")


def _late(program: str) -> Unobserved:
    return Unobserved(Reason.TIMEOUT, f"{program} did not end in time")


class _PipeReader(threading.Thread):
    """Reads a pipe to its end, so that a full pipe never blocks the program."""

    def __init__(self, pipe: IO[bytes] | None, read: Callable[[IO[bytes]], None]) -> None:
        super().__init__(daemon=True)
        if pipe is None:
            raise ValueError("the program was started without a pipe")
        self.pipe = pipe
        self.is_through = False
        self._read = read
        self.start()

    def run(self) -> None:
        self._read(self.pipe)
        self.is_through = True


def _keep(process: subprocess.Popen[bytes], output: bytearray, limit: int, pipe: IO[bytes]) -> None:
    while chunk := os.read(pipe.fileno(), _CHUNK):
        output += chunk
        if len(output) > limit:
            _kill(process)
            return


def _listen(complaints: ErrorOutput, pipe: IO[bytes]) -> None:
    begins = True
    while line := pipe.readline(_COMPLAINT_LIMIT):
        if begins:
            complaints.note(line)
        begins = line.endswith(b"\n")
        complaints.text += line[: _COMPLAINT_LIMIT - len(complaints.text)]


def _code(
    process: subprocess.Popen[bytes], readers: Sequence[_PipeReader], deadline: float
) -> int | None:
    """Wait for the ends of both pipes and of the program; None if one does not come."""
    for reader in readers:
        reader.join(max(0.0, deadline - time.monotonic()))
    if not all(reader.is_through for reader in readers):
        return None
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None


def _clear_away(process: subprocess.Popen[bytes], readers: Sequence[_PipeReader]) -> None:
    if process.returncode is None:
        _kill(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    for reader in readers:
        reader.join(_GRACE)
        if not reader.is_alive():  # closing under a reader would wait for it
            reader.pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and its process group, whose number is still valid before the wait."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")
