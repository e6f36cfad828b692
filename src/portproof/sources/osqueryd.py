"""Ask the osqueryd of this machine over its extension socket."""

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from portproof.model.observation import Answer, Identity, Platform, Reason, SourceReply, Unobserved
from portproof.sources.beside import BesideReader, read_beside
from portproof.sources.identity import IDENTITY_SQL, read_identity, this_platform
from portproof.sources.osquery_plan import PACKAGES, QueryPlan, planned
from portproof.sources.osquery_reply import Beside, reply_to
from portproof.sources.own import NOTHING_OWN, Own
from portproof.sources.source import ASIDE_SECONDS

if TYPE_CHECKING:
    from portproof.sources.thrift_client import OsquerydConnection

Ask = Callable[[str], Answer]

_SOCKETS: Final = {
    Platform.LINUX: "/var/osquery/osquery.em",
    Platform.MACOS: "/var/osquery/osquery.em",
    Platform.WINDOWS: r"\\.\pipe\osquery.em",
}
"""Where osqueryd listens by default (osquery's flag ``extensions_socket``)."""

_FIRST_SECONDS: Final = 3.0
"""Seconds for the first question: a daemon that was stopped accepts connections and is mute."""

_DIRECT_SECONDS: Final = 5.0
_DIRECT_BUDGET: Final = 15.0
"""Seconds for one question that is asked as it is, and for all of them. osqueryd goes on computing
after it was given up, and its watchdog would kill it."""

_RESTART_SECONDS: Final = 8.0
_PAUSE: Final = 0.5
"""Seconds that a new worker of osqueryd's is waited for, and between two attempts."""

_NOT_ASKED: Final = Unobserved(
    Reason.MISSING_TABLE,
    "osqueryd is not asked for deb_packages: two questions at a time crash it (osquery#8622)",
)
_PACKAGES: Final = re.compile(rf"\b{PACKAGES}\b", re.IGNORECASE)


class OsquerydSource:
    """A source that asks a running osqueryd, with its privileges and with fresh data.

    Args:
        socket_path: The extension socket; by default the platform's usual one.
        timeout: Seconds for each table.
        platform: What the machine is; by default found out.
        beside: Reads what osqueryd is not asked for, and sockets once more; None for nothing.
    """

    name = "osqueryd"

    def __init__(
        self,
        socket_path: str | None = None,
        timeout: float = 30.0,
        platform: Platform | None = None,
        beside: BesideReader | None = read_beside,
    ) -> None:
        self._platform = platform or this_platform()
        self._path = socket_path or _SOCKETS[self._platform]
        self._timeout = timeout
        self._beside = beside

    def look(
        self,
        questions: Mapping[str, str],
        own: Own = NOTHING_OWN,
    ) -> SourceReply | Unobserved:
        """Ask who osqueryd is and then every question, over one connection while it holds."""
        if self._platform is Platform.WINDOWS:
            return Unobserved(
                Reason.NO_COLLECTOR,
                f"osqueryd's named pipe {self._path} is not read on Windows; osqueryi is",
            )
        from portproof.sources.thrift_client import OsquerydConnection  # noqa: PLC0415 - Thrift costs start-up time that audits over SSH need not pay

        asks_holders = self._beside is None
        plan = planned(questions, self._platform, (PACKAGES,), holders=asks_holders)
        with OsquerydConnection(self._path, self._timeout) as osqueryd:
            told = _round(osqueryd, plan, self.name)
        if isinstance(told, Unobserved):
            return told
        identity, answers = told
        beside = self._beside(plan, self._timeout) if self._beside is not None else Beside()
        with OsquerydConnection(self._path, min(self._timeout, ASIDE_SECONDS)) as osqueryd:
            answers |= _ask_all(osqueryd.ask, plan.aside)
        deadline = time.monotonic() + self._timeout
        return reply_to(plan, identity, answers, deadline, beside=beside, own=own)


def _round(
    osqueryd: "OsquerydConnection", plan: QueryPlan, source: str
) -> tuple[Identity, dict[str, Answer]] | Unobserved:
    """Ask who osqueryd is, then for the tables, then what is asked as it is."""
    who = osqueryd.ask(IDENTITY_SQL[plan.platform], _FIRST_SECONDS)
    identity = read_identity(source, plan.platform, who)
    if isinstance(identity, Unobserved):
        return identity
    if not plan.takes_snapshot:
        return identity, _ask_all(osqueryd.ask, plan.first)
    patient = _Patient(osqueryd)
    answers = _ask_all(patient.ask, plan.first)
    if patient.gone is not None:
        return Unobserved(patient.gone.reason, f"osqueryd ended twice: {patient.gone.detail}")
    if not any(map(_is_late, answers.values())):
        answers |= _ask_all(_hurried(osqueryd), plan.direct)
    return identity, answers


class _Patient:
    """Asks once more where osqueryd ends: its watcher starts another worker in a few seconds.

    ``gone`` is the answer after which nothing more is asked.
    """

    def __init__(self, osqueryd: "OsquerydConnection") -> None:
        self._osqueryd = osqueryd
        self._has_ended = False
        self.gone: Unobserved | None = None

    def ask(self, sql: str) -> Answer:
        """Ask one question, twice if need be."""
        if self.gone is not None:
            return self.gone
        answer = self._osqueryd.ask(sql)
        if self._osqueryd.is_lost and not self._has_ended:
            self._has_ended = True
            answer = self._ask_again(sql)
        if self._osqueryd.is_lost and isinstance(answer, Unobserved):
            self.gone = answer
        return answer

    def _ask_again(self, sql: str) -> Answer:
        """Ask as soon as a new worker listens."""
        until = time.monotonic() + _RESTART_SECONDS
        while True:
            time.sleep(_PAUSE)
            answer = self._osqueryd.ask(sql)
            absent = isinstance(answer, Unobserved) and answer.reason is Reason.NO_COLLECTOR
            if not absent or time.monotonic() > until:
                return answer


def _hurried(osqueryd: "OsquerydConnection") -> Ask:
    """Return a way to ask within what is left of the time for questions that are asked as is."""
    until = time.monotonic() + _DIRECT_BUDGET

    def ask(sql: str) -> Answer:
        left = until - time.monotonic()
        if left <= 0:
            return Unobserved(Reason.TIMEOUT, "osqueryd was not asked this; the time was over")
        return osqueryd.ask(sql, min(_DIRECT_SECONDS, left))

    return ask


def _ask_all(ask: Ask, questions: Mapping[str, str]) -> dict[str, Answer]:
    """Ask each question; once osqueryd does not answer, the rest is not asked."""
    answers: dict[str, Answer] = {}
    mute: Answer | None = None
    for name, sql in questions.items():
        if mute is not None:
            answers[name] = mute
        elif _PACKAGES.search(sql):
            answers[name] = _NOT_ASKED
        else:
            answers[name] = ask(sql)
            mute = answers[name] if _is_late(answers[name]) else None
    return answers


def _is_late(answer: Answer) -> bool:
    return isinstance(answer, Unobserved) and answer.reason is Reason.TIMEOUT
