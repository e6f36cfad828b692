"""Network namespaces that only a thread is in, and what is said when they could not be read."""

import shutil
from pathlib import Path

import pytest

from portproof.agent import sockets
from support.fakeproc import HEAD, Proc, line, rows


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
