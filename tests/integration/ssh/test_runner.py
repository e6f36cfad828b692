"""The program that is sent to hosts, run on this machine as a host would run it."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from portproof.model.observation import (
    LISTENING_SOCKETS,
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources import agent
from portproof.ssh.command import FLAGS
from portproof.ssh.dialogue import Printed
from portproof.ssh.framing import FramedReply
from portproof.ssh.replies import Reply, read_reply, reply_of_shell, run_of
from portproof.ssh.script import Asking, python_program
from support.boot import BOOT
from support.fleet.looking import eventually, questions
from support.standins.host import HOST, LISTENERS
from support.standins.install import asked, osqueryi

SEAL = "SEAL"
LIMIT = 4_000_000
FAR = 1e12
QUESTIONS = questions()[Platform.LINUX]
OSQUERYI = Asking.prepare(Platform.LINUX, QUESTIONS, "osqueryi", LIMIT)
EITHER = Asking.prepare(Platform.LINUX, QUESTIONS, None, LIMIT)
PROBE = Asking.prepare(Platform.LINUX, QUESTIONS, "probe", LIMIT)


def on_path(folder: Path) -> dict[str, str]:
    """An environment whose PATH begins with a folder."""
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}


@contextlib.contextmanager
def started(
    asking: Asking, folder: Path, seconds: float = 30.0
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, running, with its input still open."""
    with sent(python_program(asking, SEAL, seconds), folder) as host:
        yield host


