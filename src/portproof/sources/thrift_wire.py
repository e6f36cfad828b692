"""Implement Thrift's transport and protocol for osqueryd, below osquery-python's client.

It is Thrift's binary protocol, unframed, over a unix socket. The generated client and types of
osquery-python are used as they are, and nothing of its classes is changed. Its transport is
replaced: that one has no read timeout, gives no error when the socket does not open, hangs after a
byte that is not UTF-8, and does not check that a reply belongs to its call.
"""

import socket
import time
from io import BytesIO
from typing import Any, Final

from osquery.extensions import ExtensionManager
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport.TTransport import CReadableTransport, TTransportBase, TTransportException

try:
    from thrift.protocol.fastbinary import decode_binary as _decode_binary
except ImportError:  # thrift was installed without its C extension
    _decode_binary = None

fast_decode = _decode_binary
"""Thrift's decoder in C, or None; without it the generated Python code reads, far more slowly."""

_CHUNK: Final = 256 * 1024


class Wire(TTransportBase, CReadableTransport):  # type: ignore[misc] # thrift has no types
    """A connected unix socket, with one deadline and one budget of bytes for a whole call.

    ``trouble`` is what went wrong while receiving, because the C decoder may replace it by an error
    of its own.

    Args:
        path: The socket.
        deadline: When it must be connected, on the clock of ``time.monotonic``.

    Raises:
        OSError: the socket does not open.
        ValueError: the path cannot be one.
    """

    def __init__(self, path: str, deadline: float) -> None:
        self._unread = BytesIO()
        self._unsent = bytearray()
        self._deadline = deadline
        self._budget = 0
        self.trouble: BaseException | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(self._patience())
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise

    def begin(self, deadline: float, budget: int) -> None:
        """Start a call that must end by a deadline and within a number of bytes."""
        self._deadline = deadline
        self._budget = budget
        self.trouble = None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def write(self, data: bytes) -> None:
        """Keep bytes until they are flushed."""
        self._unsent += data

    def flush(self) -> None:
        """Send what was written."""
        self._socket.settimeout(self._patience())
        self._socket.sendall(self._unsent)
        self._unsent.clear()

    def readAll(self, size: int) -> bytes:  # noqa: N802 - Thrift's name
        """Read exactly ``size`` bytes."""
        have = self._unread.read(size)
        if len(have) == size:
            return have
        return self.cstringio_refill(have, size).read(size)

    @property
    def cstringio_buf(self) -> BytesIO:
        """The buffer that Thrift's C decoder reads directly."""
        return self._unread

    def cstringio_refill(self, partial: bytes, size: int) -> BytesIO:
        """Give the C decoder a buffer of at least ``size`` bytes that begins with ``partial``."""
        try:
            self._unread = BytesIO(partial + self._receive(size - len(partial)))
        except BaseException as trouble:
            self.trouble = trouble
            raise
        return self._unread

    def is_drained(self) -> bool:
        """Return whether everything that was received has been read."""
        return not self._unread.read(1)

    def _receive(self, size: int) -> bytes:
        if size > self._budget:
            raise TTransportException(TTransportException.SIZE_LIMIT, "the reply is too long")
        pieces: list[bytes] = []
        while size > 0:
            self._socket.settimeout(self._patience())
            piece = self._socket.recv(_CHUNK)
            if not piece:
                raise EOFError("the connection ended within a reply")
            pieces.append(piece)
            size -= len(piece)
            self._budget -= len(piece)
        return b"".join(pieces)

    def _patience(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class BinaryProtocol(TBinaryProtocol):  # type: ignore[misc] # thrift has no types
    """Thrift's binary protocol, lenient with text and strict with types.

    Text is decoded as the C decoder does it: what is not UTF-8 becomes U+FFFD. Lengths are bounded
    by the wire; the protocol's own bound would refuse values over 16 MB in other words.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire, strictRead=True, string_length_limit=None)

    def readString(self) -> str:  # noqa: N802 - Thrift's name
        """Read text of any bytes."""
        text: bytes = self.readBinary()
        return text.decode("utf-8", "replace")

    def readListBegin(self) -> tuple[int, int]:  # noqa: N802 - Thrift's name
        """Read the head of a list, which can only be rows."""
        kind, size = super().readListBegin()
        expect(size == 0 or kind == TType.MAP, "a list of something other than rows")
        return kind, size

    def readMapBegin(self) -> tuple[int, int, int]:  # noqa: N802 - Thrift's name
        """Read the head of a map, which can only be a row."""
        key, value, size = super().readMapBegin()
        expect(size == 0 or key == value == TType.STRING, "a row of something other than text")
        return key, value, size


class ThriftClient(ExtensionManager.Client):  # type: ignore[misc] # osquery-python has no types
    """The generated client, with every reply matched to its call and decoded in C."""

    def query(self, sql: str) -> Any:  # noqa: ANN401 - a generated class without types
        """Ask, and give the generated ``ExtensionResponse``, or None if the reply held none."""
        self._seqid += 1
        return super().query(sql)

    def recv_query(self) -> Any:  # noqa: ANN401 - a generated class without types
        """Read the reply to the call just sent, and nothing else."""
        name, kind, number = self._iprot.readMessageBegin()
        if kind == TMessageType.EXCEPTION:
            refusal = TApplicationException()
            refusal.read(self._iprot)
            raise refusal
        is_ours = (name, kind, number) == ("query", TMessageType.REPLY, self._seqid)
        expect(is_ours, "a reply to another call")
        result = ExtensionManager.query_result()
        _decode(result, self._iprot)
        expect(self._iprot.trans.is_drained(), "more than one reply")
        return result.success


def expect(condition: bool, otherwise: str) -> None:
    """Raise an error unless a condition of a valid reply holds.

    Raises:
        TProtocolException: the condition does not hold.
    """
    if not condition:
        raise TProtocolException(TProtocolException.INVALID_DATA, otherwise)


def _decode(result: Any, protocol: BinaryProtocol) -> None:  # noqa: ANN401 - a generated class
    if fast_decode is None:
        result.read(protocol)
    else:
        fast_decode(result, protocol, _RESULT)


def _new_shape(kind: int, args: Any) -> Any:  # noqa: ANN401 - Thrift's nested tuples
    """Convert a generated description of a type to the form that today's C decoder reads.

    osquery-python's code was generated by Thrift 0.10, which describes a struct by a tuple of its
    class and its fields. The decoder wants a list, so that recursive structs can be completed later
    (``parse_struct_args`` in apache/thrift, ``lib/py/src/ext/types.cpp``).
    """
    if kind == TType.STRUCT:
        struct, fields = args
        return [struct, tuple(field and _new_field(*field) for field in fields)]
    if kind == TType.LIST:
        element, inner, frozen = args
        return (element, _new_shape(element, inner), frozen)
    return args


def _new_field(number: int, kind: int, name: str, args: object, default: object) -> tuple[Any, ...]:
    return (number, kind, name, _new_shape(kind, args), default)


_RESULT: Final[list[Any]] = _new_shape(
    TType.STRUCT, (ExtensionManager.query_result, ExtensionManager.query_result.thrift_spec)
)
