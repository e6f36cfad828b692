"""A stand-in for osqueryd's extension socket: a real Thrift server that answers real SQL.

It is built from osquery-python's own ``Processor`` of ``ExtensionManager``, with Thrift's buffered
transport and binary protocol on a real unix socket and a thread for each connection, as osqueryd
has (osquery, ``extensions/impl_thrift.cpp``). A query is carried out by SQLite over the rows a test
gives, in osquery's exact schema. osquery's own binary is not used in the tests.

A *manner* decides what is sent instead of the honest reply. It is given the SQL and the honest
reply, and yields what to send; raising ``ConnectionAbortedError`` hangs up.
"""

import contextlib
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from osquery.extensions import ExtensionManager
from osquery.extensions.ttypes import ExtensionResponse, ExtensionStatus
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import (
    TBufferedTransport,
    TMemoryBuffer,
    TTransportException,
)

from support.standins.schema import Rows, database, run

Manner = Callable[[str, bytes], Iterator[bytes]]

_HEADER = 17
"""Bytes before the body of a reply: version, length of ``query``, ``query``, sequence id."""

_STATUS_OK = b"\x0c\x00\x01\x08\x00\x01\x00\x00\x00\x00\x0b\x00\x02\x00\x00\x00\x02OK\x00"
"""The field ``status`` of a response, with code 0 and message OK."""

_RESPONSE = b"\x0c\x00\x00"
"""Where the response starts in a result."""

_ROWS = b"\x0f\x00\x02"
"""Where the list of rows starts in a response."""

_LONGEST = struct.pack("!i", 2**31 - 1)
_ONE = struct.pack("!i", 1)


class Osqueryd:
    """The server. Use it in a ``with`` statement; nothing of it is left afterwards.

    ``manner`` may be changed while it runs. ``asked`` holds every SQL text in order, and
    ``connections`` counts the connections.
    """

    def __init__(self, path: Path, rows: Rows, manner: Manner | None = None) -> None:
        self.path = path
        self.manner: Manner = manner or honest
        self.asked: list[str] = []
        self.connections = 0
        self._database = database(rows)
        self._turn = threading.Lock()
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._guests: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._door.bind(str(self.path))
        self._door.listen()
        self._start(self._welcome)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for guest in self._guests:
            with contextlib.suppress(OSError):
                guest.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._door.close()
        self._database.close()

    def answer(self, sql: str) -> ExtensionResponse:
        """Carry out SQL as osqueryd does; an error of SQLite becomes status code 1."""
        with self._turn:
            self.asked.append(sql)
            try:
                rows = list(run(self._database, sql))
            except sqlite3.Error as error:
                return ExtensionResponse(ExtensionStatus(1, str(error), 0), [])
        return ExtensionResponse(ExtensionStatus(0, "OK", 0), rows)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _welcome(self) -> None:
        while True:
            try:
                guest, _ = self._door.accept()
            except OSError:  # the door was shut
                return
            self.connections += 1
            self._guests.append(guest)
            self._start(lambda guest=guest: self._serve(guest))  # type: ignore[misc] # a bound loop variable

    def _serve(self, guest: socket.socket) -> None:
        wire = TSocket()
        wire.setHandle(guest)
        calls = TBinaryProtocol(TBufferedTransport(wire), string_length_limit=None)
        with guest, contextlib.suppress(OSError, TTransportException):
            while True:
                sql, reply = self._reply(calls)
                for piece in self.manner(sql, reply):
                    guest.sendall(piece)

    def _reply(self, calls: TBinaryProtocol) -> tuple[str, bytes]:
        handler = _Handler(self)
        reply = TMemoryBuffer()
        ExtensionManager.Processor(handler).process(calls, _RawText(reply))
        return handler.sql, reply.getvalue()


class _Handler:
    """The part of the service that osquery's clients use to ask."""

    def __init__(self, server: Osqueryd) -> None:
        self._server = server
        self.sql = ""

    def ping(self) -> ExtensionStatus:
        return ExtensionStatus(0, "OK", 0)

    def query(self, sql: str) -> ExtensionResponse:
        self.sql = sql
        return self._server.answer(sql)


class _RawText(TBinaryProtocol):  # type: ignore[misc] # thrift has no types
    """Writes text that carries bytes which are not UTF-8 as those bytes, as C++ does."""

    def writeString(self, text: str) -> None:  # noqa: N802 - Thrift's name
        self.writeBinary(text.encode("utf-8", "surrogateescape"))


