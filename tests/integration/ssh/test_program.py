"""A host's Python gets compiled code if its bytecode is ours, and source if it is not."""

import marshal
import subprocess
import sys
import zlib

import pytest

from portproof.model.observation import Platform
from portproof.ssh import program as module
from portproof.ssh.program import OURS, Program
from portproof.ssh.script import Asking, why_program
from support.boot import BOOT

QUESTION = {"users": "SELECT uid FROM users"}
PROBE = Asking.prepare(Platform.LINUX, QUESTION, "probe", 1_000_000).program


def answer(program: bytes, line: bytes) -> bytes:
    """What a Python answers to a program."""
    command = [sys.executable, "-ISBWignore", "-c", BOOT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        host.stdin.write(program + line)
        host.stdin.flush()
        return host.stdout.read()


def test_both_forms_answer_the_same() -> None:
    """The frame, the tables and the rows; canaries have ports of their own."""
    forms = [PROBE.source, PROBE.compiled]
    told = [answer(form, b"SEAL 30\n").partition(b',"canaries"')[0] for form in forms]
    assert told[0].count(b'"users"') == 1
    assert told[0].partition(b"{")[2] == told[1].partition(b"{")[2]


@pytest.mark.parametrize(
    "code", ["", "cpython-310:final", "pypy311-pp73:final", "None:final", OURS + "x", OURS[:-1]]
)
def test_any_other_python_gets_source(code: str) -> None:
    """Bytecode of another version would crash it, or worse."""
    assert PROBE.of_version(code) == PROBE.source
    assert PROBE.of_version(OURS) == PROBE.compiled


def test_a_release_that_is_not_final_gets_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode changes until the first candidate, under one tag."""
    tag = "cpython-315:alpha"
    monkeypatch.setattr(module, "OURS", tag)
    assert PROBE.of_version(tag) == PROBE.source


def test_the_second_round_has_both_forms() -> None:
    """It is asked of the same Python."""
    line = why_program([1], "SEAL", 9.0, OURS)
    assert line.endswith(b"SEAL 9.000 1\n")
    assert len(line) != len(why_program([1], "SEAL", 9.0))


def test_what_is_compiled_knows_nothing_of_where_it_was_compiled() -> None:
    """Paths of this machine are nobody else's business."""
    length, _, rest = Program.of("run", {}, probe="def f(): pass").compiled.partition(b"\n")
    code, ask = marshal.loads(zlib.decompress(rest[int(length) :]))  # noqa: S302 - it is our own
    assert (code.co_filename, ask["probe"].co_filename) == ("portproof", "portproof")
