"""Run osqueryi on this machine: one process for all questions."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from portproof.model.observation import Answer, Platform, Reason, SourceReply, Unobserved
from portproof.sources.identity import IDENTITY_SQL, read_identity, this_platform
from portproof.sources.osqueryi_format import one_argument
from portproof.sources.osqueryi_run import SOURCE, OsqueryiReply, joined, judged
from portproof.sources.own import NOTHING_OWN, Own
from portproof.sources.program import run
from portproof.sources.source import ASIDE_SECONDS, DOCKER_SOCKET, NO_DOCKER, apart

_ON_PATH: Final = ("osqueryi", "osqueryd")
_INSTALLED: Final = {
    Platform.LINUX: (
        "/usr/local/bin/osqueryi",
        "/usr/bin/osqueryi",
        "/opt/osquery/bin/osqueryd",
    ),
    Platform.MACOS: (
        "/usr/local/bin/osqueryi",
        "/opt/osquery/lib/osquery.app/Contents/MacOS/osqueryd",
    ),
    Platform.WINDOWS: (
        r"C:\Program Files\osquery\osqueryi.exe",
        r"C:\Program Files\osquery\osqueryd\osqueryd.exe",
    ),
}
"""Where osquery's packages put the program (osquery's documentation, installation pages)."""


class _OsqueryiCommand(NamedTuple):
    """A way to start osqueryi, and the deadline for all of it."""

    command: tuple[str, ...]
    deadline: float


class OsqueryiSource:
    """A source that starts osqueryi, with our own privileges and without its configuration.

    Args:
        program: osqueryi, or osqueryd, which is the same program; by default it is looked for on
            PATH and where packages install it.
        timeout: Seconds for a whole look.
        platform: What the machine is; by default found out.
    """

    name = SOURCE

    def __init__(
        self,
        program: str | None = None,
        timeout: float = 30.0,
        platform: Platform | None = None,
    ) -> None:
        self._platform = platform or this_platform()
        self._program = program
        self._timeout = timeout

    def look(
        self,
        questions: Mapping[str, str],
        own: Own = NOTHING_OWN,  # noqa: ARG002 - osquery answers checks itself, from all its rows
    ) -> SourceReply | Unobserved:
        """Ask who osqueryi is and every question in one process.

        If any of it fails, each is asked in a process of its own, to tell which one it was.
        """
        program = self._program or find_program(self._platform)
        if program is None:
            return Unobserved(
                Reason.NO_COLLECTOR, "osqueryi is neither on PATH nor where osquery installs it"
            )
        together, aside = apart(questions)
        shell = _OsqueryiCommand(_command(program), time.monotonic() + self._timeout)
        told = _tell(shell, [IDENTITY_SQL[self._platform], *together.values()])
        identity = read_identity(self.name, self._platform, told.answers[0])
        if isinstance(identity, Unobserved):
            return identity
        answers = dict(zip(together, told.answers[1:], strict=True))
        answers |= {name: _ask_aside(shell, sql) for name, sql in aside.items()}
        return SourceReply(identity, answers, tuple(dict.fromkeys(told.unread)))


def find_program(platform: Platform) -> str | None:
    """Find osqueryi, or an osqueryd to run as osqueryi: on PATH, then where packages put it."""
    candidates = map(shutil.which, (*_ON_PATH, *_INSTALLED[platform]))
    return next((path for path in candidates if path), None)


def _command(program: str) -> tuple[str, ...]:
    # Named osqueryd, the program runs as the daemon unless a flag says otherwise.
    shell = ("-S",) if "osqueryd" in program else ()
    nothing = os.devnull
    # A flag file or configuration on the host could disable tables.
    flags = (f"--flagfile={nothing}", f"--config_path={nothing}", "--disable_events", "--json")
    return (program, *shell, *flags)


def _tell(shell: _OsqueryiCommand, questions: Sequence[str]) -> OsqueryiReply:
    told = _ask(shell, questions)
    if not isinstance(told, Unobserved):
        return told
    return _tell_each(shell, questions) if len(questions) > 1 else joined([told])


def _tell_each(shell: _OsqueryiCommand, questions: Sequence[str]) -> OsqueryiReply:
    """Ask each question separately; without the identity, the first answer, none counts."""
    first = joined([_ask(shell, questions[:1])])
    if isinstance(first.answers[0], Unobserved):
        return first
    return joined([first, *(_ask(shell, [sql]) for sql in questions[1:])])


def _ask_aside(shell: _OsqueryiCommand, sql: str) -> Answer:
    """Ask what may take long in a separate process, or none at all without docker."""
    if not Path(DOCKER_SOCKET).exists():
        return NO_DOCKER
    deadline = min(shell.deadline, time.monotonic() + ASIDE_SECONDS)
    told = _ask(shell._replace(deadline=deadline), [sql])
    return told if isinstance(told, Unobserved) else told.answers[0]


def _ask(shell: _OsqueryiCommand, questions: Sequence[str]) -> OsqueryiReply | Unobserved:
    ran = run((*shell.command, one_argument(questions)), shell.deadline)
    if isinstance(ran, Unobserved):
        return ran
    return judged(ran, len(questions), shell.command[0])