def honest(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send the reply."""
    yield reply


def mute(_sql: str, _reply: bytes) -> Iterator[bytes]:
    """Read the call and never answer, with the connection open."""
    yield from ()


def hang_up(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Close the connection in the middle of the reply."""
    yield reply[: len(reply) // 2]
    raise ConnectionAbortedError


def hang_up_at_once(_sql: str, _reply: bytes) -> Iterator[bytes]:
    """Close the connection without a byte."""
    yield from ()
    raise ConnectionAbortedError


def drip(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a byte now and then, so that no single wait is long."""
    for number in range(len(reply)):
        time.sleep(0.02)
        yield reply[number : number + 1]


def garbage(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send bytes that are no Thrift at all."""
    yield b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(len(reply), b"\xfe")


def garbled_body(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a proper header and a body without sense."""
    yield reply[:_HEADER] + b"\x7f" * 64


def other_sequence(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send the reply under the number of another call: ``out of order``."""
    (number,) = struct.unpack("!i", reply[_HEADER - 4 : _HEADER])
    yield reply[: _HEADER - 4] + struct.pack("!i", number + 1) + reply[_HEADER:]


def other_method(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send the reply as one to another method."""
    yield reply.replace(b"query", b"qwert", 1)


def twice(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send the reply and another one behind it."""
    yield reply + reply


def exception(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Refuse the call as Thrift's processors do with an unknown method."""
    (number,) = struct.unpack("!i", reply[_HEADER - 4 : _HEADER])
    buffer = TMemoryBuffer()
    protocol = TBinaryProtocol(buffer)
    protocol.writeMessageBegin("query", TMessageType.EXCEPTION, number)
    TApplicationException(TApplicationException.UNKNOWN_METHOD, "Unknown function query").write(
        protocol
    )
    yield buffer.getvalue()


def without_result(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a result that holds no response."""
    yield reply[:_HEADER] + b"\x00"


def without_status(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send rows without a status."""
    yield reply[:_HEADER] + _RESPONSE + _ROWS + b"\x0d\x00\x00\x00\x00\x00\x00"


def without_code(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a status that holds no code."""
    yield reply[:_HEADER] + _RESPONSE + b"\x0c\x00\x01\x00\x00\x00"


def without_rows(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a good status and no list of rows."""
    yield reply[:_HEADER] + _RESPONSE + _STATUS_OK + b"\x00\x00"


def numbers_for_rows(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a list of numbers where the rows should be, in bytes that could be an empty row."""
    numbers = b"\x08" + _ONE + b"\x0b\x0b\x00\x00\x00\x00"
    yield reply[:_HEADER] + _RESPONSE + _STATUS_OK + _ROWS + numbers + b"\x00\x00"


def numbers_for_values(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send a row whose value is a number."""
    row = b"\x0d" + _ONE + b"\x0b\x08" + _ONE + _ONE + b"p" + _ONE
    yield reply[:_HEADER] + _RESPONSE + _STATUS_OK + _ROWS + row + b"\x00\x00"


def uneven_rows(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send two rows of which the second has no columns."""
    rows = b"\x0d" + struct.pack("!i", 2)
    rows += b"\x0b\x0b" + _ONE + _ONE + b"p" + _ONE + b"1" + b"\x0b\x0b\x00\x00\x00\x00"
    yield reply[:_HEADER] + _RESPONSE + _STATUS_OK + _ROWS + rows + b"\x00\x00"


def endless_text(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Announce a message of 2 GiB in the status."""
    yield reply[:_HEADER] + _RESPONSE + b"\x0c\x00\x01\x0b\x00\x02" + _LONGEST + b"x" * 64


def negative_text(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Announce a message of a negative length in the status."""
    yield reply[:_HEADER] + _RESPONSE + b"\x0c\x00\x01\x0b\x00\x02\xff\xff\xff\xff" + b"x" * 64


def endless_rows(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Announce 2 ** 31 - 1 rows, send some, and hang up."""
    rows = b"\x0d" + _LONGEST + b"\x0b\x0b\x00\x00\x00\x00" * 1000
    yield reply[:_HEADER] + _RESPONSE + _STATUS_OK + _ROWS + rows
    raise ConnectionAbortedError


def deep(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send structs within structs, a hundred thousand deep, in a field nobody knows."""
    yield reply[:_HEADER] + b"\x0c\x00\x09" * 100_000
    raise ConnectionAbortedError


def flood(_sql: str, reply: bytes) -> Iterator[bytes]:
    """Send rows without end."""
    row = b"\x0b\x0b" + _ONE + _ONE + b"p" + struct.pack("!i", 1000) + b"9" * 1000
    yield reply[:_HEADER] + _RESPONSE + _STATUS_OK + _ROWS + b"\x0d" + _LONGEST
    while True:
        yield row * 100