@contextlib.contextmanager
def sent(program: bytes, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Python with a program, running, with its input still open."""
    command = [sys.executable, "-ISBWignore", "-c", BOOT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=on_path(folder)) as host:
        assert host.stdin is not None
        host.stdin.write(program)
        host.stdin.flush()
        yield host


def document(asking: Asking, folder: Path, seconds: float = 30.0) -> bytes:
    """What the program answers."""
    with started(asking, folder, seconds) as host:
        assert host.stdout is not None
        found = FramedReply(SEAL, 10 * LIMIT).find(bytearray(host.stdout.read()))
        assert found is not None
        assert host.wait() == 0
    return found


def told(asking: Asking, folder: Path, seconds: float = 30.0) -> Any:  # noqa: ANN401 - Sight or Unobserved
    """What the controller makes of the answer."""
    reply = document(asking, folder, seconds)
    return read_reply(reply, asking.questions, Platform.LINUX, FAR)


def test_osqueryi_answers_in_one_run(tmp_path: Path) -> None:
    """All questions at once, with the flags, and the rows come back as they are."""
    program = osqueryi(tmp_path, HOST)
    found = told(OSQUERYI, tmp_path)
    assert isinstance(found.reply, SourceReply)
    answer = found.reply.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    assert all(row in answer.rows for row in LISTENERS)  # with those of this machine
    assert found.reply.identity.source == "osqueryi"
    assert found.reply.identity.euid == 0
    assert found.reply.identity.agent == agent.sha256()
    assert [call[:-1] for call in asked(program)] == [list(FLAGS)]


def test_canaries_are_open_meanwhile(tmp_path: Path) -> None:
    """They are in the probe's own rows, TCP and UDP, on each loopback address there is."""
    found = told(PROBE, tmp_path)
    assert isinstance(found.reply, SourceReply)
    answer = found.reply.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    rows = {(row["protocol"], row["address"], row["port"]) for row in answer.rows}
    numbers = {"tcp": "6", "udp": "17"}
    assert {(each.protocol, each.address) for each in found.canaries} >= {
        ("tcp", "127.0.0.1"),
        ("udp", "127.0.0.1"),
    }
    for each in found.canaries:
        assert each.ours
        assert (numbers[each.protocol], each.address, str(each.port)) in rows


def test_osqueryd_is_run_as_the_shell(tmp_path: Path) -> None:
    """It is the same program, which takes itself for the daemon by its name."""
    program = osqueryi(tmp_path, HOST, name="osqueryd")
    assert isinstance(told(OSQUERYI, tmp_path).reply, SourceReply)
    assert asked(program)[0][0] == "-S"


def test_each_question_is_asked_by_itself_when_one_fails(tmp_path: Path) -> None:
    """One bad question must not take the others with it."""
    more = {**QUESTIONS, "bad": "SELECT * FROM nowhere"}
    asking = Asking.prepare(Platform.LINUX, more, "osqueryi", LIMIT)
    program = osqueryi(tmp_path, HOST)
    found = told(asking, tmp_path)
    assert isinstance(found.reply, SourceReply)
    assert isinstance(found.reply.answers[LISTENING_SOCKETS], Observed)
    bad = found.reply.answers["bad"]
    assert isinstance(bad, Unobserved)
    assert bad.reason is Reason.MISSING_TABLE
    assert len(asked(program)) == 2  # the tables together, then the bad one


@pytest.mark.parametrize(
    ("habit", "reason"),
    [
        ("half", Reason.GARBLED),
        ("without_end", Reason.GARBLED),
        ("silent", Reason.GARBLED),
        ("numbers", Reason.GARBLED),
        ("uneven", Reason.GARBLED),
        ("killed", Reason.QUERY_ERROR),
        ("endless", Reason.OVERSIZED),
        ("hang", Reason.TIMEOUT),
        ("close_and_hang", Reason.TIMEOUT),
    ],
)
def test_an_osqueryi_that_misbehaves_is_no_answer(
    tmp_path: Path, habit: str, reason: Reason
) -> None:
    """Whatever it does, it is told as a reason, and nothing of it is left."""
    program = osqueryi(tmp_path, HOST, habit)
    found = told(OSQUERYI, tmp_path, seconds=3.0 if reason is Reason.TIMEOUT else 60.0).reply
    failure = found if isinstance(found, Unobserved) else found.answers[LISTENING_SOCKETS]
    assert failure.reason is reason
    assert eventually(lambda: not running(program))


def running(program: Path) -> list[int]:
    """The processes that have a program in their command line, or are its child."""
    child = program.with_name("child.pid")
    pids = [process.pid for process in psutil.process_iter() if names(process, str(program))]
    if child.exists() and psutil.pid_exists(int(child.read_text())):
        pids.append(int(child.read_text()))
    return pids


def names(process: psutil.Process, text: str) -> bool:
    """Whether a process has a text in its command line."""
    try:
        return any(text in word for word in process.cmdline())
    except psutil.Error:
        return False


def test_the_probe_stands_in_for_an_osqueryi_that_fails(tmp_path: Path) -> None:
    """In the same round; what osqueryi did is told."""
    osqueryi(tmp_path, HOST, "hang")
    found = told(EITHER, tmp_path, seconds=4.0)
    assert isinstance(found.reply, SourceReply)
    assert found.reply.identity.source == "probe"
    assert found.reply.identity.agent == agent.sha256()
    assert found.tried == ("osqueryi: osqueryi did not end in time",)


def test_the_probe_is_not_run_beside_an_osqueryi_that_answers(tmp_path: Path) -> None:
    """One source is enough."""
    osqueryi(tmp_path, HOST)
    reply = msgspec.json.decode(document(EITHER, tmp_path), type=Reply)
    assert bytes(reply.probe) == b"null"
    assert len(reply.runs) == 1


def test_with_neither_there_is_no_collector(tmp_path: Path) -> None:
    """A host without osqueryi, when the probe is not to be used."""
    found = told(OSQUERYI, tmp_path).reply
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.NO_COLLECTOR


@pytest.mark.parametrize("how", ["its input ends", "its time is over"])
def test_it_ends_with_what_it_started(tmp_path: Path, how: str) -> None:
    """Nobody is left to read the answer, so neither it nor osqueryi may stay."""
    program = osqueryi(tmp_path, HOST, "hang")
    seconds = 60.0 if how == "its input ends" else 1.0
    with started(OSQUERYI, tmp_path, seconds) as host:
        assert host.stdin is not None
        if how == "its input ends":
            assert eventually(lambda: program.with_name("child.pid").exists())
            host.stdin.close()
            assert host.wait(10) == 1
        else:
            host.wait(10)
    assert eventually(lambda: not running(program))


def test_it_ends_when_it_is_killed(tmp_path: Path) -> None:
    """A program that waits for osqueryi is not in the way of a signal."""
    osqueryi(tmp_path, HOST, "hang")
    with started(OSQUERYI, tmp_path) as host:
        host.send_signal(signal.SIGTERM)
        assert host.wait(10) == -signal.SIGTERM


STUCK = """
import pathlib, subprocess
child = subprocess.Popen(["sleep", "600"])
pathlib.Path(pids[0]).write_text(str(child.pid))
child.wait()
"""


def explaining(work: str, limit: int, seconds: float, argument: str) -> bytes:
    """What is sent for a second round that does this in place of telling who is behind."""
    explain = "def tell(pids, seconds):\n" + textwrap.indent(work, "    ")
    source = agent.joined(agent.modules() | {"explain": explain})
    sent = agent.program({"do": "second_round", "limit": limit}, source)
    return sent + f"{SEAL} {seconds:.3f} {argument}\n".encode()


@pytest.mark.parametrize("how", ["its input ends", "its time is over"])
def test_a_second_round_ends_with_what_it_started(tmp_path: Path, how: str) -> None:
    """As when a package manager that it asks hangs."""
    file = tmp_path / "child.pid"
    seconds = 60.0 if how == "its input ends" else 1.0
    with sent(explaining(STUCK, LIMIT, seconds, str(file)), tmp_path) as host:
        assert host.stdin is not None
        assert eventually(lambda: file.exists() and file.read_text() != "")
        if how == "its input ends":
            host.stdin.close()
        host.wait(10)
    assert eventually(lambda: not psutil.pid_exists(int(file.read_text())))


@pytest.mark.parametrize(
    ("program", "seconds", "told"),
    [
        ("import time; time.sleep(600)", 1.0, {"code": -1, "late": True}),
        ("import os; os.write(1, b'x' * 5000)", 30.0, {"out": "", "large": True}),
        ("raise ValueError('no')", 30.0, {"code": 127, "err": "Error: no\n"}),
        ("import sys; sys.exit()", 30.0, {"code": 127, "err": "Error: SystemExit\n"}),
        ("print(seconds, *pids, flush=True)", 10.0, {"out": "7.0 812\n"}),
    ],
)
def test_a_second_round_tells_what_became_of_it(
    tmp_path: Path, program: str, seconds: float, told: dict[str, object]
) -> None:
    """Too late, too large, failed, or all right."""
    with sent(explaining(program, 1000, seconds, "812"), tmp_path) as host:
        assert host.stdout is not None
        found = FramedReply(SEAL, LIMIT).find(bytearray(host.stdout.read()))
        assert found is not None
    run = msgspec.json.decode(found)
    assert {key: run[key] for key in told} == told


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"{}",
        b"[]",
        b'{"runs":[],"probe":null,"canaries":[],"unopened":[],"processes":[],"failed":"","more":1}',
        b'{"runs":[],"probe":null,"canaries":[["tcp","0.0.0.0",609,7]],"unopened":[],"processes":[],"failed":""}',
        b'{"runs":[],"probe":null,"canaries":[["tcp","127.0.0.1",0,7]],"unopened":[],"processes":[],"failed":""}',
        b'{"runs":[],"probe":null,"canaries":[["icmp","127.0.0.1",9,7]],"unopened":[],"processes":[],"failed":""}',
        b'{"runs":[],"probe":null,"canaries":[["tcp","10.0.0.2",609,7]],"unopened":[],"processes":[],"failed":""}',
        b'{"runs":[],"probe":null,"canaries":[],"processes":[],"failed":""}',
        b'{"runs":[],"probe":null,"canaries":[],"unopened":[],"processes":[1],"failed":""}',
        b'{"runs":[],"probe":null,"canaries":[],"unopened":[],"processes":[%b7],"failed":""}'
        % (b"7," * 16),
        b'{"runs":[],"probe":null,"canaries":[],"unopened":[["tcp","x"]],"processes":[],"failed":""}',
        b'{"runs":[],"probe":{"probe":1},"canaries":[],"unopened":[],"processes":[],"failed":""}',
        b'{"runs":[{"code":0,"out":"\\u2603","err":""}],"probe":null,"canaries":[],"unopened":[],"processes":[],"failed":""}',
        b'{"runs":[{"code":0,"out":"","err":"\\u2603"}],"probe":null,"canaries":[],"unopened":[],"processes":[],"failed":""}',
    ],
)
def test_an_answer_that_is_not_the_programs_is_garbled(reply: bytes) -> None:
    """A host may send anything; a canary it makes up could hide a listener."""
    found = read_reply(reply, EITHER.questions, Platform.LINUX, FAR)
    assert isinstance(found.reply, Unobserved)
    assert found.reply.reason is Reason.GARBLED


