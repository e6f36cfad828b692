"""Adapt osquery-python: SQL over osqueryd's extension socket.

The service is ``ExtensionManager`` of ``osquery.thrift`` (osquery/osquery,
``osquery/extensions/thrift``); its ``query`` answers with a status and rows of text.
"""

import time
from types import TracebackType
from typing import Any, Final, Self

from thrift.Thrift import TApplicationException, TException
from thrift.transport.TTransport import TTransportException

from portproof.model.observation import Answer, Reason, Unobserved
from portproof.sources.answers import observed, quoted, refused, unaskable
from portproof.sources.thrift_wire import BinaryProtocol, ThriftClient, Wire

REPLY_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of the longest reply that is read."""

_BROKEN: Final = (
    TException,
    OSError,
    EOFError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
    SystemError,
)
"""What a hostile or broken reply raises, in Thrift's C decoder or in its Python one."""


class OsquerydConnection:
    """A connection to osqueryd: one call at a time, over a socket that opens when needed.

    ``is_lost`` says whether osqueryd ended the connection, or took none, at the last question: its
    worker has died, or is starting.

    It is for one thread. After any failure the socket is closed, and the next question opens a new
    one: a late reply can never be taken for the answer to another question.

    Args:
        path: osqueryd's extension socket.
        timeout: Seconds for one question, from connecting to the last byte of its answer.
        limit: Bytes of the longest reply that is read.
    """

    def __init__(self, path: str, timeout: float, limit: int = REPLY_LIMIT) -> None:
        self._path = path
        self._timeout = timeout
        self._limit = limit
        self._open: tuple[Wire, ThriftClient] | None = None
        self.is_lost = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, sql: str, timeout: float | None = None) -> Answer:
        """Ask one question. No behaviour of osqueryd raises an error; the answer describes it.

        Args:
            sql: The question.
            timeout: Seconds for it, if they are fewer than usual.
        """
        self.is_lost = False
        unfit = unaskable(sql)
        if unfit is not None:
            return unfit
        seconds = self._timeout if timeout is None else min(timeout, self._timeout)
        try:
            wire, client = self._ready(time.monotonic() + seconds)
        except (OSError, ValueError) as error:
            self.is_lost = isinstance(error, ConnectionRefusedError | FileNotFoundError)
            return _unopened(self._path, error)
        try:
            response = client.query(sql)
        except _BROKEN as error:
            self.close()
            cause = wire.trouble or error
            self.is_lost = isinstance(cause, EOFError | ConnectionError)
            return self._failure(cause, seconds)
        return _answer(response)

    def close(self) -> None:
        """Close the socket, if it is open."""
        if self._open is not None:
            self._open[0].close()
        self._open = None

    def _ready(self, deadline: float) -> tuple[Wire, ThriftClient]:
        if self._open is None:
            wire = Wire(self._path, deadline)
            self._open = wire, ThriftClient(BinaryProtocol(wire))
        self._open[0].begin(deadline, self._limit)
        return self._open

    def _failure(self, error: BaseException, seconds: float) -> Unobserved:
        if not isinstance(error, Exception):
            raise error  # Ctrl-C, which the C decoder had hidden
        if isinstance(error, TimeoutError):
            told = f"osqueryd did not answer within {seconds:g} seconds"
            return Unobserved(Reason.TIMEOUT, told)
        if isinstance(error, MemoryError) or _is_too_long(error):
            told = f"osqueryd's reply is too long; {self._limit} bytes are read at most"
            return Unobserved(Reason.OVERSIZED, told)
        told = quoted(str(error)) or type(error).__name__
        if isinstance(error, TApplicationException):
            return Unobserved(Reason.QUERY_ERROR, f"osqueryd refused the call: {told}")
        return Unobserved(Reason.GARBLED, f"osqueryd's reply cannot be read: {told}")


def _is_too_long(error: Any) -> bool:  # noqa: ANN401 - thrift has no types
    is_transport = isinstance(error, TTransportException)
    return is_transport and error.type == TTransportException.SIZE_LIMIT


def _unopened(socket_path: str, error: OSError | ValueError) -> Unobserved:
    path = quoted(socket_path)
    if isinstance(error, PermissionError):
        return Unobserved(Reason.PRIVILEGE, f"no permission to open {path}; run with sudo")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Unobserved(Reason.NO_COLLECTOR, f"no osqueryd socket at {path}")
    if isinstance(error, TimeoutError | BlockingIOError):
        return Unobserved(Reason.TIMEOUT, f"osqueryd at {path} is too busy to take a connection")
    if isinstance(error, ConnectionRefusedError):
        return Unobserved(Reason.NO_COLLECTOR, f"no osqueryd listens at {path}; is it running?")
    return Unobserved(Reason.NO_COLLECTOR, f"{path} does not open: {quoted(str(error))}")


def _answer(response: Any) -> Answer:  # noqa: ANN401 - a generated class without types
    status = response and response.status
    if status is None or status.code is None:
        return Unobserved(Reason.GARBLED, "osqueryd answered without a status")
    if status.code != 0:
        return refused("osqueryd", status.message or "")
    if response.response is None:
        return Unobserved(Reason.GARBLED, "osqueryd answered without rows")
    return observed("osqueryd", response.response)
