"""Who is behind real listeners of this machine: packaged, copied, deleted, hidden, by hand."""

import hashlib
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from portproof.investigate import why as module
from portproof.investigate.why import ask_why
from portproof.model.addresses import Exposure, Stack
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Platform
from portproof.model.ports import Protocol
from portproof.model.why import Classification, OnDisk, PortCategory, Why
from portproof.sources.program import run
from portproof.triage import read

PYTHON = "/usr/bin/python3"
LISTEN = """
import os, socket, subprocess, sys, time
left = int(sys.argv[1]) if sys.argv[1:] else 0
if left:
    sys.exit(subprocess.call([sys.executable, "-ISc", os.environ["CODE"], str(left - 1)]))
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(os.getpid(), s.getsockname()[1], flush=True)
time.sleep(60)
"""
FROM_MEMORY = """
import os, sys
file = os.memfd_create("npmp", 0)
with open(sys.argv[1], "rb") as program:
    os.write(file, program.read())
os.execv("/proc/self/fd/" + str(file), ["npmp", "-ISc", sys.argv[2]])
"""
BY_HAND = "/usr/bin/python3 -ISc '{}'\n"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends what a test started."""
    with ExitStack() as started:
        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in /tmp, wherever the tests keep theirs."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        yield Path(path)


def started(stack: ExitStack, *command: str | Path, **more: str) -> Listener:
    """Start a program that listens, and tell what a look would have seen of it."""
    environment = {"CODE": LISTEN, "PATH": os.environ["PATH"], **more}
    program = stack.enter_context(
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    )
    stack.callback(program.kill)
    assert program.stdout is not None
    return seen(*map(int, program.stdout.readline().split()))


def seen(pid: int, port: int) -> Listener:
    """A listener on loopback, owned by a process as psutil describes it."""
    process = psutil.Process(pid)
    owner = Owner(pid=pid, name=process.name(), started=int(process.create_time()))
    return Listener(
        protocol=Protocol.TCP,
        address="127.0.0.1",
        port=port,
        stack=Stack.IPV4,
        exposure=Exposure.LOOPBACK,
        place=Place.HOST,
        namespace="",
        owners=(owner,),
    )


def behind(listener: Listener) -> tuple[Why, Classification]:
    """Who is behind a listener of one process, and how that reads."""
    found = ask_why(None, [listener])
    (why,) = found.values()
    return why, read(listener, found, (), Platform.LINUX)


def sha256(path: str | Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def copied(folder: Path, name: str) -> Path:
    """A copy of the packaged Python under another name."""
    program = folder / name
    shutil.copy(Path(PYTHON).resolve(), program)
    return program


@pytest.mark.needs("packaged python")
def test_a_packaged_program_is_told_with_its_package(stack: ExitStack) -> None:
    """As dpkg itself tells; the file is the one that was packaged."""
    why, reading = behind(started(stack, PYTHON, "-ISc", LISTEN))
    program = str(Path(PYTHON).resolve())
    owner = subprocess.check_output(["dpkg", "-S", program], text=True).split(":")[0]
    version = subprocess.check_output(["dpkg-query", "-Wf", "${Version}", owner], text=True)
    assert why.package is not None
    assert (why.package.name, why.package.version, why.package.unchanged) == (owner, version, True)
    assert why.executable is not None
    assert (why.executable.path, why.executable.on_disk) == (program, OnDisk.THERE)
    assert why.executable.sha256 == sha256(program)
    assert why.executable.owner == 0
    assert why.unowned_by == ()
    assert set(why.missing) <= {"more than 8 parents are not followed"}
    assert why.process.uid == os.getuid()
    assert why.process.cwd == str(Path.cwd())
    assert reading.kind is not PortCategory.UNRELATED


@pytest.mark.needs("packaged python")
def test_the_chain_of_parents_is_that_of_the_system(stack: ExitStack) -> None:
    """From the listener up, as psutil tells it; more than eight are said to be left out."""
    listener = started(stack, PYTHON, "-ISc", LISTEN, "10")
    why, _ = behind(listener)
    parents = psutil.Process(why.process.pid).parents()
    assert [each.pid for each in why.parents] == [each.pid for each in parents[:8]]
    assert {each.name for each in why.parents} == {"python3"}
    assert "more than 8 parents are not followed" in why.missing


@pytest.mark.needs("packaged python")
def test_a_copy_in_tmp_is_suspicious(stack: ExitStack, folder: Path) -> None:
    """For its folder, and because no package owns it."""
    program = copied(folder, "npmpd")
    why, reading = behind(started(stack, program, "-ISc", LISTEN))
    assert reading.kind is PortCategory.SUSPICIOUS
    told = " ".join(reading.reasons)
    assert f"No package owns {program} (dpkg knows none)" in told
    assert f"Its executable {program} is in the temporary folder /tmp." in told
    assert why.unowned_by == ("dpkg",)
    assert f"/proc/{why.process.pid}/exe" in reading.next_step


@pytest.mark.needs("packaged python")
def test_a_program_deleted_after_its_start_is_hashed_all_the_same(
    stack: ExitStack, folder: Path
) -> None:
    """Through /proc, where the kernel still has it."""
    program = copied(folder, "npmpd")
    digest = sha256(program)
    listener = started(stack, program, "-ISc", LISTEN)
    program.unlink()
    why, reading = behind(listener)
    assert why.executable is not None
    assert (why.executable.on_disk, why.executable.sha256) == (OnDisk.DELETED, digest)
    assert f"Its executable {program} was deleted while it runs." in reading.reasons


@pytest.mark.needs("packaged python")
def test_a_program_replaced_after_its_start_is_told_from_what_lies_there_now(
    stack: ExitStack, folder: Path
) -> None:
    """The hash is of what runs."""
    program = copied(folder, "npmpd")
    digest = sha256(program)
    listener = started(stack, program, "-ISc", LISTEN)
    program.unlink()
    program.write_text("harmless")
    why, reading = behind(listener)
    assert why.executable is not None
    assert (why.executable.on_disk, why.executable.sha256) == (OnDisk.REPLACED, digest)
    assert "no package upgrade explains it" in " ".join(reading.reasons)


@pytest.mark.needs("packaged python")
def test_a_program_that_was_never_a_file_is_suspicious(stack: ExitStack) -> None:
    """It runs from memfd_create(2)."""
    real = str(Path(PYTHON).resolve())
    why, reading = behind(started(stack, PYTHON, "-ISc", FROM_MEMORY, real, LISTEN))
    assert why.executable is not None
    assert (why.executable.on_disk, why.executable.sha256) == (OnDisk.MEMORY, sha256(real))
    assert "It runs from memory alone (memfd), without a file on disk." in reading.reasons


@pytest.mark.needs("packaged python")
def test_hidden_names_and_everybodys_files_are_suspicious(stack: ExitStack, folder: Path) -> None:
    """A dot hides from ``ls``, also in a folder's name."""
    (folder / ".x").mkdir()
    program = copied(folder / ".x", ".npmpd")
    program.chmod(0o777)
    why, reading = behind(started(stack, program, "-ISc", LISTEN))
    told = " ".join(reading.reasons)
    assert why.process.name == ".npmpd"
    assert "is in the hidden folder .x" in told
    assert f"{program} has a hidden name" in told
    assert f"Every user can write to its executable {program}." in told


