"""How a host's Python takes in the agent; what it says before is left out."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from portproof.sources import agent

BOOT: Final = f"import sys,zlib;{agent.BOOT}"
FLAGS: Final = "-ISBWignore"


def answer(
    request: Mapping[str, object], line: str, command: Sequence[str] = (sys.executable, FLAGS)
) -> bytes:
    """Return what the agent prints when it is run by a Python, as on a host."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "-c", BOOT], stdin=pipe, stdout=pipe, stderr=pipe) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        assert host.stderr is not None
        host.stdin.write(agent.program(request) + f"{line}\n".encode())
        host.stdin.flush()
        printed, complaints = host.stdout.read(), host.stderr.read()
    assert complaints == b""
    return printed


def interpreters() -> dict[str, str]:
    """Every Python from 3.6 on that can be found, by version; the one that runs is among them."""
    folders = [*map(Path, os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin")]
    names = [f"python3.{minor}" for minor in range(6, 20)]
    found = {
        name: str(folder / name) for folder in folders for name in names if _runs(folder / name)
    }
    return found | {f"python3.{sys.version_info.minor}": sys.executable}


def _runs(program: Path) -> bool:
    return program.exists() and subprocess.run([program, "-V"], check=False).returncode == 0
