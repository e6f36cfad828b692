"""Asks the kernel for TCP and UDP sockets (netlink(7), sock_diag(7), linux/inet_diag.h).

/proc/net/udp skips sockets while others come and go, because it finds its place by counting. Here
the kernel holds a lock while it lists the sockets that share a place in its table. Only between two
parts of an answer does it count, so what came in several parts is asked for twice and joined.
"""

from _socket import AF_NETLINK, MSG_TRUNC, SOCK_RAW, inet_ntop, socket  # `socket` loads longer
from _struct import Struct
from errno import ENOBUFS
from os import strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .view import Row

_NAMES = "UNKNOWN ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSED".split()
_NAMES += "CLOSE_WAIT LAST_ACK LISTEN CLOSING".split()
STATES = dict(enumerate(_NAMES))
"""What osquery calls the states of TCP."""

_SOCK_DIAG, _BY_FAMILY, _DUMP = 4, 20, 0x301
_ERROR, _DONE, _INTERRUPTED = 2, 3, 16
_HEADER, _CODE, _PORTS = Struct("=IHHII"), Struct("=i"), Struct(">HH")
_REQUEST, _SOCKET = Struct("=4BI48x"), Struct("=BB2x4s16s16sI8s12xII")
_ATTRIBUTE, _V6ONLY, _MEMORY = Struct("=HH"), 11, 1 << 6
_LARGEST = 1 << 17  # bytes of a part that are read; the kernel makes them of 32 KiB at most
_ROOMY = 3000  # bytes up to which a part did not end for want of room: it has a page at least
_TRIES, _SECONDS = 5, 10.0
_INET, _TCP, _LISTEN = 2, 6, 10
_EVERY_STATE, _LISTENING = (1 << 12) - 1, 1 << _LISTEN


def opened() -> socket:
    """Return a socket for questions about this thread's network namespace."""
    asker = socket(AF_NETLINK, SOCK_RAW, _SOCK_DIAG)
    asker.settimeout(_SECONDS)
    return asker


class Sockets:
    """The sockets of a family and protocol in one network namespace, as the kernel tells them.

    ``rows`` has the columns of ``process_open_sockets`` from ``socket`` to ``state`` of each by its
    cookie, and ``details`` the columns of ``sockets.DETAILS`` but ``net_namespace`` of those that
    may listen. ``fault`` says why some may be missing, or is "".

    Raises:
        OSError: The kernel does not answer this.
    """

    def __init__(self, asker: socket, family: int, protocol: int) -> None:
        self.rows: dict[bytes, Row] = {}
        self.details: dict[bytes, Row] = {}
        self.fault = ""
        self._asker, self._family, self._protocol = asker, family, protocol
        self._names: dict[bytes, str] = {}
        if not self._ask(_EVERY_STATE, 0):
            # Figures about memory make each socket longer, so that the parts end elsewhere.
            self._ask(_LISTENING if protocol == _TCP else _EVERY_STATE, _MEMORY)

    def _ask(self, states: int, figures: int) -> bool:
        """Ask until an answer was not interrupted; return whether it came in one part."""
        body = _REQUEST.pack(self._family, self._protocol, figures, 0, states)
        for number in range(1, _TRIES + 1):
            sequence = number + figures
            self._asker.send(_HEADER.pack(72, _BY_FAMILY, _DUMP, sequence, 0) + body)
            try:
                size, interrupted = self._read(sequence)
            except OSError as error:
                if error.errno != ENOBUFS:
                    raise
                interrupted = True
            if not interrupted:
                return size < _ROOMY
        self.fault = "interrupted " + str(_TRIES) + " times"
        return False

    def _read(self, sequence: int) -> "tuple[int, bool]":
        """Read an answer; return its size in bytes, and whether the kernel was interrupted."""
        size, interrupted = 0, False
        while True:
            part, _, flags, sender = self._asker.recvmsg(_LARGEST)
            if sender[0] != 0:
                continue  # only the kernel is asked
            if flags & MSG_TRUNC:
                raise OSError("an answer was cut off")
            size += len(part)
            for kind, marks, start, end in _messages(part, sequence):
                interrupted = interrupted or bool(marks & _INTERRUPTED)
                if kind == _DONE:
                    return size, interrupted
                if kind == _BY_FAMILY:
                    self._take(part, start, end)

    def _take(self, part: bytes, start: int, end: int) -> None:
        """Take in one socket."""
        if end - start < _SOCKET.size:
            raise OSError("an answer is too short")
        family, state, ports, here, there, device, cookie, uid, inode = _SOCKET.unpack_from(
            part, start
        )
        port, peer = _PORTS.unpack(ports)
        names = self._names
        ends = [names.get(end) or self._name(end) for end in (here, there)]
        tcp = self._protocol == _TCP
        name = STATES.get(state, "UNKNOWN") if tcp else ""
        self.rows[cookie] = [inode, family, self._protocol, *ends, port, peer, "", name]
        if state == _LISTEN if tcp else not peer:
            only = _attribute(part, start + _SOCKET.size, end, _V6ONLY)
            self.details[cookie] = [inode, self._protocol, ends[0], port, only, device, uid]

    def _name(self, packed: bytes) -> str:
        short = packed[:4] if self._family == _INET else packed
        self._names[packed] = inet_ntop(self._family, short)
        return self._names[packed]


def _messages(part: bytes, sequence: int) -> "Iterator[tuple[int, int, int, int]]":
    """Yield the kind, the flags, the start and the end of each message that answers a question.

    Raises:
        OSError: The answer is malformed, or says that the question cannot be answered.
    """
    at = 0
    while at < len(part):
        if len(part) - at < _HEADER.size:
            raise OSError("an answer is too short")
        length, kind, flags, asked, _ = _HEADER.unpack_from(part, at)
        start, end = at + _HEADER.size, at + length
        if not start <= end <= len(part):
            raise OSError("an answer is too short")
        if asked == sequence:
            if kind in (_ERROR, _DONE):
                _check(part[start : start + _CODE.size], kind)
            yield kind, flags, start, end
        at += length + 3 & ~3


def _check(code: bytes, kind: int) -> None:
    """Raise OSError for the error that a message tells; one that ends an answer may tell none."""
    number = _CODE.unpack(code)[0] if len(code) == _CODE.size else 0
    if number or kind == _ERROR:
        raise OSError(-number, strerror(-number))


def _attribute(part: bytes, at: int, end: int, wanted: int) -> "int | None":
    """Return the first byte of an attribute among those of a socket, or None if it has none."""
    while end - at > _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(part, at)
        if kind == wanted:
            return part[at + _ATTRIBUTE.size]
        at += max(length, _ATTRIBUTE.size) + 3 & ~3
    return None
