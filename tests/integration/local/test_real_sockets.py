"""The embedded probe against the kernel: what the tests opened is the ground truth.

The rows are those of the shipped question for listening sockets, asked of a probe that runs in
another network namespace than the sockets do, as it would for containers.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portproof.model.observation import LISTENING_SOCKETS, Observed, Row, SourceReply
from portproof.sources.probe import ProbeSource
from support.netns import ADDRESS4, ADDRESS6, Namespace, held, namespace
from support.paths import ROOT

SHIPPED = yaml.safe_load((ROOT / "checks" / "listening-sockets.yml").read_text())["sql"]["linux"]
NOBODY = 65534
HOSTILE = "evil\n\x1b[31m\xff\\"

WANTED: dict[str, dict[str, object]] = {
    "tcp4": {"family": 4, "kind": "tcp", "address": "0.0.0.0", "port": 609},
    "tcp4 loopback": {"family": 4, "kind": "tcp", "address": "127.0.0.1"},
    "tcp4 specific": {"family": 4, "kind": "tcp", "address": ADDRESS4, "port": 8080},
    "tcp6 dual": {"family": 6, "kind": "tcp", "address": "::", "port": 8081, "v6only": 0},
    "tcp6 only": {"family": 6, "kind": "tcp", "address": "::", "port": 609, "v6only": 1},
    "tcp6 loopback": {"family": 6, "kind": "tcp", "address": "::1"},
    "tcp6 specific": {"family": 6, "kind": "tcp", "address": ADDRESS6, "port": 8080},
    "tcp6 mapped": {"family": 6, "kind": "tcp", "address": "::ffff:127.0.0.1", "v6only": 0},
    "udp4": {"family": 4, "kind": "udp", "address": "0.0.0.0", "port": 609},
    "udp4 specific": {"family": 4, "kind": "udp", "address": ADDRESS4, "port": 53},
    "udp6 dual": {"family": 6, "kind": "udp", "address": "::", "port": 8082, "v6only": 0},
    "udp6 only": {"family": 6, "kind": "udp", "address": "::", "port": 609, "v6only": 1},
    "udp6 loopback": {"family": 6, "kind": "udp", "address": "::1"},
    "udp client": {"family": 4, "kind": "udp", "send": "udp4 specific"},
    "udp connected": {"family": 4, "kind": "udp", "peer": "udp4 specific"},
    "tcp idle": {"family": 4, "kind": "tcp", "address": "127.0.0.1", "idle": True},
    "tcp client": {
        "family": 4,
        "kind": "tcp",
        "address": ADDRESS4,
        "port": 610,
        "peer": "tcp4 specific",
    },
    "pair one": {"family": 4, "kind": "tcp", "address": "127.0.0.1", "port": 8083, "reuse": True},
    "pair two": {"family": 4, "kind": "tcp", "address": "127.0.0.1", "port": 8083, "reuse": True},
    "shared": {"family": 4, "kind": "tcp", "address": "127.0.0.1", "shared": True},
    "of nobody": {"family": 4, "kind": "tcp", "address": "127.0.0.1", "apart": {"user": NOBODY}},
    "hostile": {"family": 6, "kind": "udp", "address": "::1", "apart": {"comm": HOSTILE}},
}
ABSENT = {"udp connected", "tcp idle", "tcp client"}


class Told:
    """One look: what was opened, and the rows of the shipped question."""

    def __init__(self, inode: str, opened: dict[str, Any], reply: SourceReply) -> None:
        self.inode = inode
        self.opened = opened
        self.reply = reply
        answer = reply.answers[LISTENING_SOCKETS]
        assert isinstance(answer, Observed), answer
        self.rows = [row for row in answer.rows if row["net_namespace"] == inode]

    def of(self, name: str) -> list[Row]:
        """The rows of one of the sockets that were opened."""
        return [row for row in self.rows if row["socket"] == self.opened[name]["inode"]]


def look() -> SourceReply:
    """Ask the probe the shipped question."""
    reply = ProbeSource().look({LISTENING_SOCKETS: SHIPPED})
    assert isinstance(reply, SourceReply), reply
    return reply


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """Sockets in a namespace of their own, and what the probe says of them."""
    with namespace() as space, space.holding(WANTED) as opened:
        yield Told(space.inode, opened, look())


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("name", sorted(set(WANTED) - ABSENT))
def test_a_socket_that_accepts_is_told_as_it_was_opened(told: Told, name: str) -> None:
    """Protocol, family, address, port, owners and namespace are those of the socket."""
    wanted, opened = WANTED[name], told.opened[name]
    rows = told.of(name)
    assert sorted(int(row["pid"]) for row in rows) == opened["pids"]
    for row in rows:
        assert row["protocol"] == ("6" if wanted["kind"] == "tcp" else "17")
        assert row["family"] == ("10" if wanted["family"] == 6 else "2")
        assert row["address"] == wanted.get("address", "0.0.0.0")
        assert row["port"] == str(opened["port"])
        assert row["remote_port"] == "0"
        assert row["state"] == ("LISTEN" if wanted["kind"] == "tcp" else "")


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("name", sorted(ABSENT))
def test_a_socket_that_accepts_nothing_is_not_told(told: Told, name: str) -> None:
    """Connected sockets, and TCP sockets that are bound but do not listen, are no listeners."""
    assert told.of(name) == []


@pytest.mark.needs("namespaces")
def test_nothing_is_told_that_was_not_opened(told: Told) -> None:
    """A namespace of our own holds our sockets and no others.

    Where process 1 may not be read, a row without a socket stands for an unknown owner.
    """
    ours = {opened["inode"] for opened in told.opened.values()}
    assert {row["socket"] for row in told.rows} <= {*ours, ""}


@pytest.mark.needs("namespaces")
def test_the_whole_was_read(told: Told) -> None:
    """As root nothing is incomplete, and the probe says who it is."""
    identity = told.reply.identity
    assert (told.reply.incomplete, identity.euid, identity.source) == ((), 0, "probe")
    assert identity.host_namespace == "0" or identity.host_namespace.isdigit()


@pytest.mark.needs("namespaces")
def test_a_shared_socket_has_a_row_for_every_owner(told: Told) -> None:
    """Osquery shows one of the processes that hold a socket; each of them can accept."""
    rows = told.of("shared")
    assert len(rows) == 2
    assert len({row["pid"] for row in rows}) == 2


@pytest.mark.needs("namespaces")
def test_a_reuseport_pair_is_two_sockets(told: Told) -> None:
    """Two sockets of the same address and port are told apart by their inode."""
    pair = told.of("pair one") + told.of("pair two")
    assert len({row["socket"] for row in pair}) == len(pair) == 2
    assert {row["port"] for row in pair} == {"8083"}


@pytest.mark.needs("namespaces")
def test_the_owner_is_told_with_its_user(told: Told) -> None:
    """User, path and start of the process that holds the socket."""
    (row,) = told.of("of nobody")
    assert (row["uid"], row["user"]) == (str(NOBODY), "nobody")
    assert row["on_disk"] == "1"
    assert Path(row["path"]).name.startswith("python")
    assert abs(int(row["start_time"]) - time.time()) < 600
    assert row["parent"] == str(told.opened["tcp4"]["pids"][0])


@pytest.mark.needs("namespaces")
def test_a_hostile_name_is_text(told: Told) -> None:
    """A process may call itself anything; bytes that are not UTF-8 become escapes."""
    (row,) = told.of("hostile")
    assert row["name"] == "evil\\n\x1b[31m\\xff\\\\"


@pytest.mark.needs("namespaces")
def test_an_established_client_is_in_the_table_but_is_no_listener() -> None:
    """The state tells the client from 610 apart: it is a row, and its state is not LISTEN."""
    asked = "SELECT state, remote_port FROM process_open_sockets WHERE local_port = 610"
    with namespace() as space, space.holding(WANTED) as opened:
        reply = ProbeSource().look({"client": f"{asked} AND net_namespace = '{space.inode}'"})
    assert isinstance(reply, SourceReply)
    answer = reply.answers["client"]
    assert isinstance(answer, Observed)
    assert answer.rows == ({"state": "ESTABLISHED", "remote_port": "8080"},)
    assert opened["tcp client"]["port"] == 610


@pytest.mark.needs("root")
def test_a_deleted_program_is_not_on_disk(tmp_path: Path) -> None:
    """The path of a program that was deleted is told as it was, with on_disk 0."""
    program = tmp_path / "listener (deleted)"
    shutil.copy("/bin/sleep", program)
    with socket.create_server(("127.0.0.1", 0)) as server:
        handle = server.fileno()
        with subprocess.Popen([program, "60"], pass_fds=[handle]) as process:
            answers = []
            for _ in range(2):
                answer = look().answers[LISTENING_SOCKETS]
                assert isinstance(answer, Observed)
                rows = [row for row in answer.rows if row["pid"] == str(process.pid)]
                answers.append({(row["path"], row["on_disk"]) for row in rows})
                program.unlink(missing_ok=True)
            process.kill()
    assert answers == [{(str(program), "1")}, {(str(program), "0")}]


def test_our_own_sockets_are_told_without_any_privilege() -> None:
    """Whoever asks, the sockets of this very process are told, with us as their owner."""
    wanted: dict[str, dict[str, object]] = {
        "tcp": {"family": 4, "kind": "tcp", "address": "127.0.0.1"},
        "udp": {"family": 6, "kind": "udp", "address": "::1"},
    }
    with held(wanted) as opened:
        answer = look().answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    for socket_told in opened.values():
        owners = {row["pid"] for row in answer.rows if row["socket"] == socket_told["inode"]}
        assert owners == {str(pid) for pid in socket_told["pids"]}


def test_rows_of_an_unknown_namespace_are_twins_of_known_ones() -> None:
    """What is read through a process whose namespace we may not know is read as namespace 0."""
    wanted = {"tcp": {"family": 4, "kind": "tcp", "address": "127.0.0.1"}}
    with held(wanted) as opened:
        reply = look()
    answer = reply.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    rows = [row for row in answer.rows if row["socket"] == opened["tcp"]["inode"]]
    own = os.readlink("/proc/self/ns/net")[5:-1]  # noqa: PTH115 - not the path of a file
    expected = {own, "0"} if reply.identity.host_namespace == "0" else {own}
    assert {row["net_namespace"] for row in rows} == expected


@pytest.mark.needs("namespaces")
def test_a_namespace_is_taken_away_when_a_test_fails_in_it() -> None:
    """The helper leaves nothing behind."""
    made: list[Namespace] = []

    def fail() -> None:
        with namespace() as space, space.holding({}):
            made.append(space)
            raise RuntimeError("as a failing test would")

    with pytest.raises(RuntimeError):
        fail()
    assert not Path("/run/netns", made[0].name).exists()
