"""The log: who writes to it, and how a line of it looks. Off until ``start`` is called.

Every module logs through a logger below ``portproof``: INFO tells the steps of each host, DEBUG
the protocols. Secrets are never logged.
"""

import contextlib
import logging
import os
import re
import stat
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from portproof.errors import UsageError
from portproof.text.visible import shortened, visible

_ROOT: Final = "portproof"
_ASYNCSSH: Final = "asyncssh"
_LONGEST: Final = 2000
"""Characters of a line; what hosts and programs send can be of any length."""

_FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s[%(process)d]: %(message)s"
_MARKS: Final = re.compile("portproof-[0-9a-f]{16,32}")
"""What delimits an answer (``ssh.command.Delimiters``); asyncssh logs it with a command."""

_CI_COMMAND: Final = re.compile(r"##(?=\[|vso\[|teamcity\[)")
"""What logs of CI systems take for a command anywhere in a line; a host may have sent it."""

_FRAMES: Final = 8
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged and where.

    Attributes:
        verbosity: 1 for the steps of each host, 2 for the protocols too.
        file: The file that lines are appended to, or None for standard error.
    """

    verbosity: int
    file: str | None = None


def logger(name: str) -> logging.Logger:
    """Return the logger of a module. Nothing is printed unless somebody asks for it."""
    root = logging.getLogger(_ROOT)
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    return logging.getLogger(name)


def start(settings: LogSettings) -> None:
    """Log from now on as the settings say, and no longer as earlier ones said.

    Raises:
        UsageError: the file cannot be written, or is a link or no regular file.
    """
    handler = _Lines(_descriptor(settings.file), settings)
    level = logging.DEBUG if settings.verbosity > 1 else logging.INFO
    for name in (_ROOT, _ASYNCSSH) if settings.verbosity > 1 else (_ROOT,):
        log = logging.getLogger(name)
        log.handlers = [handler]
        log.setLevel(level)


def current() -> LogSettings | None:
    """Return what ``start`` was last called with, or None if nothing is logged."""
    handlers = logging.getLogger(_ROOT).handlers
    return next((each.settings for each in handlers if isinstance(each, _Lines)), None)


def on_stderr() -> bool:
    """Whether lines are logged to standard error, where a bar of progress would be broken."""
    settings = current()
    return settings is not None and settings.file is None


def failure(error: BaseException) -> str:
    """Describe an unexpected error for the log: its type and place. Its text may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " > ".join(f"{each.filename}:{each.lineno} {each.name}" for each in frames)
    return f"{type(error).__name__} in {places}"


class _Formatter(logging.Formatter):
    """Makes a record one safe line: no hidden characters, no cursor movement, no secret."""

    def __init__(self) -> None:
        super().__init__(_FORMAT, "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        line = _MARKS.sub("portproof-***", visible(super().format(record)))
        return shortened(_CI_COMMAND.sub("# #", line), _LONGEST)


class _Lines(logging.Handler):
    """Writes each line at once and whole, so that those of several processes do not mix."""

    def __init__(self, descriptor: int | None, settings: LogSettings) -> None:
        super().__init__()
        self.settings = settings
        self._descriptor = descriptor
        self.setFormatter(_Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; an audit goes on without its log where that cannot be written."""
        if self._descriptor is None:
            return
        line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        try:
            os.write(self._descriptor, line)
        except OSError as error:
            self._descriptor = None
            self._tell(error)

    def _tell(self, error: OSError) -> None:
        if self.settings.file is None or sys.stderr is None:
            return
        text = f"portproof: --log-file {self.settings.file} cannot be written: {error.strerror}\n"
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)


def _descriptor(file: str | None) -> int | None:
    """Open the log. Without standard error, its number may be that of any other file."""
    if file is None:
        return None if sys.stderr is None else sys.stderr.fileno()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    # A pipe that nobody reads is not waited for; a link is not followed.
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    if Path(file).is_symlink():
        raise UsageError(f"--log-file {file} is a symbolic link; name the file itself")
    try:
        descriptor = os.open(file, flags, _PRIVATE)
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        if is_regular and hasattr(os, "fchmod"):
            os.fchmod(descriptor, _PRIVATE)
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--log-file {file} cannot be written: {text}") from None
    if not is_regular:
        os.close(descriptor)
        raise UsageError(f"--log-file {file} is not a regular file")
    return descriptor
