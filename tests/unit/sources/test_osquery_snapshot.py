"""A look by osquery: each table is asked for once, and all questions are answered over it."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portproof.content.load import load
from portproof.judge.listeners import normalise
from portproof.model.addresses import Covers
from portproof.model.observation import (
    LISTENING_SOCKETS,
    NAMESPACES_DOUBT,
    UDP_DOUBT,
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.policy.checks import questions_of
from portproof.policy.rules.base import By
from portproof.sources import osqueryd as source_module
from portproof.sources.osquery_plan import SOCKETS, planned
from portproof.sources.osquery_reply import Beside
from portproof.sources.osqueryd import OsquerydSource
from portproof.sources.sqltables import Table
from support.paths import ROOT
from support.standins.host import HOST, LISTENERS, listening_sockets
from support.standins.looks import reason_of, reply_of, source_of
from support.standins.osqueryd import Manner, Osqueryd, exception, hang_up_at_once, honest, mute

QUESTIONS = {LISTENING_SOCKETS: listening_sockets()}
COUNT = "SELECT count(*) AS n FROM {}"
OWNERS = "SELECT DISTINCT p.name AS name FROM process_open_sockets s JOIN processes p USING (pid)"


def shipped(platform: Platform) -> dict[str, str]:
    """The questions of the whole shipped library."""
    return questions_of(load([ROOT / "policies"], [ROOT / "checks"]).check_by_id().values())[
        platform
    ]


def told(folder: Path, rows: Any, questions: Any = QUESTIONS) -> SourceReply:  # noqa: ANN401 - rows of tables
    """What osqueryd tells of a host."""
    with Osqueryd(folder / "em", rows) as server:
        return reply_of(source_of(server).look(questions))


def listening(reply: SourceReply) -> tuple[dict[str, str], ...]:
    """The rows of listening sockets."""
    answer = reply.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    return answer.rows


def with_rows(**tables: Any) -> dict[str, Any]:  # noqa: ANN401 - rows of tables
    """The host with other rows of some tables."""
    return {**HOST, **tables}


def in_turn(*manners: Manner, then: Manner) -> Manner:
    """Behave in one way after the other, and in the last one from then on."""
    left = iter(manners)

    def manner(sql: str, reply: bytes) -> Iterator[bytes]:
        return next(left, then)(sql, reply)

    return manner


def test_the_shipped_library_asks_for_each_table_once(tmp_path: Path) -> None:
    """The sockets are read twice; nothing else is, and no question joins two tables."""
    questions = shipped(Platform.LINUX)
    assert len(questions) > 30
    with Osqueryd(tmp_path / "em", HOST) as server:
        reply_of(source_of(server).look(questions))
        asked = server.asked
    tables = Counter(re.findall(r"FROM (\w+)$", "\n".join(asked), re.MULTILINE))
    assert tables.pop(SOCKETS) == 2
    assert set(tables.values()) == {1}
    docker = [sql for sql in asked if "docker" in sql]
    joins = [sql for sql in asked[1:] if " JOIN " in sql and sql not in docker]
    assert joins == []
    assert len(asked) <= 10


@pytest.mark.parametrize("platform", list(Platform))
def test_osqueryd_is_not_asked_for_packages_of_debian(platform: Platform) -> None:
    """Two such questions at a time crash its worker (osquery#8622)."""
    plan = planned(shipped(platform), platform, not_asked=("deb_packages",))
    assert not [sql for sql in [*plan.first.values()] if "deb_packages" in sql]


def test_packages_of_debian_are_read_by_portproof(tmp_path: Path) -> None:
    """Whoever asks about them in a question of their own is told why not."""
    packages = Table(["name"], [["telnetd"]])
    questions = {**QUESTIONS, "p": "SELECT name FROM deb_packages"}
    questions |= {"q": "SELECT name FROM deb_packages JOIN hash USING (path)"}
    with Osqueryd(tmp_path / "em", HOST) as server:
        own = Beside({"deb_packages": packages})
        source = OsquerydSource(str(server.path), 9.0, Platform.LINUX, beside=lambda *_: own)
        reply = reply_of(source.look(questions))
        assert not [sql for sql in server.asked if "deb_packages" in sql]
    assert reply.answers["p"] == Observed(({"name": "telnetd"},), 1)
    assert reason_of(reply.answers["q"]) is Reason.MISSING_TABLE


def test_null_and_text_that_looks_like_it_are_told_apart(tmp_path: Path) -> None:
    """NULL is no text at all, and a number stays one."""
    rows = with_rows(
        processes=[
            {"pid": 9, "name": ""},
            {"pid": 10, "name": None},
            {"pid": 11, "name": "="},
            {"pid": 700, "euid": 0},
        ]
    )
    sql = "SELECT pid FROM processes WHERE name = '' OR name = '=' ORDER BY pid"
    reply = told(tmp_path, rows, {**QUESTIONS, "empty": sql})
    assert reply.answers["empty"] == Observed(({"pid": "9"}, {"pid": "11"}), 2)


def test_every_holder_of_a_socket_is_named(tmp_path: Path) -> None:
    """Osquery names one process by the text of its number; a hidden owner may be found as well."""
    files = [
        {"path": f"/proc/{pid}/task/{pid}/fd/{fd}", "inode": inode, "type": "socket"}
        for pid, fd, inode in ((812, 3, 4001), (59, 7, 4001), (59, 9, 4001), (59, 4, 4002))
    ]
    processes = [*HOST["processes"], {"pid": 59, "name": "root-master", "path": "/m", "uid": 0}]
    reply = told(tmp_path, with_rows(file=files, processes=processes))
    assert {(row["port"], row["pid"], row["fd"], row["name"]) for row in listening(reply)} == {
        ("609", "812", "3", "npmp"),
        ("609", "59", "7", "root-master"),
        ("609", "59", "4", "root-master"),
    }
    assert reply.doubts == {}


@pytest.mark.parametrize(
    "files", [[], [{"path": "/proc/1/task/1/fd/1", "inode": 7, "type": "socket"}]]
)
def test_without_holders_an_unknown_owner_is_told(tmp_path: Path, files: Any) -> None:  # noqa: ANN401 - rows of a table
    """A check on owners is in doubt, and other checks are not."""
    questions = {**QUESTIONS, "owners": OWNERS, "users": "SELECT username FROM users"}
    reply = told(tmp_path, with_rows(file=files), questions)
    rows = listening(reply)
    assert [row["pid"] for row in rows] == ["812", "-1", "-1"]
    assert (rows[2]["address"], rows[2]["name"], rows[2]["user"]) == ("0.0.0.0", "", "")
    assert reply.doubts.keys() == {"owners", LISTENING_SOCKETS}
    assert reply.doubts["owners"].reason is Reason.PARTIAL


def test_holders_that_portproof_read_itself_are_not_asked_for(tmp_path: Path) -> None:
    """Osquery's answer could take much memory. One that started later is left out."""
    columns = planned(QUESTIONS, Platform.LINUX).columns[SOCKETS]
    row = dict.fromkeys(columns, "") | {"socket": 4001, "family": 2, "protocol": 6, "fd": 3}
    row |= {"local_address": "0.0.0.0", "local_port": 609, "remote_port": 0}
    held: list[list[Any]] = [[*(row | {"pid": pid}).values()] for pid in (812, 700, 9999)]
    beside = Beside({SOCKETS: Table(list(columns), held)})
    with Osqueryd(tmp_path / "em", HOST) as server:
        source = OsquerydSource(str(server.path), 9.0, Platform.LINUX, beside=lambda *_: beside)
        reply = reply_of(source.look(QUESTIONS))
        assert not [sql for sql in server.asked if "FROM file" in sql]
    assert {row["pid"] for row in listening(reply) if row["socket"] == "4001"} == {"812", "700"}
    assert reply.doubts == {}


@pytest.mark.parametrize("holders", [True, False])
def test_an_owner_that_is_not_meant_proves_nothing_while_others_are_unknown(
    tmp_path: Path, holders: bool
) -> None:
    """The order of process numbers must not decide ``closed 609 by {user: root}``."""
    reply = told(tmp_path, HOST if holders else with_rows(file=[]))
    listeners = normalise(listening(reply), reply.identity).listeners
    wildcard = next(each for each in listeners if each.address == "0.0.0.0")
    meant = By(user="root").any_of(wildcard.owners, Platform.LINUX)
    allowed = By(user="www-data").all_of(wildcard.owners, Platform.LINUX)
    expected = (Covers.NO, Covers.YES) if holders else (Covers.MAYBE, Covers.MAYBE)
    assert (meant, allowed) == expected


def test_processes_that_hide_their_files_are_counted(tmp_path: Path) -> None:
    """Root without CAP_SYS_PTRACE sees a command line and no program."""
    processes = [*HOST["processes"], {"pid": 5, "path": "", "cmdline": "nginx: master"}]
    questions = {
        **QUESTIONS,
        "owners": OWNERS,
        "paths": "SELECT pid FROM processes WHERE path = 'x'",
    }
    reply = told(tmp_path, with_rows(processes=processes), questions)
    assert {reply.doubts[name].reason for name in ("owners", "paths")} == {Reason.PRIVILEGE}
    assert "-1" in [row["pid"] for row in listening(reply) if row["address"] == "0.0.0.0"]


@pytest.mark.parametrize(
    ("value", "doubted"), [("52428800", False), ("100000", True), (None, True)]
)
def test_a_low_read_max_leaves_other_namespaces_unproven(
    tmp_path: Path, value: str | None, doubted: bool
) -> None:
    """Osquery passes over a longer list of sockets without a word."""
    flags = [] if value is None else [{"name": "read_max", "value": value}]
    reply = told(tmp_path, with_rows(osquery_flags=flags))
    assert (NAMESPACES_DOUBT in reply.doubts) is doubted


@pytest.mark.parametrize("table", ["users", "processes"])
def test_a_table_that_is_disabled_costs_what_needs_it(tmp_path: Path, table: str) -> None:
    """The sockets are told without their owners' names."""
    questions = {**QUESTIONS, "needs": COUNT.format(table), "n": "SELECT 1 AS n"}
    with Osqueryd(tmp_path / "em", HOST) as server:
        server.manner = lambda sql, reply: (exception if sql.endswith(f"FROM {table}") else honest)(
            sql, reply
        )
        reply = reply_of(source_of(server).look(questions))
    assert {row["port"] for row in listening(reply)} == {"609"}
    assert reason_of(reply.answers["needs"]) is Reason.QUERY_ERROR
    assert reply.answers["n"] == Observed(({"n": "1"},), 1)


def test_sockets_of_both_readings_are_told(tmp_path: Path) -> None:
    """One that the first reading lost is in the last."""
    with Osqueryd(tmp_path / "em", HOST) as server:
        lost = {"seen": 0}

        def manner(sql: str, reply: bytes) -> Any:  # noqa: ANN401 - a manner's iterator
            lost["seen"] += sql.endswith(f"FROM {SOCKETS}")
            first = sql.endswith(f"FROM {SOCKETS}") and lost["seen"] == 1
            return honest(sql, reply.replace(b"=609", b"=610") if first else reply)

        server.manner = manner
        reply = reply_of(source_of(server).look(QUESTIONS))
    assert {row["port"] for row in listening(reply)} == {"609", "610"}


@pytest.mark.parametrize("lost", [True, False])
def test_a_udp_socket_that_a_reading_lost_leaves_udp_unproven(tmp_path: Path, lost: bool) -> None:
    """It is in the first reading and in portproof's own, and not in the one between."""
    columns = planned(QUESTIONS, Platform.LINUX).columns[SOCKETS]
    row = dict.fromkeys(columns, "") | {"pid": -1, "fd": -1, "socket": 4002, "family": 10}
    row |= {"protocol": 17, "local_port": 609, "remote_port": 0, "local_address": "::1"}
    own = Beside({SOCKETS: Table(list(columns), [list(row.values())])})
    with Osqueryd(tmp_path / "em", HOST) as server:
        seen: list[str] = []

        def manner(sql: str, reply: bytes) -> Any:  # noqa: ANN401 - a manner's iterator
            seen.extend([sql] if sql.endswith(f"FROM {SOCKETS}") else [])
            again = sql.endswith(f"FROM {SOCKETS}") and len(seen) == 2
            return honest(sql, reply.replace(b"=4002", b"=4003") if again and lost else reply)

        server.manner = manner
        source = OsquerydSource(str(server.path), 9.0, Platform.LINUX, beside=lambda *_: own)
        reply = reply_of(source.look(QUESTIONS))
    assert (UDP_DOUBT in reply.doubts) is lost


def test_a_worker_that_dies_is_asked_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watcher starts another one, which answers the same question."""
    monkeypatch.setattr(source_module, "_PAUSE", 0.0)
    with Osqueryd(tmp_path / "em", HOST) as server:
        server.manner = in_turn(honest, honest, hang_up_at_once, then=honest)
        reply = reply_of(source_of(server).look(QUESTIONS))
    assert reply.answers[LISTENING_SOCKETS] == Observed(LISTENERS, 2)


def test_a_worker_that_dies_again_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next source is asked, and osqueryd is not asked for anything more."""
    monkeypatch.setattr(source_module, "_PAUSE", 0.0)
    with Osqueryd(tmp_path / "em", HOST) as server:
        server.manner = in_turn(honest, then=hang_up_at_once)
        seen = source_of(server).look(QUESTIONS)
        assert len(server.asked) == 3
    assert isinstance(seen, Unobserved)
    assert "ended twice" in seen.detail


def test_a_stopped_osqueryd_is_noticed_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts connections and is mute, so the first question has a short time."""
    monkeypatch.setattr(source_module, "_FIRST_SECONDS", 0.2)
    begun = time.monotonic()
    with Osqueryd(tmp_path / "em", HOST, mute) as server:
        seen = source_of(server, timeout=30.0).look(QUESTIONS)
        assert len(server.asked) == 1
    assert reason_of(seen) is Reason.TIMEOUT
    assert time.monotonic() - begun < 10
