"""A library that cannot be loaded: no half audit, and nobody reads a traceback."""

import os
import subprocess
from pathlib import Path

import pytest

from support.folders import save
from support.machine import PORTPROOF

WHY = "libcrypto.so.1.1: cannot open shared object file"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a policy, and a library for SSH that is broken."""
    rules = [{"id": "quiet", "closed": "9/tcp"}]
    save(tmp_path / "own.yml", {"policy": "own", "title": "Own", "rules": rules})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "asyncssh.py").write_text(f"raise ImportError({WHY!r})\n")
    return tmp_path


def audit(place: Path, inventory: str) -> subprocess.CompletedProcess[str]:
    """Audit with the broken library in place of the real one."""
    words = ["audit", "-i", inventory, "-p", "own.yml", "--via", "probe", "-o", "out"]
    return subprocess.run(
        [*PORTPROOF, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place / "broken")},
    )


def test_what_is_not_needed_need_not_load(place: Path) -> None:
    """This machine is audited without SSH, and nothing is said of it."""
    done = audit(place, "localhost,")
    assert "own/quiet" in done.stdout or "is proven" in done.stdout
    assert done.stderr == ""


def test_what_is_needed_and_does_not_load_is_an_error(place: Path) -> None:
    """Exit code 2, with the reason and what to do, before anything is written."""
    done = audit(place, "localhost,web1.example.com")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot be loaded: {WHY}; reinstall portproof" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "out").exists()
