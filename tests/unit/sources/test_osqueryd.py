"""The source that asks a running osqueryd over its extension socket."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portproof.model.observation import (
    Answer,
    Identity,
    Observed,
    Platform,
    Reason,
    Unobserved,
)
from portproof.sources.osqueryd import OsquerydSource
from support.standins.host import HOST, LISTENERS, listening_sockets
from support.standins.looks import reply_of, source_of
from support.standins.osqueryd import Osqueryd

pytest_plugins = "support.running_osqueryd"
pytestmark = pytest.mark.usefixtures("_nothing_leaks")


@pytest.mark.usefixtures("_decoder")
def test_shipped_question_is_answered_in_text(osqueryd: Osqueryd) -> None:
    """Every value comes as text, NULL as empty text, and rows without a process are kept."""
    reply = reply_of(source_of(osqueryd).look({"listening-sockets": listening_sockets()}))

    assert reply.answers == {"listening-sockets": Observed(LISTENERS, 2)}
    assert reply.incomplete == ()


def test_identity_is_told_in_the_same_round(osqueryd: Osqueryd) -> None:
    """Version, effective user and namespace are part of the sight, over one connection."""
    reply = reply_of(source_of(osqueryd).look({"one": "SELECT 1 AS n", "two": "SELECT 2.0 AS n"}))

    assert reply.identity == Identity(
        source="osqueryd",
        version="5.23.0",
        platform=Platform.LINUX,
        euid=0,
        host_namespace="4026531840",
    )
    assert reply.answers["two"] == Observed(({"n": "2.0"},), 1)
    assert osqueryd.connections == 1


def test_an_osqueryd_that_cannot_say_who_it_is_is_not_believed(tmp_path: Path) -> None:
    """Without a row that describes osqueryd there is no sight, whatever else it would answer."""
    with Osqueryd(tmp_path / "osquery.em", {}) as server:
        seen = source_of(server).look({"one": "SELECT 1 AS n"})
        assert server.asked[1:] == []
    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.GARBLED


def test_no_rows_is_an_answer(osqueryd: Osqueryd) -> None:
    """An empty list with a good status is observed: the table was read and had no such row."""
    reply = reply_of(source_of(osqueryd).look({"none": "SELECT pid FROM processes WHERE pid = 5"}))

    assert reply.answers == {"none": Observed((), 0)}


@pytest.mark.parametrize(
    ("sql", "reason", "told"),
    [
        ("SELECT * FROM magic", Reason.MISSING_TABLE, "no such table: magic"),
        ("SELECT name FROM listening_ports", Reason.QUERY_ERROR, "no such column: name"),
        ("SELEC 1", Reason.QUERY_ERROR, 'near "SELEC": syntax error'),
        ("SELECT abs(x) FROM (SELECT 1 AS x UNION ALL SELECT -9223372036854775807 - 1)",
         Reason.QUERY_ERROR, "integer overflow"),
        ("SELECT 1\0 WHERE 0", Reason.QUERY_ERROR, "NUL"),
    ],
)  # fmt: skip
def test_wrong_sql_spoils_only_itself(
    osqueryd: Osqueryd, sql: str, reason: Reason, told: str
) -> None:
    """An error of SQLite is the answer to one question; the others are answered."""
    reply = reply_of(source_of(osqueryd).look({"wrong": sql, "right": "SELECT 1 AS n"}))

    wrong = reply.answers["wrong"]
    assert isinstance(wrong, Unobserved)
    assert (wrong.reason, told in wrong.detail) == (reason, True)
    assert reply.answers["right"] == Observed(({"n": "1"},), 1)


def test_words_of_the_host_are_short_and_visible(osqueryd: Osqueryd) -> None:
    """An error message can neither flood a report nor reach a terminal as control characters."""
    table = "\x1b[2J\u202e" + "x" * 5000
    sql = 'SELECT * FROM "' + table + '"'  # noqa: S608 - the name is this test's own
    answer = reply_of(source_of(osqueryd).look({"q": sql})).answers["q"]

    assert isinstance(answer, Unobserved)
    assert answer.detail.isprintable()
    assert r"\x1b[2J\u202e" in answer.detail
    assert len(answer.detail) < 250


@pytest.mark.usefixtures("_decoder")
def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    """A process may have any name; the rows around it arrive, and so do later answers."""
    rows = {**HOST, "etc_services": [{"name": "caf\udce9"}, {"name": "\u2713"}]}
    questions = {"names": "SELECT name FROM etc_services", "after": "SELECT 1 AS n"}

    with Osqueryd(tmp_path / "osquery.em", rows) as server:
        reply = reply_of(source_of(server).look(questions))
        assert server.connections == 1

    assert reply.answers["names"] == Observed(({"name": "caf\ufffd"}, {"name": "\u2713"}), 2)
    assert reply.answers["after"] == Observed(({"n": "1"},), 1)


def test_a_hundred_thousand_rows_arrive_whole(osqueryd: Osqueryd) -> None:
    """A large answer is read to its end and counted."""
    sql = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000)"
        " SELECT x AS port, 'LISTEN' AS state FROM n"
    )
    answer = reply_of(source_of(osqueryd, timeout=60).look({"many": sql})).answers["many"]

    assert isinstance(answer, Observed)
    assert (answer.count, answer.whole) == (100_000, True)
    assert answer.rows[-1] == {"port": "100000", "state": "LISTEN"}


def test_no_socket_is_no_collector(tmp_path: Path) -> None:
    """Where nothing listens there is no osqueryd, and the path is said."""
    seen = OsquerydSource(str(tmp_path / "osquery.em"), platform=Platform.LINUX).look({})

    assert seen == Unobserved(
        Reason.NO_COLLECTOR, f"no osqueryd socket at {tmp_path / 'osquery.em'}"
    )


def _left_over(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))


def _below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


@pytest.mark.parametrize("make", [_left_over, Path.touch, Path.mkdir, _below_a_file])
def test_what_is_no_live_socket_is_no_collector(tmp_path: Path, make: object) -> None:
    """A socket left behind, a file, a folder or a broken path: no osqueryd, and no error."""
    path = tmp_path / "folder" / "osquery.em"
    path.parent.mkdir()
    assert callable(make)
    make(path)

    seen = OsquerydSource(str(path), platform=Platform.LINUX).look({})

    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.NO_COLLECTOR


@pytest.mark.parametrize("path", ["/run/" + "x" * 200, "/run/a\0b"])
def test_a_path_that_cannot_be_a_socket_is_no_collector(path: str) -> None:
    """A path too long for a socket, or with a NUL, is told as such."""
    seen = OsquerydSource(path, platform=Platform.LINUX).look({})

    assert isinstance(seen, Unobserved)
    assert (seen.reason, seen.detail.isprintable()) == (Reason.NO_COLLECTOR, True)


def test_an_osqueryd_too_busy_to_accept_is_late(tmp_path: Path) -> None:
    """A listener whose queue is full is not waited for without end."""
    path = str(tmp_path / "osquery.em")
    with socket.socket(socket.AF_UNIX) as door, socket.socket(socket.AF_UNIX) as first:
        door.bind(path)
        door.listen(0)
        first.connect(path)
        seen = OsquerydSource(path, timeout=0.5, platform=Platform.LINUX).look({})

    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.TIMEOUT


@pytest.mark.parametrize("shared", [True, False])
def test_threads_get_only_their_own_rows(osqueryd: Osqueryd, shared: bool) -> None:
    """Four threads, with a source each or one for all, never see another's answer."""
    sources = [source_of(osqueryd)] * 4 if shared else [source_of(osqueryd) for _ in range(4)]

    def look(thread: int) -> list[Answer]:
        return [
            reply_of(sources[thread].look({"who": f"SELECT '{thread}' AS who"})).answers["who"]
            for _ in range(25)
        ]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(look, range(4)))

    for thread, own in enumerate(answers):
        assert own == [Observed(({"who": str(thread)},), 1)] * 25


def test_windows_is_told_to_use_osqueryi() -> None:
    """The named pipe of Windows is not read, and that is said."""
    seen = OsquerydSource(platform=Platform.WINDOWS).look({})

    assert isinstance(seen, Unobserved)
    assert (seen.reason, "osqueryi" in seen.detail) == (Reason.NO_COLLECTOR, True)
