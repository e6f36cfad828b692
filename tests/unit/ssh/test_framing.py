"""Answers are found whole, or not at all, however they arrive and whatever is around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.ssh.framing import FramedReply, FramingError, delimited
from support.for_each import for_each

SEAL = "portproof-5ea1"
LIMIT = 10_000


def framed(document: bytes) -> bytes:
    """A frame around a document."""
    return b"\n%s %d\n%s\n%s end\n" % (SEAL.encode(), len(document), document, SEAL.encode())


def fed(frame: FramedReply, data: bytes, sizes: list[int]) -> object:
    """What is found in data that arrives in pieces of these sizes, over and over."""
    heard = bytearray()
    place = 0
    for size in [*sizes, len(data)]:
        heard += data[place : place + size]
        place += size
        found = frame.find(heard)
        if found is not None:
            return found
    return None


pieces = st.lists(st.integers(1, 40), max_size=60)


@given(st.binary(max_size=300), st.binary(max_size=100), st.binary(max_size=100), pieces)
def test_a_whole_answer_is_found_between_any_noise(
    document: bytes, before: bytes, after: bytes, sizes: list[int]
) -> None:
    """Whatever comes before and after, in whatever pieces: the document is what is found."""
    assert fed(FramedReply(SEAL, LIMIT), before + framed(document) + after, sizes) == document


@given(st.binary(max_size=300), st.data())
def test_a_cut_answer_is_never_found(document: bytes, data: st.DataObject) -> None:
    """No beginning of a frame is an answer."""
    whole = framed(document)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert FramedReply(SEAL, LIMIT).find(bytearray(cut)) is None


def test_an_answer_with_another_seal_is_noise() -> None:
    """An answer of an earlier look, replayed, is passed over."""
    replayed = framed(b"old").replace(SEAL.encode(), b"portproof-0000")
    assert FramedReply(SEAL, LIMIT).find(bytearray(replayed + framed(b"new"))) == b"new"


@for_each("head", [b"x", b"-1", b"99999999", b"1" * 40, b"", b"1 2", b"10001"], ids=repr)
def test_a_length_that_makes_no_sense_breaks_the_answer(head: bytes) -> None:
    """A length must be a number within the limit."""
    with pytest.raises(FramingError):
        FramedReply(SEAL, LIMIT).find(bytearray(b"\n%s %s\n" % (SEAL.encode(), head)))


def test_a_wrong_length_breaks_the_answer() -> None:
    """The end must be where the length says."""
    broken = framed(b"document").replace(b" 8\n", b" 7\n")
    with pytest.raises(FramingError):
        FramedReply(SEAL, LIMIT).find(bytearray(broken))


@given(st.binary(max_size=300).filter(lambda data: SEAL.encode() not in data))
def test_what_a_shell_printed_is_found(output: bytes) -> None:
    """Between begin and end, with the exit code; never before its end is there."""
    seal = SEAL.encode()
    printed = output + b"\n" if output else b""
    data = b"noise\n%s begin\n%s%s end 3\n" % (seal, printed, seal)
    assert delimited(data + b"rest", SEAL) == (printed, 3)
    assert not any(delimited(data[:cut], SEAL) for cut in range(len(data)))


def test_an_end_in_the_middle_of_a_line_is_none() -> None:
    """A line feed within a value is written as two characters, so no value can end it."""
    seal = SEAL.encode()
    data = b'\n%s begin\n[{"a":"%s end 0"}]' % (seal, seal)
    assert delimited(data, SEAL) is None
    assert delimited(data + b"\n%s end 0\n" % seal, SEAL) is not None
