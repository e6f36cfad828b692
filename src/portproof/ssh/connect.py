"""Open connections within time limits, retry failures that may pass, and share jump hosts."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from typing import Final

import asyncssh

from portproof.model.connection import Connection
from portproof.model.observation import Reason, Unobserved
from portproof.sources.answers import quoted
from portproof.ssh.command import UnsupportedError
from portproof.ssh.known_hosts import OtherKeyError
from portproof.ssh.proxy import Proxy
from portproof.ssh.reasons import Stage, can_be_retried, unconnected
from portproof.ssh.routes import Route, Routes
from portproof.ssh.settings import SshSettings
from portproof.text.logs import logger

_LOG: Final = logger(__name__)

_PAUSE: Final = 0.5
"""Seconds before the first retry; a random part is left out, so that hosts do not come at once."""

_PARTING: Final = 1.0
"""Seconds that are waited for the end of a connection that is closed."""


class ConnectError(Exception):
    """A host cannot be reached; ``cause`` says why."""

    def __init__(self, cause: Unobserved) -> None:
        super().__init__(cause.detail)
        self.cause = cause


class _SshClient(asyncssh.SSHClient):
    """Hears from asyncssh that the server was reached, and judges keys that are not trusted."""

    def __init__(self, attempt: "_Attempt", proxy: Proxy | None) -> None:
        self._attempt = attempt
        self._proxy = proxy

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:  # noqa: ARG002 - asyncssh's own signature
        self._attempt.reached()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - likewise
        if self._proxy is not None:
            self._proxy.end()

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002 - asyncssh's own signature
        addr: str,  # noqa: ARG002 - likewise
        port: int,  # noqa: ARG002 - likewise
        key: asyncssh.SSHKey,
    ) -> bool:
        return self._attempt.route.trust.accepts(key)


class _Attempt:
    """One attempt to connect, and how far it got."""

    def __init__(self, route: Route, settings: SshSettings) -> None:
        self.route = route
        self.stage = Stage.CONNECT
        self.limit = route.timeout or settings.connect_timeout
        self._login_timeout = settings.login_timeout
        self._timer: asyncio.Timeout | None = None

    async def connect(
        self, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        """Connect and log in."""
        proxy = Proxy(self.route.proxy) if self.route.proxy else None
        try:
            async with asyncio.timeout(self.limit) as self._timer:
                return await asyncssh.connect(
                    **self.route.arguments,
                    tunnel=tunnel,
                    sock=proxy.socket if proxy else None,
                    client_factory=lambda: _SshClient(self, proxy),
                )
        except BaseException:
            if proxy is not None:
                proxy.end()
            raise

    def reached(self) -> None:
        """Give the login its own time."""
        self.stage = Stage.LOGIN
        self.limit = self._login_timeout
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(asyncio.get_running_loop().time() + self.limit)


class Connector:
    """Opens connections with the same settings; those to jump hosts last until ``close``."""

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._routes = Routes()
        self._jumps: dict[Connection, asyncio.Task[asyncssh.SSHClientConnection]] = {}

    @contextlib.asynccontextmanager
    async def connected(
        self, route: Route, name: str
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """Yield a connection to a host, closed at the end; ``name`` is what the log calls it.

        Raises:
            ConnectError: there is none.
        """
        opened = await self._open(route, name)
        try:
            yield opened
        finally:
            await _close_quietly(opened)

    async def close(self) -> None:
        """Close the connections to jump hosts."""
        self._routes.close()
        tasks, self._jumps = list(self._jumps.values()), {}
        for task in tasks:
            task.cancel()
        for opened in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(opened, asyncssh.SSHClientConnection):
                await _close_quietly(opened)

    async def _open(self, route: Route, name: str) -> asyncssh.SSHClientConnection:
        begun = time.monotonic()
        _LOG.info("%s: connecting to %s port %s as %s", name, route.host, route.port, route.user)
        for attempts_left in range(self._settings.retries, -1, -1):
            tunnel = await self._jump(route.jump) if route.jump else None
            attempt = _Attempt(route, self._settings)
            try:
                opened = await attempt.connect(tunnel)
            except Exception as error:
                if not attempts_left or not can_be_retried(error, attempt.stage):
                    cause = unconnected(error, attempt.stage, route, attempt.limit)
                    raise ConnectError(cause) from error
                _LOG.info("%s: connecting once more after %s", name, type(error).__name__)
                await asyncio.sleep(_PAUSE * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            else:
                _LOG.info("%s: logged in after %.1f s", name, time.monotonic() - begun)
                return await _recorded(route, opened)
        raise AssertionError("the last attempt neither failed nor succeeded")

    async def route(self, connection: Connection) -> Route:
        """Find out how to get to a host, without connecting to any.

        Raises:
            ConnectError: it cannot be reached as is said.
        """
        try:
            return await self._routes.route(connection)
        except UnsupportedError as error:
            cause = Unobserved(Reason.UNSUPPORTED_CONNECTION, quoted(str(error)))
            raise ConnectError(cause) from error

    async def _jump(self, connection: Connection) -> asyncssh.SSHClientConnection:
        """The one connection to a jump host; a host that gives up leaves it to the others."""
        task = self._jumps.get(connection)
        if task is None or _is_gone(task):
            name = f"jump host {connection.address}"
            task = asyncio.create_task(self._open_jump(connection, name))
            task.add_done_callback(_is_gone)
            self._jumps[connection] = task
        try:
            return await asyncio.shield(task)
        except ConnectError as error:
            detail = f"on the way, at {connection.address}: {error.cause.detail}"
            raise ConnectError(Unobserved(error.cause.reason, detail)) from error

    async def _open_jump(self, connection: Connection, name: str) -> asyncssh.SSHClientConnection:
        return await self._open(await self.route(connection), name)


def _is_gone(task: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or task.result().is_closed()


async def _recorded(
    route: Route, opened: asyncssh.SSHClientConnection
) -> asyncssh.SSHClientConnection:
    """Record a new key that was taken. What cannot be written is asked for again the next time."""
    try:
        with contextlib.suppress(OSError):
            route.trust.record(hashed=route.hashes_names)
    except OtherKeyError as error:
        await _close_quietly(opened)
        name = route.trust.name
        text = f"{name} showed two keys at the same time: somebody may be in between; verify both"
        raise ConnectError(Unobserved(Reason.HOST_KEY, text)) from error
    return opened


async def _close_quietly(opened: asyncssh.SSHClientConnection) -> None:
    """Close a connection; the host notices, and the programs there end."""
    opened.close()
    try:
        async with asyncio.timeout(_PARTING):
            await opened.wait_closed()
    except TimeoutError:
        pass
    finally:
        opened.abort()
