"""Looks at hosts over SSH: one connection and one command a host, and nothing is left behind.

Where listeners fail, a second command over the same connection asks who is behind them.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Final, NamedTuple, Self
from weakref import WeakValueDictionary

import msgspec

from portproof.errors import UsageError
from portproof.investigate.why import SECONDS
from portproof.model.connection import Connection
from portproof.model.listeners import Listener
from portproof.model.observation import (
    AccessPath,
    FailedLook,
    HostLook,
    Look,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.ssh.command import RemoteCommand, UnsupportedError
from portproof.ssh.connect import ConnectError, Connector
from portproof.ssh.dialogue import AgentReply, Outcome, Printed, Ready
from portproof.ssh.host_identity import (
    ReachedServer,
    misplaced,
    reached_server,
    with_holder_doubt,
)
from portproof.ssh.replies import HostReply, read_reply, reply_of_shell, run_of
from portproof.ssh.script import PROBE, Asking, program_of
from portproof.ssh.second_round import SecondRound
from portproof.ssh.session import Session
from portproof.ssh.settings import VIA, SshSettings
from portproof.text.logs import logger
from portproof.text.times import now

_LOG: Final = logger(__name__)

_PLATFORMS: Final = {"linux": Platform.LINUX, "darwin": Platform.MACOS}
_SMALL: Final = 12 * 1024
"""Bytes of an answer that are judged at once. Joins of the tables in a larger one can be so much
work that it would hold up the other hosts."""

_MORE: Final = 0.2
"""The part of the time of a look that a second round may take beyond it."""

_JUDGING: Final = 20.0
"""Seconds the questions may take on the answer of the probe."""


class SshCollector:
    """Looks at hosts over SSH; keys, known hosts and jump hosts are shared by all of them.

    Args:
        questions: The SQL of every question by its id, for each platform a host may be of.
        settings: The limits.

    Raises:
        UsageError: ``settings.via`` is no source.
    """

    def __init__(
        self,
        questions: Mapping[Platform, Mapping[str, str]],
        settings: SshSettings = SshSettings(),  # noqa: B008 - frozen
    ) -> None:
        if settings.via not in (None, *VIA):
            raise UsageError(f"over SSH there is no source {settings.via}; take {' or '.join(VIA)}")
        self._questions = questions
        self._settings = settings
        self._askings: dict[tuple[Platform, str | None], Asking] = {}
        self._turns = WeakValueDictionary[tuple[str, str], asyncio.Lock]()
        self._connector = Connector(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to jump hosts."""
        await self._connector.close()

    async def look(self, host: str, connection: Connection) -> Look:
        """Look at one host. Nothing that a host or the network does raises an error."""
        async with self.opened(host, connection) as opened:
            return await self.look_at(opened)

    @contextlib.asynccontextmanager
    async def opened(
        self, host: str, connection: Connection
    ) -> AsyncIterator["OpenedHost | FailedLook"]:
        """Open the connection to a host, or yield the failed look of one that is not reached.

        Args:
            host: The host's name, for details.
            connection: How it is reached.
        """
        begun, access = _Begun(now(), time.monotonic()), None
        async with contextlib.AsyncExitStack() as stack:
            try:
                call = RemoteCommand.to(connection)
                route = await self._connector.route(connection)
                access = route.access
                opened = await stack.enter_async_context(self._connector.connected(route, host))
            except (UnsupportedError, ConnectError) as error:
                failed = _not_reached(error, begun)
                host_or_failure: OpenedHost | FailedLook = msgspec.structs.replace(
                    failed, access=access
                )
            else:
                is_direct = not route.access.through
                session = Session(host, connection, opened, is_direct=is_direct)
                host_or_failure = OpenedHost(session, call, begun, route.access)
            yield host_or_failure

    async def look_at(self, host: "OpenedHost | FailedLook") -> Look:
        """Look at a host whose connection is open."""
        if isinstance(host, FailedLook):
            return host
        async with self._turn(host.session.peer):
            started = time.monotonic()
            told, witnesses = await self._ask(host.session, host.call)
            host.spent = time.monotonic() - started
        _LOG.info("%s: first round over after %.1f s", host.session.host, host.begun.seconds())
        if isinstance(told.reply, Unobserved):
            return msgspec.structs.replace(_dark(told, host.begun), access=host.access)
        return HostLook(
            reply=told.reply,
            witnesses=(*told.canaries, *witnesses),
            taken=host.begun.taken,
            seconds=host.begun.seconds(),
            tried=told.tried,
            access=host.access,
        )

    async def explained(
        self, host: "OpenedHost", look: HostLook, listeners: Sequence[Listener]
    ) -> HostLook:
        """Return a look with who is behind some of its listeners, asked over the same connection.

        It raises nothing for what a host does, and takes the time that the look left, and a bit.
        """
        left = self._settings.command_timeout * (1 + _MORE) - host.spent
        until = time.monotonic() + min(SECONDS, left)
        asking = SecondRound(host.session, look.reply.identity.platform, until)
        _LOG.info("%s: second round, listeners: %d", host.session.host, len(listeners))
        why = await asking.who_is_behind(listeners)
        _LOG.info("%s: second round over, processes: %d", host.session.host, len(why))
        return msgspec.structs.replace(look, why=why)

    @contextlib.asynccontextmanager
    async def _turn(self, peer: tuple[str, str]) -> AsyncIterator[None]:
        """Hold off other looks at the same address and port: they would see this one's canaries."""
        turn = self._turns.setdefault(peer, asyncio.Lock()) if all(peer) else asyncio.Lock()
        async with turn:
            yield

    async def _ask(
        self, open_session: Session, call: RemoteCommand
    ) -> tuple[HostReply, tuple[Witness, ...]]:
        """Ask once, and once more for the probe where what osqueryi told cannot be used."""
        until = time.monotonic() + self._settings.command_timeout
        told, witnesses = await self._ask_for(self._settings.via, open_session, until, call)
        if told.useless is None or self._settings.via is not None:
            return told, witnesses
        _LOG.info("%s: osqueryi: %s; asking the probe", open_session.host, told.useless)
        again, further = await self._ask_for(PROBE, open_session, until)
        if isinstance(again.reply, Unobserved):
            return told, witnesses
        return again._replace(tried=(f"osqueryi: {told.useless.detail}", *again.tried)), further

    async def _ask_for(
        self,
        via: str | None,
        open_session: Session,
        until: float,
        call: RemoteCommand | None = None,
    ) -> tuple[HostReply, tuple[Witness, ...]]:
        seconds = max(0.0, until - time.monotonic())
        program = partial(self._program, via, open_session, until)
        outcome = await open_session.ask(program, seconds, self._settings.output_limit, call)
        if open_session.ready is None or isinstance(outcome, Unobserved):
            return HostReply(_unobserved(outcome), ()), ()
        server = _server(open_session.ready, open_session)
        if server is None:
            host = open_session.host
            text = f"nothing shows that what answered is {host}: SSH_CONNECTION is not set there"
            return HostReply(Unobserved(Reason.NO_WITNESS, text), ()), ()
        platform = _PLATFORMS[open_session.ready.system]
        canary_at = server.witness.address if server.bindable else ""
        told = await self._judge(outcome, platform, canary_at)
        if isinstance(told.reply, SourceReply):
            placed = told.canaries if canary_at and isinstance(outcome, AgentReply) else None
            doubt = misplaced(open_session.host, told.reply, server.witness, placed)
            reply = doubt or with_holder_doubt(
                told.reply, server.witness, self._questions[platform]
            )
            told = told._replace(reply=reply)
        return told, (server.witness,)

    def _program(
        self, via: str | None, to: Session, deadline: float, ready: Ready, seal: str
    ) -> bytes | Unobserved:
        """Return what to send to a host that is ready."""
        platform = _PLATFORMS.get(ready.system)
        if platform is None or platform not in self._questions:
            text = f"{to.host} runs {ready.system[:40]!a}, which there are no questions for"
            return Unobserved(Reason.NO_COLLECTOR, text)
        server = _server(ready, to)
        asking = replace(self._asking(platform, via), server=server.bindable if server else "")
        return program_of(asking, deadline, to.host, ready, seal)

    def _asking(self, platform: Platform, via: str | None) -> Asking:
        if (platform, via) not in self._askings:
            questions, limit = self._questions[platform], self._settings.output_limit // 2
            self._askings[platform, via] = Asking.prepare(platform, questions, via, limit)
        return self._askings[platform, via]

    async def _judge(self, outcome: Outcome, platform: Platform, server: str) -> HostReply:
        questions, deadline = self._questions[platform], time.monotonic() + _JUDGING
        if isinstance(outcome, Printed):
            judging, size = (
                partial(_by_shell, outcome, questions, platform, deadline),
                len(outcome.output),
            )
        elif isinstance(outcome, AgentReply):
            text = outcome.text
            judging, size = (
                partial(read_reply, text, questions, platform, deadline, server),
                len(text),
            )
        else:
            return HostReply(_unobserved(outcome), ())
        return judging() if size <= _SMALL else await asyncio.to_thread(judging)


