"""The check of deleted programs finds a real one."""

import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

from portproof.content.load import load
from portproof.model.observation import (
    Observed,
    Platform,
    SourceReply,
)
from portproof.sources.probe import ProbeSource
from support.paths import ROOT


def test_a_real_program_that_is_deleted_while_it_listens_is_named(tmp_path: Path) -> None:
    """By the embedded probe on this machine: it runs from a temporary folder, and is then gone."""
    program = Path(shutil.copy(Path(sys.executable).resolve(), tmp_path / "server"))
    listen = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(1, flush=True)"
    command = [str(program), "-S", "-c", f"{listen}; input()"]
    environment = {"PYTHONHOME": sys.base_prefix}
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, env=environment) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"1\n"
        temporary = pids_named("temporary-folder-listeners")
        program.unlink()
        deleted = pids_named("deleted-program-listeners")
        server.communicate(b"\n")
    assert str(server.pid) in temporary
    assert str(server.pid) in deleted
    assert str(server.pid) not in pids_named("deleted-program-listeners")


def pids_named(name: str) -> list[str]:
    """The processes that a check names on this machine, as the embedded probe sees it."""
    check = load([ROOT / "policies"], [ROOT / "checks"]).check_by_id()[name]
    reply = ProbeSource().look({name: str(check.sql_on(Platform.LINUX))})
    assert isinstance(reply, SourceReply)
    answer = reply.answers[name]
    assert isinstance(answer, Observed)
    return [row["pid"] for row in answer.rows]
