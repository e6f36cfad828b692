"""The source that starts osqueryi on this machine."""

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from portproof.model.observation import Answer, Observed, Platform, Reason, Unobserved
from portproof.sources import osqueryi, program
from portproof.sources.osqueryi import OsqueryiSource, find_program
from support.standins import install
from support.standins.host import HOST, LISTENERS, listening_sockets
from support.standins.leaks import nothing_leaks
from support.standins.looks import reason_of, reply_of

_OVERFLOW = "SELECT abs(x) AS n FROM (SELECT 1 AS x UNION ALL SELECT -9223372036854775807 - 1)"


@pytest.fixture(autouse=True)
def _nothing_leaks() -> Iterator[None]:
    with nothing_leaks():
        yield


@pytest.fixture(autouse=True)
def _python_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.environ.get("PATH", os.defpath)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{path}")


def _source(path: Path, timeout: float = 30.0) -> OsqueryiSource:
    return OsqueryiSource(str(path), timeout, Platform.LINUX, beside=None)


def test_shipped_question_is_answered_in_one_process(tmp_path: Path) -> None:
    """Identity and rows come from one osqueryi, started without the site's configuration."""
    shell = install.osqueryi(tmp_path, HOST)

    reply = reply_of(_source(shell).look({"listening-sockets": listening_sockets()}))

    assert reply.answers == {"listening-sockets": Observed(LISTENERS, 2)}
    assert (reply.identity.euid, reply.identity.host_namespace) == (0, "4026531840")
    assert (reply.identity.source, reply.identity.version) == ("osqueryi", "5.23.0")
    assert reply.incomplete == ()
    (arguments,) = install.asked(shell)
    assert arguments[:-1] == [
        "--flagfile=/dev/null",
        "--config_path=/dev/null",
        "--disable_events",
        "--json",
    ]


@pytest.mark.parametrize("habit", ["plain", "old", "warning", "noisy", "many_arrays"])
def test_habits_of_versions_do_not_matter(tmp_path: Path, habit: str) -> None:
    """Warnings, one array or several, an old exit code: good questions are answered alike."""
    shell = install.osqueryi(tmp_path, HOST, habit)
    questions = {
        "one": "SELECT 1 AS n;",
        "none": "SELECT 1 AS n WHERE 0 ; ;",
        "two": "SELECT 2.0 AS n",
    }

    reply = reply_of(_source(shell).look(questions))

    assert reply.answers == {
        "one": Observed(({"n": "1"},), 1),
        "none": Observed((), 0),
        "two": Observed(({"n": "2.0"},), 1),
    }
    assert reply.incomplete == ()


@pytest.mark.parametrize(
    ("habit", "sql", "reason", "told"),
    [
        ("plain", "SELECT * FROM magic", Reason.MISSING_TABLE, "no such table: magic"),
        ("plain", "SELECT name FROM listening_ports", Reason.QUERY_ERROR, "no such column: name"),
        ("plain", _OVERFLOW, Reason.QUERY_ERROR, "integer overflow"),
        ("old", "SELECT * FROM magic", Reason.MISSING_TABLE, "no such table: magic"),
        ("old", _OVERFLOW, Reason.QUERY_ERROR, "integer overflow"),
        ("noisy", _OVERFLOW, Reason.QUERY_ERROR, "integer overflow"),
    ],
)
def test_wrong_sql_spoils_only_itself(
    tmp_path: Path, habit: str, sql: str, reason: Reason, told: str
) -> None:
    """A question that cannot be answered from the tables is asked after them, by itself.

    This holds for versions that exit with 0, for an error behind 300 KiB of warnings, and for rows
    that were printed before the error.
    """
    shell = install.osqueryi(tmp_path, HOST, habit)
    questions = {"wrong": sql, "listening-sockets": listening_sockets()}

    reply = reply_of(_source(shell).look(questions))

    wrong = reply.answers["wrong"]
    assert isinstance(wrong, Unobserved)
    assert (wrong.reason, told in wrong.detail) == (reason, True)
    assert reply.answers["listening-sockets"] == Observed(LISTENERS, 2)
    assert len(install.asked(shell)) == (1 if sql == _OVERFLOW else 2)


@pytest.mark.parametrize(
    ("habit", "reason"),
    [
        ("half", Reason.GARBLED),
        ("without_end", Reason.GARBLED),
        ("without_last_question", Reason.GARBLED),
        ("trailing", Reason.GARBLED),
        ("numbers", Reason.GARBLED),
        ("nul", Reason.GARBLED),
        ("uneven", Reason.GARBLED),
        ("silent", Reason.GARBLED),
        ("killed", Reason.QUERY_ERROR),
    ],
)
def test_output_that_is_not_whole_gives_nosight(tmp_path: Path, habit: str, reason: Reason) -> None:
    """Whatever stdout holds, it is believed only if it is all of the answers and nothing else."""
    shell = install.osqueryi(tmp_path, HOST, habit)

    seen = _source(shell).look({f"q{n}": "SELECT 1 AS n" for n in range(20)})

    assert isinstance(seen, Unobserved)
    assert seen.reason is reason
    assert len(install.asked(shell)) <= 2