def _by_shell(
    printed: Printed, questions: Mapping[str, str], platform: Platform, deadline: float
) -> HostReply:
    return HostReply(reply_of_shell(run_of(printed), questions, platform, deadline), ())


class _Begun(NamedTuple):
    """When a look was begun: the controller's clock, and ``time.monotonic``."""

    taken: datetime
    at: float

    def seconds(self) -> float:
        return round(time.monotonic() - self.at, 3)


@dataclass(slots=True)
class OpenedHost:
    """A host whose connection is open; ``spent`` are the seconds its look took."""

    session: Session
    call: RemoteCommand
    begun: _Begun
    access: AccessPath
    spent: float = 0.0


def _server(ready: Ready, session: Session) -> ReachedServer | None:
    peer = session.peer
    return reached_server(ready.connection, peer, is_direct=session.is_direct)


def _not_reached(error: UnsupportedError | ConnectError, begun: _Begun) -> FailedLook:
    if isinstance(error, ConnectError):
        return _dark(HostReply(error.cause, ()), begun)
    return _dark(HostReply(Unobserved(Reason.UNSUPPORTED_CONNECTION, str(error)), ()), begun)


def _dark(told: HostReply, begun: _Begun) -> FailedLook:
    return FailedLook(
        cause=_unobserved(told.reply), taken=begun.taken, seconds=begun.seconds(), tried=told.tried
    )


def _unobserved(outcome: Outcome | SourceReply) -> Unobserved:
    if isinstance(outcome, Unobserved):
        return outcome
    return Unobserved(Reason.GARBLED, "the host answered before it was ready")
