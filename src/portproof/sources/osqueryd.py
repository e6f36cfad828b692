"""Ask the osqueryd of this machine over its extension socket."""

from collections.abc import Callable, Mapping
from typing import Final

from portproof.model.observation import Answer, Platform, Reason, SourceReply, Unobserved
from portproof.sources.identity import IDENTITY_SQL, read_identity, this_platform
from portproof.sources.own import NOTHING_OWN, Own
from portproof.sources.source import ASIDE_SECONDS, apart

Ask = Callable[[str], Answer]

_SOCKETS: Final = {
    Platform.LINUX: "/var/osquery/osquery.em",
    Platform.MACOS: "/var/osquery/osquery.em",
    Platform.WINDOWS: r"\\.\pipe\osquery.em",
}
"""Where osqueryd listens by default (osquery's flag ``extensions_socket``)."""


class OsquerydSource:
    """A source that asks a running osqueryd, with its privileges and with fresh data.

    Args:
        socket_path: The extension socket; by default the platform's usual one.
        timeout: Seconds for each question.
        platform: What the machine is; by default found out.
    """

    name = "osqueryd"

    def __init__(
        self,
        socket_path: str | None = None,
        timeout: float = 30.0,
        platform: Platform | None = None,
    ) -> None:
        self._platform = platform or this_platform()
        self._path = socket_path or _SOCKETS[self._platform]
        self._timeout = timeout

    def look(
        self,
        questions: Mapping[str, str],
        own: Own = NOTHING_OWN,  # noqa: ARG002 - osquery answers checks itself, from all its rows
    ) -> SourceReply | Unobserved:
        """Ask who osqueryd is and then every question, over one connection while it holds."""
        if self._platform is Platform.WINDOWS:
            return Unobserved(
                Reason.NO_COLLECTOR,
                f"osqueryd's named pipe {self._path} is not read on Windows; osqueryi is",
            )
        together, aside = apart(questions)
        from portproof.sources.thrift_client import OsquerydConnection  # noqa: PLC0415 - Thrift costs start-up time that audits over SSH need not pay

        with OsquerydConnection(self._path, self._timeout) as osqueryd:
            who = osqueryd.ask(IDENTITY_SQL[self._platform])
            identity = read_identity(self.name, self._platform, who)
            if isinstance(identity, Unobserved):
                return identity
            answers = _ask_all(osqueryd.ask, together)
        with OsquerydConnection(self._path, min(self._timeout, ASIDE_SECONDS)) as osqueryd:
            return SourceReply(identity, answers | _ask_all(osqueryd.ask, aside))


def _ask_all(ask: Ask, questions: Mapping[str, str]) -> dict[str, Answer]:
    """Ask each question; once osqueryd does not answer, the rest is not asked."""
    answers: dict[str, Answer] = {}
    mute: Unobserved | None = None
    for name, sql in questions.items():
        answer = ask(sql) if mute is None else mute
        if isinstance(answer, Unobserved) and answer.reason is Reason.TIMEOUT:
            mute = answer
        answers[name] = answer
    return answers