def test_a_table_of_the_kernels_that_was_not_read_is_told(tmp_path: Path) -> None:
    """Osqueryi succeeds without the rows of a file that is too long; the sight says so."""
    shell = install.osqueryi(tmp_path, HOST, "unread")

    reply = reply_of(_source(shell).look({"one": "SELECT 1 AS n", "wrong": "SELEC"}))

    assert reply.incomplete == ("Cannot read /proc/812/net/tcp size exceeds limit: 9 > 1",)


@pytest.mark.parametrize("habit", ["hang", "leave_child", "close_and_hang"])
def test_an_osqueryi_that_does_not_end_is_killed(tmp_path: Path, habit: str) -> None:
    """An answer without an end of the program is no answer; what it started is killed with it."""
    shell = install.osqueryi(tmp_path, HOST, habit)

    seen = _source(shell, timeout=1.0).look({f"q{n}": "SELECT 1 AS n" for n in range(20)})

    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.TIMEOUT
    assert len(install.asked(shell)) == 1
    child = tmp_path / "child.pid"
    assert child.exists() == (habit != "close_and_hang")
    assert not child.exists() or _is_gone(int(child.read_text()))


def _is_gone(pid: int) -> bool:
    """Whether a process ends; as an orphan it may stay as a zombie that nobody collects."""
    for _ in range(500):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def test_output_without_end_is_oversized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints more than the limit is stopped."""
    monkeypatch.setattr(osqueryi, "run", functools.partial(program.run, limit=1_000_000))

    seen = _source(install.osqueryi(tmp_path, HOST, "endless")).look({"one": "SELECT 1 AS n"})

    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.OVERSIZED


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    """Ctrl-C ends the look and kills osqueryi and what it started."""
    shell = install.osqueryi(tmp_path, HOST, "hang")
    child = tmp_path / "child.pid"

    def interrupt() -> None:
        while not (child.exists() and child.read_text()):
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    user = threading.Thread(target=interrupt)
    user.start()
    with pytest.raises(KeyboardInterrupt):
        _source(shell).look({})
    user.join()
    assert _is_gone(int(child.read_text()))


def test_bytes_that_are_not_utf8_stay_visible(tmp_path: Path) -> None:
    """Osqueryi prints bytes as they are; those that are not UTF-8 come as backslash sequences."""
    names = ["caf\udce9", "\u2713", 'a\\\udcff"\n']
    rows = {**HOST, "etc_services": [{"name": name} for name in names]}
    shell = install.osqueryi(tmp_path, rows)

    reply = reply_of(_source(shell).look({"names": "SELECT name FROM etc_services"}))

    told = ("caf\\xe9", "\u2713", 'a\\\\xff"\n')
    assert reply.answers["names"] == Observed(tuple({"name": name} for name in told), 3)


def test_a_hundred_thousand_rows_arrive_whole(tmp_path: Path) -> None:
    """A large answer is read to its end and counted."""
    sql = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000)"
        " SELECT x AS port, 'LISTEN' AS state FROM n"
    )
    shell = install.osqueryi(tmp_path, HOST)

    answer = reply_of(_source(shell).look({"many": sql})).answers["many"]

    assert isinstance(answer, Observed)
    assert (answer.count, answer.whole) == (100_000, True)
    assert answer.rows[-1] == {"port": "100000", "state": "LISTEN"}


def test_questions_never_move_into_each_other(tmp_path: Path) -> None:
    """A comment, a quote left open or a second statement spoils its own question at most."""
    questions = {
        "comment": "-- what is open?\nSELECT 1 AS n -- ; all of it",
        "dot": ".tables",
        "open": "SELECT 'open",
        "unclosed": "SELECT 2 AS n /* until the end",
        "quotes": """SELECT 'it''s; "fine"' AS n""",
        "two": "SELECT 3 AS n; SELECT 4 AS n",
        "nothing": " ; ",
        "nul": "SELECT 5 AS n\0 WHERE 0",
        "shell": "SELECT '$(id) `id` ; | & > x' AS n",
        "marker": "SELECT '1' AS portproof_answered",
        "long": "SELECT '" + "x" * 140_000 + "' AS n",
        "last": "SELECT 6 AS n",
    }
    shell = install.osqueryi(tmp_path, HOST)

    answers = reply_of(_source(shell).look(questions)).answers

    rows = {name: [row["n"] for row in answer.rows] for name, answer in answers.items()
            if isinstance(answer, Observed)}  # fmt: skip
    assert rows == {
        "comment": ["1"],
        "quotes": ["""it's; "fine\""""],
        "two": ["3", "4"],
        "nothing": [],
        "shell": ["$(id) `id` ; | & > x"],
        "last": ["6"],
    }
    reasons = {name: answer.reason for name, answer in answers.items()
               if isinstance(answer, Unobserved)}  # fmt: skip
    assert reasons == {
        "dot": Reason.QUERY_ERROR,
        "open": Reason.QUERY_ERROR,
        "unclosed": Reason.GARBLED,
        "nul": Reason.QUERY_ERROR,
        "marker": Reason.GARBLED,
        "long": Reason.QUERY_ERROR,
    }


