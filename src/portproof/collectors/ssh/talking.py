"""Carries the conversation with one host over an open connection."""

import asyncio
from typing import Final

import asyncssh

from portproof.collectors.answers import quoted
from portproof.collectors.ssh.dialogue import Dialogue, Outcome
from portproof.model.observation import Reason, Unobserved

_TERMINAL: Final = "dumb"


class _Session(asyncssh.SSHClientSession[bytes]):
    """Carries a dialogue over a channel; ``outcome`` is there when it is over."""

    def __init__(self, dialogue: Dialogue) -> None:
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

    def connection_lost(self, exc: Exception | None) -> None:
        cause = "" if exc is None else str(exc) or type(exc).__name__
        if not self.outcome.done():
            self._finish(self._dialogue.end(self._code, cause))

    def _finish(self, outcome: Outcome) -> None:
        self.outcome.set_result(outcome)


async def talk(
    opened: asyncssh.SSHClientConnection,
    dialogue: Dialogue,
    line: str,
    seconds: float,
    *,
    terminal: bool,
) -> Outcome:
    """Run a line on the host and hold the dialogue with it.

    Args:
        opened: The connection.
        dialogue: What to say.
        line: What to run.
        seconds: When it must be over, from now.
        terminal: Whether it is run on a terminal.
    """
    session = _Session(dialogue)
    try:
        async with asyncio.timeout(seconds):
            await opened.create_session(
                lambda: session,
                line,
                request_pty="force" if terminal else False,
                term_type=_TERMINAL if terminal else None,
                encoding=None,
            )
            return await session.outcome
    except TimeoutError:
        return dialogue.late(seconds)
    except asyncssh.ChannelOpenError as error:
        text = f"the host runs no command for this login: {quoted(str(error))}"
        return Unobserved(Reason.UNSUPPORTED_CONNECTION, text)
    except (asyncssh.Error, OSError) as error:
        return dialogue.end(None, str(error) or type(error).__name__)
