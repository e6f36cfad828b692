"""Asking docker through osquery: in the same round, and at no other answer's cost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    Answer,
    Observed,
    Platform,
    Reason,
    SourceReply,
)
from portproof.sources import osqueryd, osqueryi
from portproof.sources.osqueryd import OsquerydSource
from portproof.sources.osqueryi import OsqueryiSource
from portproof.sources.probe import ProbeSource
from portproof.sources.source import NO_DOCKER
from portproof.ssh import script
from portproof.ssh.framing import FramedReply
from portproof.ssh.replies import read_reply
from portproof.ssh.script import Asking, python_program
from support.boot import BOOT
from support.standins import install
from support.standins.host import HOST, LISTENERS, listening_sockets, published_ports
from support.standins.leaks import nothing_leaks
from support.standins.looks import reason_of, reply_of
from support.standins.osqueryd import Osqueryd
from support.standins.schema import Rows

QUESTIONS = {PUBLISHED_PORTS: published_ports(), LISTENING_SOCKETS: listening_sockets()}
SOCKETS = Observed(LISTENERS, len(LISTENERS))
DOCKER: Rows = {
    **HOST,
    "docker_version": [{"version": "27.0"}],
    "docker_container_ports": [
        {"id": "4f79", "type": "tcp", "port": 80, "host_ip": "0.0.0.0", "host_port": 609},
        {"id": "4f79", "type": "tcp", "port": 81, "host_ip": "", "host_port": 0},
    ],
}
PUBLISHED = {"id": "4f79", "type": "tcp", "port": "80", "host_ip": "0.0.0.0", "host_port": "609"}
IDLE: Rows = {**DOCKER, "docker_container_ports": []}
NOTHING = {"id": "", "type": "", "port": "0", "host_ip": "", "host_port": "0"}


@pytest.fixture(autouse=True)
def _nothing_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = os.environ.get("PATH", os.defpath)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{path}")
    with nothing_leaks():
        yield


@pytest.fixture
def _with_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is something where osquery asks docker, and it is not waited for for long."""
    (tmp_path / "docker.sock").touch()
    for module in (osqueryi, script):
        monkeypatch.setattr(module, "DOCKER_SOCKET", str(tmp_path / "docker.sock"))
    for module in (osqueryi, osqueryd):
        monkeypatch.setattr(module, "ASIDE_SECONDS", 1.0)


def by_osqueryd(folder: Path, rows: Any) -> SourceReply:  # noqa: ANN401 - rows of tables
    """What osqueryd tells."""
    with Osqueryd(folder / "em", rows) as server:
        source = OsquerydSource(str(server.path), 10.0, Platform.LINUX, beside=None)
        return reply_of(source.look(QUESTIONS))


def by_osqueryi(folder: Path, rows: Any, habit: str = "plain") -> SourceReply:  # noqa: ANN401 - the same
    """What osqueryi tells on this machine."""
    program = install.osqueryi(folder, rows, habit)
    source = OsqueryiSource(str(program), 30.0, Platform.LINUX, beside=None)
    return reply_of(source.look(QUESTIONS))


def over_ssh(folder: Path, rows: Any, habit: str = "plain") -> SourceReply:  # noqa: ANN401 - the same
    """What osqueryi tells through the program that is sent to hosts."""
    install.osqueryi(folder, rows, habit)
    asking = Asking.prepare(Platform.LINUX, QUESTIONS, "osqueryi", 4_000_000)
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    command = [sys.executable, "-ISBWignore", "-c", BOOT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=os.environ | path) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        host.stdin.write(python_program(asking, "SEAL", 10.0))
        host.stdin.flush()
        document = FramedReply("SEAL", 1 << 24).find(bytearray(host.stdout.read()))
    assert document is not None
    found = read_reply(document, QUESTIONS, Platform.LINUX, time.monotonic() + 9).reply
    return _without_this_machine(reply_of(found))


def _without_this_machine(reply: SourceReply) -> SourceReply:
    """Leave out the sockets of this machine, which the program reads beside osqueryi."""
    answer = reply.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    rows = tuple(row for row in answer.rows if row in LISTENERS)
    answers = reply.answers | {LISTENING_SOCKETS: Observed(rows, len(rows))}
    return msgspec.structs.replace(reply, answers=answers)