def test_words_of_the_host_are_short_and_visible(tmp_path: Path) -> None:
    """An error message can neither flood a report nor reach a terminal as control characters."""
    sql = 'SELECT * FROM "\x1b[2J\u202e' + "x" * 5000 + '"'
    shell = install.osqueryi(tmp_path, HOST)

    answer = reply_of(_source(shell).look({"q": sql})).answers["q"]

    assert isinstance(answer, Unobserved)
    assert answer.detail.isprintable()
    assert r"\x1b[2J\u202e" in answer.detail
    assert len(answer.detail) < 250


def _not_executable(path: Path) -> None:
    path.write_text("#!/bin/sh\n")


def _not_a_program(path: Path) -> None:
    path.write_bytes(b"\x7fELF but no more")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.exists, Reason.NO_COLLECTOR),
        (Path.mkdir, Reason.PRIVILEGE),
        (_not_executable, Reason.PRIVILEGE),
        (_not_a_program, Reason.NO_COLLECTOR),
    ],
)
def test_a_program_that_does_not_start_is_told(
    tmp_path: Path, make: object, reason: Reason
) -> None:
    """A missing, forbidden or broken program is a reason, not an error."""
    path = tmp_path / "osqueryi"
    assert callable(make)
    make(path)

    seen = _source(path).look({"one": "SELECT 1 AS n"})

    assert isinstance(seen, Unobserved)
    assert (seen.reason, str(path) in seen.detail) == (reason, True)


def test_osqueryd_alone_is_started_as_a_shell(tmp_path: Path) -> None:
    """Where only osqueryd is installed it answers as osqueryi, because it is told to."""
    shell = install.osqueryi(tmp_path, HOST, name="osqueryd")

    reply = reply_of(_source(shell).look({"one": "SELECT 1 AS n"}))

    assert reply.answers == {"one": Observed(({"n": "1"},), 1)}
    assert install.asked(shell)[0][0] == "-S"


def test_program_is_found_on_path_then_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Osqueryi on PATH comes first, then osqueryd there, then the places of osquery's packages."""
    for name in ("installed", "bin"):
        (tmp_path / name).mkdir()
    installed = install.osqueryi(tmp_path / "installed", HOST)
    monkeypatch.setitem(osqueryi._INSTALLED, Platform.LINUX, (str(installed),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    assert find_program(Platform.LINUX) == str(installed)
    daemon = install.osqueryi(tmp_path / "bin", HOST, name="osqueryd")
    assert find_program(Platform.LINUX) == str(daemon)
    shell = install.osqueryi(tmp_path / "bin", HOST)
    assert find_program(Platform.LINUX) == str(shell)


def test_no_program_is_no_collector(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without osquery on the machine the source says so."""
    monkeypatch.setitem(osqueryi._INSTALLED, Platform.LINUX, (str(tmp_path / "osqueryi"),))
    monkeypatch.setenv("PATH", str(tmp_path))

    seen = OsqueryiSource(platform=Platform.LINUX).look({})

    assert isinstance(seen, Unobserved)
    assert seen.reason is Reason.NO_COLLECTOR


def test_threads_sharing_a_source_get_only_their_own_rows(tmp_path: Path) -> None:
    """Four threads with one source object never see another's answer."""
    source = _source(install.osqueryi(tmp_path, HOST))

    def look(thread: int) -> Answer:
        return reply_of(source.look({"who": f"SELECT '{thread}' AS who"})).answers["who"]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(look, range(4)))

    assert answers == [Observed(({"who": str(thread)},), 1) for thread in range(4)]


def test_an_identity_alone_is_asked_once(tmp_path: Path) -> None:
    """When there is only one question, there is nothing to tell apart."""
    shell = install.osqueryi(tmp_path, HOST, "half")

    assert reason_of(_source(shell).look({})) is Reason.GARBLED
    assert len(install.asked(shell)) == 1


def test_a_look_without_time_starts_nothing(tmp_path: Path) -> None:
    """A deadline that has passed is a timeout, before a process is started."""
    shell = install.osqueryi(tmp_path, HOST)

    assert reason_of(_source(shell, timeout=0).look({})) is Reason.TIMEOUT
    assert install.asked(shell) == []
