"""Replies of osqueryd that are hostile, broken, late or not ours."""

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osquery.extensions import ExtensionManager

from portproof.model.observation import (
    Observed,
    Reason,
    Unobserved,
)
from portproof.sources.thrift_client import OsquerydConnection
from support.standins import osqueryd as manners
from support.standins.looks import reason_of, reply_of, source_of
from support.standins.osqueryd import Manner, Osqueryd, honest

pytest_plugins = "support.running_osqueryd"
pytestmark = pytest.mark.usefixtures("_nothing_leaks")


def _when_asked(word: str, manner: Manner) -> Manner:
    """Misbehave for questions that hold a word, and be honest otherwise."""
    return lambda sql, reply: (manner if word in sql else honest)(sql, reply)


@pytest.mark.usefixtures("_decoder")
@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        (manners.hang_up, Reason.GARBLED),
        (manners.hang_up_at_once, Reason.GARBLED),
        (manners.garbage, Reason.GARBLED),
        (manners.garbled_body, Reason.GARBLED),
        (manners.other_sequence, Reason.GARBLED),
        (manners.other_method, Reason.GARBLED),
        (manners.twice, Reason.GARBLED),
        (manners.without_result, Reason.GARBLED),
        (manners.without_status, Reason.GARBLED),
        (manners.without_code, Reason.GARBLED),
        (manners.without_rows, Reason.GARBLED),
        (manners.numbers_for_rows, Reason.GARBLED),
        (manners.numbers_for_values, Reason.GARBLED),
        (manners.uneven_rows, Reason.GARBLED),
        (manners.negative_text, Reason.GARBLED),
        (manners.endless_rows, Reason.GARBLED),
        (manners.deep, Reason.GARBLED),
        (manners.endless_text, Reason.OVERSIZED),
        (manners.exception, Reason.QUERY_ERROR),
    ],
)
def test_a_broken_reply_spoils_only_its_question(
    osqueryd: Osqueryd, manner: Manner, reason: Reason
) -> None:
    """Hostile and broken replies end as a reason, and the next question has its own answer."""
    osqueryd.manner = _when_asked("bad", manner)
    questions = {"before": "SELECT 1 AS n", "bad": "SELECT 'bad' AS n", "after": "SELECT 2 AS n"}

    source_reply = reply_of(source_of(osqueryd).look(questions))

    assert source_reply.answers["before"] == Observed(({"n": "1"},), 1)
    assert reason_of(source_reply.answers["bad"]) is reason
    assert source_reply.answers["after"] == Observed(({"n": "2"},), 1)


@pytest.mark.usefixtures("_decoder")
@pytest.mark.parametrize("manner", [manners.mute, manners.drip])
def test_an_osqueryd_gone_mute_is_waited_for_once(osqueryd: Osqueryd, manner: Manner) -> None:
    """One question runs into the timeout; the rest get the same reason and are not asked."""
    osqueryd.manner = _when_asked("slow", manner)
    questions = {"slow": f"SELECT 'slow {'x' * 100}' AS n"} | {
        f"q{number}": "SELECT 1 AS n" for number in range(50)
    }

    source_reply = reply_of(source_of(osqueryd, timeout=0.3).look(questions))

    assert {reason_of(answer) for answer in source_reply.answers.values()} == {Reason.TIMEOUT}
    assert source_reply.answers.keys() == questions.keys()
    assert len(osqueryd.asked) == 2


@pytest.mark.usefixtures("_decoder")
def test_an_old_reply_is_no_answer(osqueryd: Osqueryd) -> None:
    """The reply to an earlier question, sent again, is not taken for the answer to a later one."""
    replies: list[bytes] = []

    def repeat_first(_sql: str, reply: bytes) -> Iterator[bytes]:
        replies.append(reply)
        yield replies[0]

    osqueryd.manner = _when_asked("AS n", repeat_first)
    source_reply = reply_of(
        source_of(osqueryd).look({"old": "SELECT 1 AS n", "new": "SELECT 2 AS n"})
    )

    assert source_reply.answers["old"] == Observed(({"n": "1"},), 1)
    assert reason_of(source_reply.answers["new"]) is Reason.GARBLED


