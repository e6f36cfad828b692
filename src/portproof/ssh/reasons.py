"""Turn errors of asyncssh and the system into the ``Reason`` why there is no connection."""

import errno
import socket
from enum import Enum
from typing import Final

import asyncssh

from portproof.model.observation import Reason, Unobserved
from portproof.sources.answers import quoted
from portproof.ssh.routes import Route


class Stage(Enum):
    """How far a connection got."""

    CONNECT = "connect"
    LOGIN = "login"


_TOO_MANY: Final = "too many authentication failures"
_CUT: Final = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)
_UNSUPPORTED: Final = (
    asyncssh.KeyExchangeFailed,
    asyncssh.ProtocolNotSupported,
    asyncssh.ServiceNotAvailable,
    asyncssh.CompressionError,
    asyncssh.MACError,
)


def can_be_retried(error: Exception, stage: Stage) -> bool:
    """Return whether the same might work in a moment: nothing was decided yet, only lost."""
    if isinstance(error, asyncssh.ConnectionLost | ConnectionResetError):
        return True
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    return isinstance(error, TimeoutError) and stage is Stage.CONNECT


def unconnected(error: Exception, stage: Stage, route: Route, limit: float) -> Unobserved:
    """Say why there is no connection.

    Args:
        error: What was raised.
        stage: How far it got.
        route: Where to.
        limit: The seconds that stage may take.
    """
    reason = _reason(error, stage)
    where = f"{route.host} port {route.port}"
    if reason is Reason.TIMEOUT:
        return Unobserved(reason, _late(stage, where, limit))
    if reason is Reason.HOST_KEY:
        return Unobserved(reason, route.trust.refusal or f"{where}: {quoted(str(error))}")
    if reason is Reason.AUTH:
        return Unobserved(reason, _denied(route))
    if reason is Reason.UNREACHABLE:
        return Unobserved(reason, _unreached(error, where, route))
    how = f"{type(error).__name__}: {quoted(str(error))}"
    return Unobserved(reason, f"{where} and portproof cannot talk: {how}")


def _reason(error: Exception, stage: Stage) -> Reason:
    if stage is Stage.LOGIN and _TOO_MANY in str(error).lower():
        return Reason.AUTH
    if stage is Stage.CONNECT and isinstance(error, ValueError):  # nothing was sent yet
        is_name = isinstance(error, UnicodeError)
        return Reason.UNREACHABLE if is_name else Reason.UNSUPPORTED_CONNECTION
    fitting = (reason for kinds, reason in _REASONS if isinstance(error, kinds))
    return next(fitting, Reason.GARBLED)


_REASONS: Final = (
    (TimeoutError, Reason.TIMEOUT),
    (asyncssh.HostKeyNotVerifiable, Reason.HOST_KEY),
    (asyncssh.PermissionDenied, Reason.AUTH),
    (asyncssh.IllegalUserName, Reason.AUTH),
    (_UNSUPPORTED, Reason.UNSUPPORTED_CONNECTION),
    (asyncssh.ProtocolError, Reason.GARBLED),
    ((asyncssh.Error, OSError), Reason.UNREACHABLE),
)
"""The first that fits counts. What else a server makes asyncssh raise is its garbage."""


def _late(stage: Stage, where: str, limit: float) -> str:
    if stage is Stage.CONNECT:
        return f"{where} did not answer within {limit:g} seconds; is it up, and let through?"
    return f"{where} answered, but the login was not done within {limit:g} seconds"


def _denied(route: Route) -> str:
    text = f"{route.host} refused the login of {route.user}; check the user and the key"
    return f"{text} ({quoted('; '.join(route.problems))})" if route.problems else text


def _unreached(error: Exception, where: str, route: Route) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        told = quoted(getattr(error, "strerror", None) or str(error))
        return f"the name {quoted(route.host)} does not resolve: {told}"
    if isinstance(error, ConnectionRefusedError):
        return f"{where} refuses connections"
    if isinstance(error, asyncssh.ConnectionLost) or getattr(error, "errno", None) in _CUT:
        return f"{where} closed the connection before the login"
    return f"{where}: {quoted(getattr(error, 'strerror', None) or str(error))}"