WAYS = [by_osqueryd, by_osqueryi, over_ssh]


@pytest.mark.usefixtures("_with_docker")
@pytest.mark.parametrize("look", WAYS)
@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (DOCKER, Observed((PUBLISHED,), 1)),
        (IDLE, Observed((NOTHING,), 1)),
        (HOST, Observed((), 0)),
    ],
    ids=["publishes", "publishes nothing", "does not answer"],
)
def test_docker_is_asked_in_the_same_round(
    tmp_path: Path,
    look: Any,  # noqa: ANN401 - a function of the above
    rows: Any,  # noqa: ANN401 - rows of tables
    told: Answer,
) -> None:
    """A port that is published, a docker that publishes none, and no docker are told apart."""
    source_reply = look(tmp_path, rows)
    assert source_reply.answers == {LISTENING_SOCKETS: SOCKETS, PUBLISHED_PORTS: told}
    assert source_reply.incomplete == ()


@pytest.mark.usefixtures("_with_docker")
@pytest.mark.parametrize("look", [by_osqueryi, over_ssh])
def test_a_docker_that_hangs_costs_its_own_answer_alone(
    tmp_path: Path,
    look: Any,  # noqa: ANN401 - a function of the above
) -> None:
    """The sockets were told before, and docker is not waited for for long."""
    source_reply = look(tmp_path, DOCKER, "hang_on_docker")
    assert source_reply.answers[LISTENING_SOCKETS] == SOCKETS
    assert reason_of(source_reply.answers[PUBLISHED_PORTS]) is Reason.TIMEOUT


@pytest.mark.usefixtures("_with_docker")
def test_a_docker_that_hangs_costs_osqueryd_its_own_answer_alone(tmp_path: Path) -> None:
    """Asked last and over a connection of its own."""

    def manner(sql: str, reply: bytes) -> Iterator[bytes]:
        if "docker" not in sql:
            yield reply
        time.sleep(3 if "docker" in sql else 0)

    with Osqueryd(tmp_path / "em", DOCKER, manner) as server:
        source = OsquerydSource(str(server.path), 10.0, Platform.LINUX, beside=None)
        source_reply = reply_of(source.look(QUESTIONS))
    assert source_reply.answers[LISTENING_SOCKETS] == SOCKETS
    assert reason_of(source_reply.answers[PUBLISHED_PORTS]) is Reason.TIMEOUT


@pytest.mark.parametrize("look", [by_osqueryi, over_ssh])
def test_without_docker_no_process_is_started_for_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    look: Any,  # noqa: ANN401 - a function of the above
) -> None:
    """Where docker's socket is not there, the round costs what it did."""
    for module in (osqueryi, script):
        monkeypatch.setattr(module, "DOCKER_SOCKET", str(tmp_path / "nothing"))
    assert look(tmp_path, DOCKER).answers == {
        LISTENING_SOCKETS: SOCKETS,
        PUBLISHED_PORTS: NO_DOCKER,
    }
    assert len(install.asked(tmp_path / "osqueryi")) == 1


@pytest.mark.usefixtures("_with_docker")
@pytest.mark.parametrize("look", WAYS)
def test_an_osquery_without_the_table_costs_that_answer_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    look: Any,  # noqa: ANN401 - a function of the above
) -> None:
    """A refused question beside the others leaves their one process and their rows as they are."""
    monkeypatch.setitem(QUESTIONS, PUBLISHED_PORTS, "SELECT * FROM nowhere")
    source_reply = look(tmp_path, DOCKER)
    assert source_reply.answers[LISTENING_SOCKETS] == SOCKETS
    assert reason_of(source_reply.answers[PUBLISHED_PORTS]) is Reason.MISSING_TABLE
    assert source_reply.incomplete == ()


def test_the_probe_says_that_it_has_no_such_table() -> None:
    """It reads the kernel's tables, and docker is none."""
    source_reply = reply_of(ProbeSource().look({PUBLISHED_PORTS: published_ports()}))
    assert reason_of(source_reply.answers[PUBLISHED_PORTS]) is Reason.MISSING_TABLE
