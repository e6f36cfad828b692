"""The line that is run on a host comes through every login shell, and finds what there is."""

import contextlib
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from portproof.model.connection import Become, Connection, Secret
from portproof.sources.agent import BOOT
from portproof.ssh.command import Delimiters, UnsupportedError, command_line, needs_terminal
from support.standins.host import HOST
from support.standins.install import asked, osqueryi

MARKS = Delimiters(ready="READY", prompt="PROMPT:", seal="SEAL")
CAME_IN = "10.0.0.1 5000 10.0.0.2 22"
READY = f"READY python {sys.platform} {CAME_IN}"


def connection(become: Become | None = None, interpreter: str | None = None) -> Connection:
    """A connection of which only these count here."""
    return Connection(kind="ssh", address="web", become=become, interpreter=interpreter)


@contextlib.contextmanager
def started(
    shell: list[str], *, path: str | None = None, interpreter: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The line in a shell, as sshd starts it: in a session of its own."""
    env = {"PATH": path or os.environ["PATH"], "SSH_CONNECTION": CAME_IN, "HOME": "/nonexistent"}
    command = [*shell, "-c", command_line(connection(interpreter=interpreter), MARKS)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, env=env, start_new_session=True
    ) as host:
        yield host


def run(
    shell: list[str], sent: str | bytes, *, path: str | None = None, interpreter: str | None = None
) -> list[str]:
    """What the line prints when a shell gets it as sshd hands it on, with this input."""
    with started(shell, path=path, interpreter=interpreter) as host:
        said = host.communicate(sent.encode() if isinstance(sent, str) else sent)[0]
        return said.decode().splitlines()


def program(text: str) -> bytes:
    """A program as it is sent to a Python."""
    packed = zlib.compress(text.encode())
    return b"%d\n%s" % (len(packed), packed)


@pytest.mark.parametrize("name", ["sh", "bash", "dash"])
def test_every_shell_of_the_system_passes_the_line_on(name: str) -> None:
    """The Python is found, says that it is ready, and runs what it is sent."""
    passes_on([name])


@pytest.mark.needs("zsh", "fish", "tcsh", "busybox")
@pytest.mark.parametrize("name", ["zsh", "fish", "tcsh", "busybox sh"])
def test_every_other_shell_passes_the_line_on(name: str) -> None:
    """Also those that are not POSIX shells."""
    passes_on(name.split())


def passes_on(shell: list[str]) -> None:
    """Check that a shell does."""
    printed = run(shell, program("print('it is', 6*7)\n"))
    assert printed == [READY, "it is 42"]


def test_the_preferred_python_is_taken(tmp_path: Path) -> None:
    """As ``ansible_python_interpreter`` says."""
    mine = tmp_path / "mine"
    mine.symlink_to(sys.executable)
    text = "import os,sys;print(sys.orig_argv[0])\n"
    assert run(["sh"], program(text), interpreter=str(mine))[1] == str(mine)


def test_a_python_that_does_not_work_is_passed_over(tmp_path: Path) -> None:
    """A stub, or one that is too old, is as good as none."""
    stub = tmp_path / "stub"
    stub.write_text("#!/bin/sh\necho 'no developer tools were found' >&2\nexit 1\n")
    stub.chmod(0o755)
    assert run(["sh"], program("print(1)\n"), interpreter=str(stub))[1] == "1"


def test_python_takes_nothing_from_the_folder_or_the_environment(tmp_path: Path) -> None:
    """A file of the user's that is named like a module must not be run, as root at that."""
    (tmp_path / "select.py").write_text("print('mine')\n")
    text = "import sys;print('' in sys.path, sys.flags.isolated, sys.dont_write_bytecode)\n"
    assert run(["sh"], program(text))[1:] == ["False 1 True"]


def without_python(folder: Path) -> str:
    """A PATH with what the line needs, and no Python."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("sh", "uname", "env", "cat"):
        found = subprocess.check_output(["which", name], text=True).strip()
        (programs / name).symlink_to(found)
    return str(programs)


def test_a_host_with_nothing_says_so(tmp_path: Path) -> None:
    """Nothing is waited for."""
    printed = run(["sh"], "", path=without_python(tmp_path))
    assert printed == [f"READY none {os.uname().sysname} {CAME_IN}"]


def install(folder: Path, habit: str = "plain") -> tuple[str, Path]:
    """A PATH without Python and with osqueryi, and where the stand-in for that is."""
    path = without_python(folder)
    (folder / "osquery").mkdir()
    installed = osqueryi(folder / "osquery", HOST, habit)
    program = Path(path, "osqueryi")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {installed} "$@"\n')
    program.chmod(0o755)
    return path, installed


def test_without_python_a_shell_asks_osqueryi(tmp_path: Path) -> None:
    """The question comes through as it is, line ends, quotes and all."""
    path, installed = install(tmp_path)
    sql = " SELECT '$x `y` \\n \"z\"' AS a\n;\nSELECT '*' AS b"
    with started(["sh"], path=path) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        host.stdin.write(f"SEAL\n{sql}\nSEAL\n".encode())
        host.stdin.flush()
        printed = host.stdout.read().decode().splitlines()
    assert printed[:3] == [f"READY osqueryi {os.uname().sysname} {CAME_IN}", "", "SEAL begin"]
    assert printed[-1] == "SEAL end 0"
    assert '"a":"$x `y` \\\\n \\"z\\""' in printed[4]
    assert asked(installed)[0][-1].strip() == sql.strip()


def test_an_osqueryi_is_killed_when_the_input_ends(tmp_path: Path) -> None:
    """Nobody is left to read what it says."""
    path, installed = install(tmp_path, "close_and_hang")
    printed = run(["sh"], "SEAL\nSELECT 1 AS a\nSEAL\n", path=path)
    assert printed[-1] == "SEAL end 137"
    running = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [words for words in running if str(installed) in words]


def test_nothing_secret_is_in_the_line() -> None:
    """Everybody on the host can read command lines."""
    for method in ("sudo", "doas"):
        become = Become(method=method, user="root", password=Secret("hunter2"))
        assert "hunter2" not in command_line(connection(become), MARKS)


def test_a_program_is_only_begun_in_the_line() -> None:
    """What is run is read from standard input; the argument is as short as that can be."""
    _, _, rest = command_line(connection(), MARKS).partition('-ISBWignore -c "')
    assert rest.partition('"')[0].endswith(BOOT)
    assert len(rest.partition('"')[0]) < 200


def test_two_looks_share_no_mark() -> None:
    """What one host has seen is of no use at another, or later."""
    one, other = Delimiters(), Delimiters()
    assert not {one.ready, one.prompt, one.seal} & {other.ready, other.prompt, other.seal}


def test_the_seal_is_not_in_the_line() -> None:
    """The login's own shell files could read it there."""
    assert MARKS.seal not in command_line(connection(Become(method="sudo", user="root")), MARKS)


@pytest.mark.parametrize("name", ["ro ot", "$(id)", "a'b", "a;b", "-u", "é", "a\nb", "!1"])
def test_names_no_shell_can_be_trusted_with_are_refused(name: str) -> None:
    """They would be something else in one shell or another."""
    with pytest.raises(UnsupportedError):
        command_line(connection(Become(method="sudo", user=name)), MARKS)
    with pytest.raises(UnsupportedError):
        command_line(connection(interpreter=name), MARKS)


def test_a_terminal_is_for_doas_with_a_password_only() -> None:
    """It reads passwords from nowhere else."""
    secret = Secret("x")
    assert needs_terminal(Become(method="doas", user="root", password=secret))
    for become in (
        None,
        Become(method="doas", user="root"),
        Become(method="sudo", user="root", password=secret),
    ):
        assert not needs_terminal(become)
