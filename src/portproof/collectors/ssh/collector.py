"""Looks at hosts over SSH: one connection and one command a host, and nothing is left behind."""

import asyncio
import ipaddress
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

import asyncssh

from portproof.collectors.ssh.command import (
    Marks,
    UnsupportedError,
    command_line,
    needs_terminal,
)
from portproof.collectors.ssh.connecting import Connector, DarkError
from portproof.collectors.ssh.dialogue import Dialogue, Document, Outcome, Party, Printed, Ready
from portproof.collectors.ssh.placing import misplaced
from portproof.collectors.ssh.replies import Run, Told, read_reply, sight_of_runs
from portproof.collectors.ssh.script import Asking, python_program, shell_input
from portproof.collectors.ssh.settings import SshSettings
from portproof.collectors.ssh.talking import talk
from portproof.errors import UsageError
from portproof.model.connection import Connection
from portproof.model.observation import (
    HostDark,
    HostLook,
    Look,
    Platform,
    Reason,
    Sight,
    Unobserved,
    Witness,
)

VIA: Final = ("osqueryi", "probe")
"""The sources there can be on a host."""

_PLATFORMS: Final = {"Linux": Platform.LINUX, "Darwin": Platform.MACOS}
_LAST_PORT: Final = 65535
_PORT: Final = re.compile(r"[0-9]{1,5}")
_SMALL: Final = 256 * 1024
"""Bytes of an answer that are judged at once; a larger one would hold up the other hosts."""

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
        self._askings: dict[Platform, Asking] = {}
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
        """Look at one host. It raises nothing for what a host or the network does.

        Args:
            host: The host's name, for details.
            connection: How to get there.
        """
        taken = datetime.now(UTC).isoformat(timespec="seconds")
        begun = time.monotonic()
        witnesses: tuple[Witness, ...] = ()
        try:
            marks = Marks()
            line = command_line(connection, marks)
            async with self._connector.connected(connection) as opened:
                told, witnesses = await self._ask(host, connection, opened, marks, line)
        except UnsupportedError as error:
            told = Told(Unobserved(Reason.UNSUPPORTED_CONNECTION, str(error)), ())
        except DarkError as error:
            told = Told(error.cause, ())
        seconds = round(time.monotonic() - begun, 3)
        if isinstance(told.sight, Unobserved):
            return HostDark(cause=told.sight, taken=taken, seconds=seconds, tried=told.tried)
        return HostLook(
            sight=told.sight,
            witnesses=(*told.canaries, *witnesses),
            taken=taken,
            seconds=seconds,
            tried=told.tried,
        )

    async def _ask(
        self,
        host: str,
        connection: Connection,
        opened: asyncssh.SSHClientConnection,
        marks: Marks,
        line: str,
    ) -> tuple[Told, tuple[Witness, ...]]:
        seconds = self._settings.command_timeout
        user = str(opened.get_extra_info("username"))
        dialogue = Dialogue(
            Party(host, user, connection.become),
            marks,
            partial(self._program, host, marks.seal, time.monotonic() + seconds),
            self._settings.output_limit,
        )
        terminal = needs_terminal(connection.become)
        outcome = await talk(opened, dialogue, line, seconds, terminal=terminal)
        if dialogue.ready is None or isinstance(outcome, Unobserved):
            return Told(_unobserved(outcome), ()), ()
        seen = server_witness(dialogue.ready.connection) or _reached(opened)
        if not seen:
            text = f"nothing shows that what answered is {host}: SSH_CONNECTION is not set there"
            return Told(Unobserved(Reason.NO_WITNESS, text), ()), ()
        told = await self._judge(outcome, _PLATFORMS[dialogue.ready.system])
        if isinstance(told.sight, Sight):
            doubt = misplaced(host, told.sight, seen[0])
            told = told if doubt is None else told._replace(sight=doubt)
        return told, seen

    def _program(self, host: str, seal: str, deadline: float, ready: Ready) -> bytes | Unobserved:
        """What to send to a host that is ready."""
        platform = _PLATFORMS.get(ready.system)
        if platform is None or platform not in self._questions:
            text = f"{host} runs {ready.system[:40]!a}, which there are no questions for"
            return Unobserved(Reason.NO_COLLECTOR, text)
        asking = self._asking(platform)
        if ready.kind == "python":
            seconds = max(1.0, deadline - time.monotonic())
            return python_program(asking, seal, seconds)
        if ready.kind == "osqueryi" and asking.argument is not None:
            return shell_input(asking.argument, seal)
        what = "osqueryi" if self._settings.via == "osqueryi" else "python3 or osqueryi"
        return Unobserved(Reason.NO_COLLECTOR, f"{host} has no {what} that works")

    def _asking(self, platform: Platform) -> Asking:
        if platform not in self._askings:
            questions, limit = self._questions[platform], self._settings.output_limit // 2
            asking = Asking.prepare(platform, questions, self._settings.via, limit)
            self._askings[platform] = asking
        return self._askings[platform]

    async def _judge(self, outcome: Outcome, platform: Platform) -> Told:
        questions = self._questions[platform]
        if isinstance(outcome, Printed):
            out, err = outcome.output.decode("latin-1"), outcome.complaints.decode("latin-1")
            runs = [Run(code=outcome.code, out=out, err=err)]
            return Told(sight_of_runs(runs, questions, platform), ())
        if not isinstance(outcome, Document):
            return Told(_unobserved(outcome), ())
        deadline = time.monotonic() + _JUDGING
        judging = partial(read_reply, outcome.text, questions, platform, deadline)
        if len(outcome.text) <= _SMALL:
            return judging()
        return await asyncio.to_thread(judging)


def _unobserved(outcome: Outcome) -> Unobserved:
    if isinstance(outcome, Unobserved):
        return outcome
    return Unobserved(Reason.GARBLED, "the host answered before it was ready")


def server_witness(told: Sequence[str]) -> tuple[Witness, ...]:
    """The server's port, as SSH_CONNECTION tells it (ssh(1)): the server's own view of both ends.

    It is known to be open, because we came in on it; and only where it is seen among the rows are
    they the host's, and not those of a container that logins are led to. Without four sensible
    words there is none.
    """
    try:
        _, _, address, port = told
        reached = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ()
    mapped = getattr(reached, "ipv4_mapped", None) or reached
    if not _PORT.fullmatch(port) or not 0 < int(port) <= _LAST_PORT:
        return ()
    return (Witness("tcp", str(mapped), int(port), ours=False, reached=True),)


def _reached(opened: asyncssh.SSHClientConnection) -> tuple[Witness, ...]:
    """The server's port as it is seen from here: behind NAT it will not be among the rows."""
    peer = opened.get_extra_info("peername")
    return server_witness(("", "", *map(str, peer[:2]))) if peer else ()


async def look_over_ssh(
    host: str,
    connection: Connection,
    questions: Mapping[Platform, Mapping[str, str]],
    settings: SshSettings = SshSettings(),  # noqa: B008 - frozen
) -> Look:
    """Look at a single host; for more of them, share one ``SshCollector``."""
    async with SshCollector(questions, settings) as collector:
        return await collector.look(host, connection)
