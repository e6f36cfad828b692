"""The embedded probe as a source."""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from portproof import __version__
from portproof.agent.tables import collect
from portproof.model.observation import (
    Identity,
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources import probe as embedded
from portproof.sources.agent import sha256
from portproof.sources.probe import Collected, ProbeSource, checked, decoded, reply, wanted
from support.for_each import for_each

GOOD: dict[str, Any] = {
    "probe": 1,
    "platform": "linux",
    "euid": 0,
    "host_namespace": "4026531840",
    "tables": {"users": {"columns": ["uid", "username"], "rows": [[0, "root"], [1, None]]}},
    "incomplete": ["/proc/1/net/tcp6: Permission denied"],
    "missing": {"uptime": "/proc/uptime: Permission denied"},
}


def seen(questions: dict[str, str]) -> SourceReply:
    """A look that succeeds."""
    found = ProbeSource().look(questions)
    assert isinstance(found, SourceReply), found
    return found


def told(**changes: object) -> Collected:
    """What a probe told, changed."""
    collected = checked(GOOD | changes)
    assert isinstance(collected, Collected)
    return collected


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these columns")
def test_columns_that_cost_more_are_read_when_a_question_names_them() -> None:
    """A question that does not name them must not pay for them."""
    sql = "SELECT cwd, cgroup_path <> '' AS grouped FROM processes WHERE pid = 0"
    sql = sql.replace("0", str(os.getpid()))
    (row,) = getattr(seen({"cwd": sql}).answers["cwd"], "rows", [None])
    assert row == {"cwd": str(Path.cwd()), "grouped": "1"}
    assert "processes.cwd" in wanted({"cwd": sql}, Platform.LINUX)
    named = wanted({"name": "SELECT name FROM processes"}, Platform.LINUX)
    assert named == ["processes.name", "processes.pid"]
    assert wanted({"how many": "SELECT count(*) FROM users"}, Platform.LINUX) == ["users"]


@pytest.mark.skipif(sys.platform != "linux", reason="the probe that is sent to hosts is Linux's")
def test_a_host_sends_no_columns_that_nobody_asked_for() -> None:
    """What is sent must be read; the pid tells which processes are portproof's own."""
    names = wanted({"name": "SELECT name FROM processes"}, Platform.LINUX)
    tables: Any = collect(names)["tables"]
    assert tables["processes"]["columns"] == ["pid", "name"]
    assert {len(row) for row in tables["processes"]["rows"]} == {2}


def test_a_probe_that_does_not_come_back_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of /proc can block for ever."""
    release = threading.Event()
    monkeypatch.setattr(embedded, "_collect", lambda *_: release.wait(30))
    found = ProbeSource(timeout=0.2).look({"q": "SELECT pid FROM processes"})
    release.set()
    assert isinstance(found, Unobserved)
    assert found.reason == Reason.TIMEOUT


def test_a_probe_that_fails_is_unobserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a machine does to it, a look does not raise."""

    def fail(*_: object) -> None:
        raise RuntimeError("a \x1b[31mred\x1b[0m machine")

    monkeypatch.setattr(embedded, "_collect", fail)
    found = ProbeSource().look({"q": "SELECT pid FROM processes"})
    assert isinstance(found, Unobserved)
    assert found.reason == Reason.QUERY_ERROR
    assert "RuntimeError" in found.detail
    assert "\x1b" not in found.detail


@pytest.mark.skipif(sys.platform != "linux", reason="the probe of /proc")
def test_a_machine_without_proc_is_unobserved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No table could be read, so no question has an answer."""
    nowhere = str(tmp_path / "nowhere")
    monkeypatch.setattr(embedded, "collect", lambda names: collect(names, nowhere))
    answer = seen({"q": "SELECT pid FROM process_open_sockets"}).answers["q"]
    assert isinstance(answer, Unobserved)
    assert "No such file or directory" in answer.detail


def test_what_a_probe_told_becomes_a_reply() -> None:
    """Its identity, what is incomplete, and the answers."""
    found = reply({"u": "SELECT uid, username FROM users"}, told(), time.monotonic() + 300)
    assert found == SourceReply(
        identity=Identity(
            source="probe",
            version=__version__,
            platform=Platform.LINUX,
            euid=0,
            host_namespace="4026531840",
            agent=sha256(),
        ),
        answers={
            "u": Observed(({"uid": "0", "username": "root"}, {"uid": "1", "username": ""}), 2)
        },
        incomplete=("/proc/1/net/tcp6: Permission denied",),
    )


def test_why_a_table_is_missing_is_told() -> None:
    """The probe's own words, made safe."""
    collected = told(missing={"uptime": "\x1b[2J/proc/uptime: Permission denied"})
    answer = reply({"u": "SELECT days FROM uptime"}, collected, time.monotonic() + 300).answers["u"]
    assert isinstance(answer, Unobserved)
    assert "/proc/uptime: Permission denied" in answer.detail
    assert answer.detail.isprintable()


def test_time_that_is_over_leaves_questions_unanswered() -> None:
    """Those that take any time at all."""
    rows = [[uid, "x"] for uid in range(2000)]
    collected = told(tables={"users": {"columns": ["uid", "username"], "rows": rows}})
    sql = "SELECT count(*) FROM users a, users b WHERE a.username <> b.username"
    answer = reply({"q": sql}, collected, time.monotonic() - 1).answers["q"]
    assert isinstance(answer, Unobserved)
    assert answer.reason == Reason.TIMEOUT


def test_what_is_incomplete_is_bounded_and_safe() -> None:
    """A host may say anything, at any length."""
    collected = told(incomplete=["\x1b]0;\x07" + "x" * 10_000] * 10_000)
    incomplete = reply({}, collected, time.monotonic() + 300).incomplete
    assert 0 < len(incomplete) <= 100
    assert all(len(fault) <= 400 and fault.isprintable() for fault in incomplete)


@for_each(
    "changes",
    [
        {"probe": 2},
        {"probe": "1"},
        {"platform": "plan9"},
        {"euid": "0"},
        {"tables": []},
        {"tables": {"users": {"columns": ["uid"]}}},
        {"tables": {"users": {"columns": ["uid"], "rows": [0]}}},
        {"tables": {"users": {"columns": ["uid"], "rows": [[[0]]]}}},
        {"tables": {"users": {"columns": ["uid"], "rows": [[1.5]]}}},
        {"tables": {"users": {"columns": ["uid"], "rows": [[True]]}}},
        {"tables": {"users": {"columns": ["uid"], "rows": [[2**63]]}}},
        {"incomplete": None},
        {"missing": {"uptime": 3}},
    ],
)
def test_an_answer_of_another_shape_is_garbled(changes: dict[str, object]) -> None:
    """A host may send anything: it is not understood, and not repaired."""
    for found in (checked(GOOD | changes), decoded(json.dumps(GOOD | changes).encode())):
        assert isinstance(found, Unobserved)
        assert found.reason == Reason.GARBLED


@for_each(
    "line", [b"", b"null", b"[]", b"{", b'{"probe": 1}', b"\xff\xfe", b"[" * 100_000, b'"\\ud800"']
)
def test_what_is_no_answer_is_garbled(line: bytes) -> None:
    """Also what would break a parser."""
    found = decoded(line)
    assert isinstance(found, Unobserved)
    assert found.reason == Reason.GARBLED
