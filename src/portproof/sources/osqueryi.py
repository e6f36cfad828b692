"""Run osqueryi on this machine: one process for all questions."""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from portproof.model.observation import Answer, Platform, Reason, SourceReply, Unobserved
from portproof.sources.beside import BesideReader, read_beside
from portproof.sources.identity import IDENTITY_SQL, read_identity, this_platform
from portproof.sources.osquery_plan import planned
from portproof.sources.osquery_reply import Beside, reply_to
from portproof.sources.osqueryi_format import one_argument
from portproof.sources.osqueryi_run import SOURCE, OsqueryiReply, joined, judged
from portproof.sources.own import NOTHING_OWN, Own, with_process
from portproof.sources.program import run
from portproof.sources.source import ASIDE_SECONDS, DOCKER_SOCKET, NO_DOCKER

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


_NO_HOME: Final = "/nonexistent"
"""osqueryi makes a folder in the user's home, or in one below /tmp where there is no home."""

_DIRECT_SECONDS: Final = 15.0
"""Seconds for all questions that need more than the tables of the snapshot."""


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
        beside: Reads the sockets once more; None for nothing.
    """

    name = SOURCE

    def __init__(
        self,
        program: str | None = None,
        timeout: float = 30.0,
        platform: Platform | None = None,
        beside: BesideReader | None = read_beside,
    ) -> None:
        self._platform = platform or this_platform()
        self._program = program
        self._timeout = timeout
        self._beside = beside

    def look(
        self, questions: Mapping[str, str], own: Own = NOTHING_OWN
    ) -> SourceReply | Unobserved:
        """Ask who osqueryi is and for every table in one process.

        If any of it fails, each is asked in a process of its own, to tell which one it was.
        """
        program = self._program or find_program(self._platform)
        if program is None:
            return Unobserved(
                Reason.NO_COLLECTOR, "osqueryi is neither on PATH nor where osquery installs it"
            )
        plan = planned(questions, self._platform, holders=self._beside is None)
        shell = _OsqueryiCommand(_command(program), time.monotonic() + self._timeout)
        told = _tell(shell, [IDENTITY_SQL[self._platform], *plan.first.values()])
        identity = read_identity(self.name, self._platform, told.answers[0])
        if isinstance(identity, Unobserved):
            return identity
        answers = dict(zip(plan.first, told.answers[1:], strict=True))
        beside = self._beside(plan, self._timeout) if self._beside is not None else Beside()
        answers |= _ask_direct(shell, plan.direct)
        answers |= {name: _ask_aside(shell, sql) for name, sql in plan.aside.items()}
        deadline = time.monotonic() + self._timeout
        own = with_process(own, told.pid)
        return reply_to(
            plan, identity, answers, deadline, incomplete=told.unread, beside=beside, own=own
        )


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


def _ask_direct(shell: _OsqueryiCommand, questions: Mapping[str, str]) -> dict[str, Answer]:
    """Ask questions as they are, within a part of the time."""
    if not questions:
        return {}
    hurried = shell._replace(deadline=min(shell.deadline, time.monotonic() + _DIRECT_SECONDS))
    told = _ask(hurried, [*questions.values()])
    is_late = isinstance(told, Unobserved) and told.reason is Reason.TIMEOUT
    if isinstance(told, Unobserved) and len(questions) > 1 and not is_late:
        told = joined(_ask(hurried, [sql]) for sql in questions.values())
    if isinstance(told, Unobserved):
        return dict.fromkeys(questions, told)
    return dict(zip(questions, told.answers, strict=True))


def _ask_aside(shell: _OsqueryiCommand, sql: str) -> Answer:
    """Ask what may take long in a separate process, or none at all without docker."""
    if not Path(DOCKER_SOCKET).exists():
        return NO_DOCKER
    deadline = min(shell.deadline, time.monotonic() + ASIDE_SECONDS)
    told = _ask(shell._replace(deadline=deadline), [sql])
    return told if isinstance(told, Unobserved) else told.answers[0]


def _ask(shell: _OsqueryiCommand, questions: Sequence[str]) -> OsqueryiReply | Unobserved:
    ran = run((*shell.command, one_argument(questions)), shell.deadline, home=_NO_HOME)
    if isinstance(ran, Unobserved):
        return ran
    return judged(ran, len(questions), shell.command[0])