def test_a_reply_is_marked_with_what_was_run_whatever_the_host_says() -> None:
    """The hash is that of what was sent, not one that a host could choose."""
    reply = msgspec.json.encode(
        {
            "runs": [],
            "probe": {
                "probe": 1,
                "platform": "macos",
                "tables": {},
                "incomplete": [],
                "missing": {},
            },
            "canaries": [],
            "unopened": [],
            "processes": [],
            "failed": "",
        }
    )
    found = read_reply(reply, EITHER.questions, Platform.LINUX, FAR).reply
    assert isinstance(found, SourceReply)
    assert found.identity.agent == agent.sha256()


def test_a_program_that_failed_says_how() -> None:
    """As on a host where no process can be started."""
    reply = (
        b'{"runs":[],"probe":null,"canaries":[],"unopened":[],"processes":[],'
        b'"failed":"BlockingIOError: no more"}'
    )
    found = read_reply(reply, EITHER.questions, Platform.LINUX, FAR).reply
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.QUERY_ERROR
    assert "BlockingIOError" in found.detail


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("osqueryi: não é permitido\n".encode(), "osqueryi: não é permitido"),
        (b"\xff\x1b[2J", r"\xff\x1b[2J"),
    ],
)
def test_an_osqueryi_that_failed_is_quoted_as_it_wrote(said: bytes, told: str) -> None:
    """In the letters of its own language, and without anything a terminal would carry out."""
    ran = run_of(Printed(b"", said, 1))
    found = reply_of_shell(ran, QUESTIONS, Platform.LINUX, FAR)
    text = f"osqueryi ended with exit code 1: {told}"
    assert found == Unobserved(Reason.QUERY_ERROR, text)