@pytest.mark.needs("packaged python")
def test_another_name_of_the_same_file_is_no_disguise(stack: ExitStack) -> None:
    """A link explains it; without one it is a disguise."""
    listener = started(stack, PYTHON, "-ISc", LISTEN)
    assert "calls itself" not in " ".join(behind(listener)[1].reasons)
    disguise = "open('/proc/self/comm', 'w').write('sshd')\n" + LISTEN
    _, reading = behind(started(stack, PYTHON, "-ISc", disguise))
    assert (
        f"It calls itself sshd, but its executable is {Path(PYTHON).resolve()}." in reading.reasons
    )


@pytest.mark.needs("packaged python", "setsid")
def test_a_program_started_by_hand_has_a_terminal(stack: ExitStack) -> None:
    """From an interactive shell on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    for end in (ours, theirs):
        stack.callback(os.close, end)
    shell = subprocess.Popen(
        ["setsid", "--ctty", "--wait", "sh", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "PS1": ""},
    )
    stack.enter_context(shell)
    stack.callback(end_all, shell.pid)
    before = listening()
    code = "import socket, time; s = socket.socket(); s.listen(); time.sleep(60)"
    os.write(ours, BY_HAND.format(code).encode())
    pid, port = wait_for_listener(shell.pid, before)
    why, reading = behind(seen(pid, port))
    name = os.ttyname(theirs).removeprefix("/dev/")
    assert why.session is not None
    assert why.session.terminal == name
    assert why.session.leader is not None
    assert why.session.leader.pid == psutil.Process(pid).ppid()
    assert reading.kind is PortCategory.SUSPICIOUS
    assert f"It was started by hand, on the terminal {name}" in reading.reasons[0]


def children(pid: int) -> list[psutil.Process]:
    """All that a process started, while it is there."""
    process = psutil.Process(pid)
    return [*process.children(recursive=True), process]


def end_all(pid: int) -> None:
    """End a process and all that it started."""
    for each in children(pid):
        each.kill()


def listening() -> set[tuple[int, int]]:
    """The processes and ports that listen now."""
    found = psutil.net_connections("tcp")
    there = [(each.pid or 0, each.laddr) for each in found if each.status == "LISTEN"]
    return {(pid, at.port) for pid, at in there if at}


def wait_for_listener(shell: int, before: set[tuple[int, int]]) -> tuple[int, int]:
    """The listener that a child of a shell opened."""
    for _ in range(500):
        own = {each.pid for each in children(shell)}
        found = [pair for pair in listening() - before if pair[0] in own]
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError("nothing listens")


def test_a_process_that_has_ended_leaves_what_the_look_saw() -> None:
    """It is said; nothing is made of it."""
    with ExitStack() as soon_over:
        listener = started(soon_over, sys.executable, "-ISc", LISTEN)
    why, reading = behind(listener)
    assert (why.process.name, why.executable) == (listener.owners[0].name, None)
    assert "had ended" in why.missing[0]
    assert reading.kind is PortCategory.UNKNOWN


def test_a_number_that_was_used_again_is_another_process(stack: ExitStack) -> None:
    """Nothing of the newcomer is told as the holder's."""
    listener = started(stack, sys.executable, "-ISc", LISTEN)
    (owner,) = listener.owners
    earlier = replace(owner, name="npmp", started=(owner.started or 0) - 1000)
    why, reading = behind(replace(listener, owners=(earlier,)))
    assert (why.process.name, why.executable, why.parents) == ("npmp", None, ())
    assert "another process has its number now" in why.missing[0]
    assert reading.kind is PortCategory.UNKNOWN


