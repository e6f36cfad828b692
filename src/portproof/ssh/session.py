"""Carries conversations with one host over an open connection."""

import asyncio
from collections.abc import Callable
from typing import Final

import asyncssh

from portproof.model.connection import Connection
from portproof.model.observation import Reason, Unobserved
from portproof.sources.answers import quoted
from portproof.ssh.command import RemoteCommand
from portproof.ssh.dialogue import AgentReply, Dialogue, Outcome, Peer, Printed, Ready
from portproof.text.logs import logger

_LOG: Final = logger(__name__)

_TERMINAL: Final = "dumb"
_PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between the attempts to begin another conversation over a connection."""


class _DialogueChannel(asyncssh.SSHClientSession[bytes]):
    """Carries a dialogue over a channel; ``outcome`` is there when it is over."""

    def __init__(self, host: str, dialogue: Dialogue) -> None:
        self._host = host
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._dialogue = dialogue
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._code: int | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self.outcome.done():
            return
        answer = self._dialogue.hear(data) if datatype is None else self._dialogue.overhear(data)
        if answer and self._channel is not None:
            self._channel.write(answer)
        if self._dialogue.outcome is not None:
            self._finish(self._dialogue.outcome)

    def eof_received(self) -> bool:
        return True  # the exit code is still to come

    def exit_status_received(self, status: int) -> None:
        self._code = status
        _LOG.debug("%s: exit code %d", self._host, status)

    def connection_lost(self, exc: Exception | None) -> None:
        cause = "" if exc is None else str(exc) or type(exc).__name__
        if not self.outcome.done():
            self._finish(self._dialogue.end(self._code, cause))

    def _finish(self, outcome: Outcome) -> None:
        self.outcome.set_result(outcome)


Say = Callable[[Ready, str], bytes | Unobserved]
"""What to send to a host that is ready, to be framed with a seal; or why nothing can be asked."""


class Session:
    """A host whose connection is open. What is asked there is asked one after the other.

    ``ready`` is what the host said when it was last ready; ``is_direct`` whether nothing is known
    to lie between, such as a jump host.
    """

    def __init__(
        self,
        host: str,
        connection: Connection,
        opened: asyncssh.SSHClientConnection,
        *,
        is_direct: bool = True,
    ) -> None:
        self.host = host
        self.is_direct = is_direct
        self.ready: Ready | None = None
        self._connection = connection
        self._opened = opened
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    @property
    def peer(self) -> tuple[str, str]:
        """The address and port at which the server was reached, empty if unknown."""
        name = self._opened.get_extra_info("peername") or ("", "")
        return str(name[0]), str(name[1])

    async def ask(
        self, program: Say, seconds: float, limit: int, call: RemoteCommand | None = None
    ) -> Outcome:
        """Run a line on the host and hold the dialogue with it.

        Args:
            program: What to send.
            seconds: When it must be over, from now.
            limit: Bytes that are accepted.
            call: The line, if there is one already.
        """
        call = call or RemoteCommand.to(self._connection)
        seal = call.delimiters.seal
        user = str(self._opened.get_extra_info("username"))
        peer = Peer(self.host, user, self._connection.become)
        dialogue = Dialogue(peer, call.delimiters, lambda ready: program(ready, seal), limit)
        outcome = await self._talk(dialogue, call, seconds)
        _LOG.debug("%s: %s", self.host, _described(outcome))
        self.ready = dialogue.ready
        return outcome

    async def _talk(self, dialogue: Dialogue, call: RemoteCommand, seconds: float) -> Outcome:
        session = _DialogueChannel(self.host, dialogue)
        try:
            async with asyncio.timeout(seconds):
                await self._close()
                await self._open(session, call)
                return await session.outcome
        except TimeoutError:
            return dialogue.late(seconds)
        except asyncssh.ChannelOpenError as error:
            text = f"the host runs no command for this login: {quoted(str(error))}"
            return Unobserved(Reason.UNSUPPORTED_CONNECTION, text)
        except (asyncssh.Error, OSError) as error:
            return dialogue.end(None, str(error) or type(error).__name__)

    async def _close(self) -> None:
        """End the last conversation: a server may allow one at a time (MaxSessions)."""
        if self._channel is not None:
            self._channel.close()
            await self._channel.wait_closed()

    async def _open(self, session: _DialogueChannel, call: RemoteCommand) -> None:
        """Begin a conversation; a server may need a moment to notice that the last one is over."""
        pauses = () if self._channel is None else _PAUSES
        for pause in (*pauses, None):
            try:
                self._channel, _ = await self._opened.create_session(
                    lambda: session,
                    call.line,
                    request_pty="force" if call.terminal else False,
                    term_type=_TERMINAL if call.terminal else None,
                    encoding=None,
                )
            except asyncssh.ChannelOpenError:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return


def _described(outcome: Outcome) -> str:
    """Describe an outcome for the log, only by its size."""
    if isinstance(outcome, AgentReply):
        return f"an answer of {len(outcome.text)} bytes in one frame"
    if isinstance(outcome, Printed):
        size, complaints = len(outcome.output), len(outcome.complaints)
        return f"osqueryi ended with exit code {outcome.code}: {size} bytes, {complaints} on stderr"
    return str(outcome)