@pytest.mark.usefixtures("_decoder")
def test_an_osqueryd_that_stops_within_a_row_is_late(osqueryd: Osqueryd) -> None:
    """A reply that stops where a row begins is a timeout; the C decoder would call it a type."""

    def stop_in_rows(_sql: str, reply: bytes) -> Iterator[bytes]:
        yield reply[: reply.index(b"\x0f\x00\x02") + 8]

    osqueryd.manner = _when_asked("slow", stop_in_rows)
    source_reply = reply_of(source_of(osqueryd, timeout=0.3).look({"slow": "SELECT 'slow' AS n"}))

    assert reason_of(source_reply.answers["slow"]) is Reason.TIMEOUT


def test_a_mute_osqueryd_gives_nosight(osqueryd: Osqueryd) -> None:
    """When osqueryd does not even say who it is, nothing else is asked."""
    osqueryd.manner = manners.mute
    seen = source_of(osqueryd, timeout=0.2).look({"one": "SELECT 1 AS n"})

    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.TIMEOUT
    assert len(osqueryd.asked) == 1


@pytest.mark.usefixtures("_decoder")
def test_a_reply_beyond_the_limit_is_oversized(osqueryd: Osqueryd) -> None:
    """Rows without end are read up to the limit and no further."""
    osqueryd.manner = manners.flood
    with OsquerydConnection(str(osqueryd.path), timeout=10, limit=1_000_000) as connection:
        assert reason_of(connection.ask("SELECT 1")) is Reason.OVERSIZED


def test_ctrl_c_is_not_swallowed(osqueryd: Osqueryd) -> None:
    """Ctrl-C while the C decoder waits for a row ends the look, not only the question."""

    def interrupt_in_rows(_sql: str, reply: bytes) -> Iterator[bytes]:
        yield reply[: reply.index(b"\x0f\x00\x02") + 8]
        time.sleep(0.2)  # until the decoder waits for the rest
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    osqueryd.manner = _when_asked("slow", interrupt_in_rows)
    with pytest.raises(KeyboardInterrupt):
        source_of(osqueryd).look({"slow": "SELECT 'slow' AS n"})


def test_osquerys_own_classes_stay_as_they_are() -> None:
    """The shape for the C decoder is our own; other users of osquery-python see no change."""
    (field,) = ExtensionManager.query_result.thrift_spec
    assert isinstance(field[3], tuple)


@pytest.mark.usefixtures("_decoder")
def test_no_reply_raises(osqueryd: Osqueryd) -> None:
    """Whatever bytes come, the answer is a value; a cut reply is never taken for rows."""
    reply: list[bytes] = []

    def remember(sql: str, whole: bytes) -> Iterator[bytes]:
        reply[:] = [whole]
        yield from honest(sql, whole)

    osqueryd.manner = remember
    with OsquerydConnection(str(osqueryd.path), timeout=5) as connection:
        rows = connection.ask("SELECT pid, name FROM processes")
        assert isinstance(rows, Observed)
    whole = reply[0]
    edits = st.lists(st.tuples(st.integers(0, len(whole) - 1), st.binary(max_size=6)), max_size=4)

    @settings(max_examples=300)
    @given(edits=edits, length=st.integers(0, len(whole)))
    def check(edits: list[tuple[int, bytes]], length: int) -> None:
        changed = bytearray(whole)
        for place, piece in edits:
            changed[place : place + len(piece)] = piece
        osqueryd.manner = _sending(bytes(changed[:length]))
        with OsquerydConnection(str(osqueryd.path), timeout=5, limit=1_000_000) as connection:
            answer = connection.ask("SELECT pid, name FROM processes")
        if not edits:
            assert answer == rows if length == len(whole) else isinstance(answer, Unobserved)

    check()


def _sending(reply: bytes) -> Manner:
    def send(_sql: str, _honest: bytes) -> Iterator[bytes]:
        yield reply
        raise ConnectionAbortedError

    return send
