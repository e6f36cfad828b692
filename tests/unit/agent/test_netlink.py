"""What the probe makes of the kernel's answers about sockets, good and bad ones."""

import struct
from _socket import MSG_TRUNC
from collections.abc import Callable, Iterable
from errno import EBUSY, ENOBUFS, ENOENT, EPERM
from typing import Any

import pytest

from portproof.agent import netlink
from support.for_each import for_each

Message = Callable[[int], bytes]
Part = list[Message] | tuple[list[Message], int, tuple[int, int]] | Exception

KERNEL = (0, 0)
TCP, UDP, IPV4, IPV6 = 6, 17, 2, 10
LISTEN, CLOSE = 10, 7
TOLD, ERROR, DONE, INTERRUPTED = 20, 2, 3, 16


def message(kind: int, body: bytes, flags: int = 2, sequence: int | None = None) -> Message:
    """A message for a question of a number; by default for the one that was asked."""
    return lambda asked: (
        struct.pack("=IHHII", 16 + len(body), kind, flags, sequence or asked, 0) + body
    )


def told(  # noqa: PLR0913 - a socket has all of these
    cookie: int = 1,
    *,
    family: int = IPV4,
    state: int = LISTEN,
    port: int = 609,
    peer: int = 0,
    device: int = 0,
    more: bytes = b"",
    flags: int = 2,
) -> Message:
    """A message about a socket at 127.0.0.1 or ::1, of user 8 and with inode 9."""
    here = b"\x7f\0\0\1" + bytes(12) if family == IPV4 else bytes(15) + b"\1"
    ends = struct.pack(">HH", port, peer) + here + bytes(16)
    body = struct.pack("=4B", family, state, 0, 0) + ends + struct.pack("=IQ", device, cookie)
    return message(TOLD, body + struct.pack("=5I", 0, 0, 0, 8, 9) + more, flags)


def done(code: int = 0, flags: int = 2) -> Message:
    """The message that ends an answer."""
    return message(DONE, struct.pack("=i", code), flags)


def v6only(value: int) -> bytes:
    """Attributes of a socket: one that nobody asked for, then whether it is for IPv6 alone."""
    return struct.pack("=HHB3xHHB3x", 5, 99, 1, 5, 11, value)


class Kernel:
    """Answers each question with the next of some parts, and counts the questions."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = [*parts]
        self.asked: list[bytes] = []

    def send(self, question: bytes) -> None:
        """Take a question."""
        self.asked.append(question)

    def recvmsg(self, _size: int) -> tuple[bytes, list[Any], int, tuple[int, int]]:
        """Give the next part."""
        part = self.parts.pop(0)
        if isinstance(part, Exception):
            raise part
        flags, sender = 0, KERNEL
        if isinstance(part, tuple):
            part, flags, sender = part
        sequence = struct.unpack_from("=I", self.asked[-1], 8)[0]
        return b"".join(each(sequence) for each in part), [], flags, sender


def ask(*parts: Part, family: int = IPV4, protocol: int = TCP) -> tuple[netlink.Sockets, int]:
    """What is known after these parts, and how many questions were asked."""
    kernel: Any = Kernel(parts)
    return netlink.Sockets(kernel, family, protocol), len(kernel.asked)


def test_a_listener_is_told() -> None:
    """Its row is that of /proc; its user is known too."""
    found, asked = ask([told(), done()])
    assert [*found.rows.values()] == [
        [9, IPV4, TCP, "127.0.0.1", "0.0.0.0", 609, 0, "", "LISTEN"],
    ]
    assert [*found.details.values()] == [[9, TCP, "127.0.0.1", 609, None, 0, 8]]
    assert (found.fault, asked) == ("", 1)


@for_each("value", [0, 1])
def test_whether_a_socket_is_for_ipv6_alone_is_told(value: int) -> None:
    """Whatever other attributes stand before."""
    socket = told(family=IPV6, state=CLOSE, device=1, more=v6only(value))
    found, _ = ask([socket, done()], family=IPV6, protocol=UDP)
    assert [*found.details.values()] == [[9, UDP, "::1", 609, value, 1, 8]]


@for_each("more", [b"", bytes(8), v6only(1)[:8], struct.pack("=HH", 4, 11)])
def test_an_attribute_that_is_not_there_is_unknown(more: bytes) -> None:
    """Kernels before 4.3 do not tell it."""
    found, _ = ask([told(family=IPV6, more=more), done()], family=IPV6)
    assert [*found.details.values()] == [[9, TCP, "::1", 609, None, 0, 8]]


@for_each(
    ("protocol", "state", "peer"),
    [(TCP, 1, 0), (TCP, 3, 5), (TCP, CLOSE, 0), (UDP, 1, 53)],
)
def test_no_details_are_kept_of_what_does_not_listen(protocol: int, state: int, peer: int) -> None:
    """It is a row all the same."""
    found, _ = ask([told(state=state, peer=peer), done()], protocol=protocol)
    assert (len(found.rows), found.details) == (1, {})


def test_an_answer_in_several_parts_is_asked_for_twice_and_joined() -> None:
    """Between two parts the kernel may lose its place."""
    many = [told(cookie) for cookie in range(40)]
    first = [many[:30], many[30:], [done()]]
    found, asked = ask(*first, [*many[5:], told(40), told(41), done()])
    assert (len(found.rows), asked, found.fault) == (42, 2, "")


@for_each("part", [[told(flags=INTERRUPTED), done()], [told(), done(flags=INTERRUPTED)]])
def test_an_interrupted_answer_is_asked_for_again(part: list[Message]) -> None:
    """What it told is kept."""
    found, asked = ask(part, [told(2), done()])
    assert (len(found.rows), asked, found.fault) == (2, 2, "")


def test_an_answer_that_is_always_interrupted_is_incomplete() -> None:
    """The kernel is asked some times only."""
    found, asked = ask(*[[told(flags=INTERRUPTED), done()]] * 20)
    assert found.fault == "interrupted 5 times"
    assert asked == 10


def test_a_full_buffer_is_an_interruption() -> None:
    """The kernel dropped a part."""
    found, asked = ask(OSError(ENOBUFS, "full"), [told(), done()])
    assert (len(found.rows), asked, found.fault) == (1, 2, "")


@for_each(
    "parts",
    [
        [[message(ERROR, struct.pack("=i", -EPERM))]],
        [[told(), done(-ENOENT)]],
        [[message(ERROR, b"")]],
        [OSError(EBUSY, "busy")],
        [TimeoutError("timed out")],
        [([told(), done()], MSG_TRUNC, KERNEL)],
        [[lambda _: b"\x10\0\0\0"]],
        [[lambda asked: told()(asked)[:-4]]],
        [[message(TOLD, bytes(40))]],
        [[lambda _: bytes(16)]],
    ],
)
def test_an_answer_that_is_refused_late_or_malformed_is_an_error(parts: list[Part]) -> None:
    """So that the files are read."""
    with pytest.raises(OSError, match=r"."):
        ask(*parts)


def test_only_the_kernel_is_believed_and_only_on_the_question() -> None:
    """Another process could send to the socket; an answer to an earlier question may come late."""
    late = message(DONE, struct.pack("=i", 0), sequence=99)
    forged = ([told(7), done()], 0, (4711, 0))
    found, _ = ask(forged, [late, told(), done()])
    assert [*found.rows] == [struct.pack("=Q", 1)]
