"""Network namespaces that only a thread is in, and what is said when they could not be read."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portproof.agent import sockets
from portproof.agent.tables import collect
from support.fakeproc import HEAD, Proc, line, rows

TABLES = ["process_open_sockets", "processes"]

# A process whose second thread listens in a namespace of its own, and whose first may end.
THREADED = """
import ctypes, os, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def listen():
    if libc.unshare(0x40000000):
        os._exit(1)
    server = socket.create_server(("0.0.0.0", 609))
    print(os.fstat(server.fileno()).st_ino, flush=True)
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=listen).start()
if sys.argv[1] == "ends":
    libc.pthread_exit(None)
"""


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """A proc file system with a process 2 that has a thread 3."""
    proc = Proc(tmp_path)
    proc.process(2, "10")
    return proc


def told(proc: Proc, *names: str) -> tuple[list[tuple[object, object]], list[str]]:
    """Every socket with its namespace, and what is incomplete."""
    found = proc.collect("process_open_sockets", *names)
    sockets = rows(found, "process_open_sockets")
    faults = [fault.replace(str(proc.root), "/proc") for fault in found["incomplete"]]
    return [(row["socket"], row["net_namespace"]) for row in sockets], faults


@pytest.mark.parametrize("names", [(), ("processes",)])
@pytest.mark.parametrize("ended", [False, True])
def test_a_thread_in_another_namespace_is_read(
    proc: Proc, names: tuple[str, ...], *, ended: bool
) -> None:
    """Also when the first thread of its process has ended, which hides what /proc/PID shows."""
    proc.thread(2, 3, "11")
    proc.put("2/task/3/net/tcp", HEAD + line(100))
    if ended:
        proc.leave(2)
    assert told(proc, *names) == ([(100, "11")], [])


def test_a_namespace_of_a_thread_that_may_not_be_known_is_read_as_zero(proc: Proc) -> None:
    """As that of a process is."""
    proc.thread(2, 3, None)
    proc.put("2/task/3/net/tcp", HEAD + line(100))
    assert told(proc) == ([(100, "0")], [])


def test_a_thread_that_is_ending_is_no_fault(proc: Proc) -> None:
    """The kernel takes its namespace after its files: it holds no socket any more."""
    proc.thread(2, 3, "11")
    proc.leave(2)
    shutil.rmtree(proc.root / "2/task/3/ns")
    assert told(proc, "processes") == ([], [])


def test_a_process_that_ended_is_not_incomplete(proc: Proc) -> None:
    """One that its parent has not yet waited for has itself as its only thread."""
    proc.leave(2)
    (proc.root / "2/task/2").mkdir(parents=True)
    assert told(proc, "processes") == ([], [])


def test_a_first_thread_that_ends_meanwhile_is_noticed(proc: Proc) -> None:
    """The process had one thread when it was told; since then it has had another."""
    stat = (proc.root / "2/stat").read_text()
    proc.thread(2, 3, "11")
    proc.put("2/stat", stat)
    proc.put("2/task/3/net/tcp", HEAD + line(100))
    proc.leave(2)
    assert told(proc, "processes") == ([(100, "11")], [])


def test_too_many_threads_are_incomplete(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not looked at proves nothing."""
    monkeypatch.setattr(sockets, "_MOST_THREADS", 2)
    for thread in (3, 4, 5):
        proc.thread(2, thread, "11")
    assert told(proc) == ([], ["/proc/2/task: over 2 threads"])


@pytest.mark.needs("root")
@pytest.mark.parametrize("first", ["stays", "ends"])
def test_a_real_thread_in_another_namespace_is_read(first: str) -> None:
    """Its listener is told, in a namespace that is not ours, and nothing is missing."""
    with subprocess.Popen(
        [sys.executable, "-c", THREADED, first], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        inode = int(process.stdout.readline())
        found: Any = collect(TABLES)
        process.stdin.close()
    (row,) = [row for row in rows(found, TABLES[0]) if row["socket"] == inode]
    own = os.readlink("/proc/self/ns/net")[5:-1]  # noqa: PTH115 - not the path of a file
    assert (row["local_port"], row["state"]) == (609, "LISTEN")
    assert row["net_namespace"].isdigit()
    assert row["net_namespace"] not in ("0", own)