def test_without_a_known_holder_nothing_is_asked() -> None:
    """Nobody is asked about process -1, and the reading says that nobody was seen."""
    listener = replace(seen(os.getpid(), 609), owners=(Owner(pid=None),))
    assert ask_why(None, [listener]) == {}
    assert read(listener, {}, (), Platform.LINUX).kind is PortCategory.UNKNOWN


def test_more_processes_than_the_limit_are_named(stack: ExitStack) -> None:
    """Each gets an answer, if only that it was not asked about."""
    listener = started(stack, sys.executable, "-ISc", LISTEN)
    many = tuple(Owner(pid=pid) for pid in range(4_000_000, 4_000_060))
    found = ask_why(None, [replace(listener, owners=many)])
    assert len(found) == 60
    left = [why for why in found.values() if "only 50 processes" in why.missing[0]]
    assert len(left) == 10


def test_no_program_is_passed_in_an_argument(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody can read arguments, and nobody 80 kB of them."""
    commands = []

    def noted(command: Sequence[str], *args: Any) -> Any:  # noqa: ANN401 - as it is
        commands.append(command)
        return run(command, *args)

    monkeypatch.setattr(module, "run", noted)
    why, _ = behind(started(stack, PYTHON, "-ISc", LISTEN))
    assert why.process.name
    assert [sum(map(len, command)) < 300 for command in commands] == [True]


def test_a_second_round_that_cannot_be_made_says_so(
    stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure it was to explain stays one."""
    listener = started(stack, sys.executable, "-ISc", LISTEN)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    why, reading = behind(listener)
    assert "there is no program /nowhere/python" in why.missing[0]
    assert reading.kind is PortCategory.UNKNOWN
