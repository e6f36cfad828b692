"""The log: off by default, one visible line an event, in a file of one's own or on stderr."""

import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.machine import PORTPROOF

POLICY = "policy: mine\ntitle: Mine\nrules: [{id: a, closed: 609}]\n"
JUDGED = ": judged: 1 pass ("


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a policy."""
    (tmp_path / "policy.yml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def run(place: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run portproof in a folder."""
    command = [*PORTPROOF, *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=place)


def logged(code: str) -> str:
    """Return what a program logs that has started the log with ``-vv``."""
    head = "from portproof.text.logs import *; start(LogSettings(2)); log = logger('portproof.x')\n"
    command = [sys.executable, "-c", head + code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def test_the_log_is_off_and_not_even_loaded() -> None:
    """``portproof --help`` does not import logging."""
    code = "import sys; from portproof.cli import main; main(); sys.exit('logging' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], check=False, capture_output=True)
    assert done.returncode == 0


def test_the_option_stands_before_or_after_the_command(place: Path) -> None:
    """Without it nothing is logged; each ``-v`` counts wherever it stands."""
    audit = ["audit", "-p", "policy.yml", "-q"]
    told = {
        "": run(place, *audit, "-o", "0").stderr,
        "before": run(place, "-v", *audit, "-o", "1").stderr,
        "after": run(place, *audit, "-o", "2", "-v").stderr,
        "both": run(place, "-v", *audit, "-o", "3", "-v").stderr,
    }
    assert told[""] == ""
    assert [JUDGED in text for text in told.values()] == [False, True, True, True]
    assert [" DEBUG " in text for text in told.values()] == [False, False, False, True]


def test_a_file_is_private_and_appended_to(place: Path) -> None:
    """It alone holds the log, and only its owner can read it, whoever made it."""
    log = place / "log"
    log.write_text("earlier\n", encoding="utf-8")
    log.chmod(0o644)
    done = run(place, "audit", "-p", "policy.yml", "-q", "--log-file", "log")
    assert done.stderr == ""
    assert log.read_text(encoding="utf-8").startswith("earlier\n")
    assert JUDGED in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("link", "is a symbolic link"),
        ("pipe", "cannot be written"),
        ("/dev/null", "is not a regular file"),
        ("missing/log", "No such file or directory"),
        (".", "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(place: Path, file: str, told: str) -> None:
    """Somebody else may have laid a link there. Nothing is judged."""
    (place / "link").symlink_to(place / "elsewhere")
    os.mkfifo(place / "pipe")
    done = run(place, "--log-file", file, "audit", "-p", "policy.yml")
    assert done.returncode == 2
    assert told in done.stderr
    assert not (place / "elsewhere").exists()
    assert not (place / "audits").exists()


def test_a_log_that_cannot_be_written_does_not_end_the_audit(place: Path) -> None:
    """It is told once, and the audit has its own result."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from portproof.text.logs import *; start(LogSettings(2, 'log'))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "log = logger('portproof.x'); log.info('one'); log.info('two')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=place
    )
    assert done.stderr == "portproof: --log-file log cannot be written: File too large\n"


def test_without_standard_error_nothing_is_logged(place: Path) -> None:
    """Its number may be that of the evidence."""
    command = " ".join([*PORTPROOF, "-vv", "audit", "-p", "policy.yml", "-o", "out", "2>&-"])
    subprocess.run(command, check=False, shell=True, cwd=place, stdout=subprocess.DEVNULL)  # noqa: S602 - a shell closes it
    for file in (place / "out").iterdir():
        assert "portproof.run" not in file.read_text(encoding="utf-8")


def test_what_hosts_send_is_one_visible_line_of_bounded_length() -> None:
    """Nothing of it moves a cursor, begins a line or is a command to a CI system."""
    told = logged(r"log.info('%s', '\x1b[2J\n2026 forged\u202e ##vso[task]' + 'x' * 9999)")
    assert told.count("\n") == 1
    assert r"\x1b[2J\n2026 forged\u202e # #vso[task]xxx" in told
    assert len(told) < 2100


def test_words_by_which_an_answer_is_known_are_masked() -> None:
    """The command that is run on a host is logged by asyncssh."""
    told = logged(
        "from portproof.ssh.command import Delimiters\n"
        "from dataclasses import astuple; import logging\n"
        "logging.getLogger('asyncssh').info('Command: %s', astuple(Delimiters()))"
    )
    assert "portproof-***-ready" in told
    assert re.search("[0-9a-f]{16}", told) is None


def test_an_unexpected_error_is_told_without_its_text() -> None:
    """Its type and its place help; its text may hold a password."""
    told = logged("try: int('hunter2')\nexcept ValueError as e: log.error('%s', failure(e))")
    assert "ValueError in <string>:2 <module>" in told
    assert "hunter2" not in told


def test_a_program_that_uses_the_library_decides_what_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All loggers are below ``portproof``; until the program asks, nothing is printed."""
    code = "from portproof.text.logs import logger; logger('portproof.x').error('told')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    from portproof.inventory.read import read_inventory  # noqa: PLC0415 - its logger is meant

    with caplog.at_level(logging.INFO, logger="portproof"):
        read_inventory([])
    assert [each.name for each in caplog.records] == ["portproof.inventory.read"]


@pytest.mark.parametrize(("option", "has_bar"), [("-v", False), ("-f5", True)])
def test_a_bar_of_progress_makes_way_for_the_log(
    place: Path, option: str, *, has_bar: bool
) -> None:
    """On a terminal, a line of the log would break the bar."""
    names = ",".join(f"host{number}.invalid" for number in range(8))
    ours, theirs = pty.openpty()
    command = [*PORTPROOF, "audit", "-p", "policy.yml", "-i", names, "-o", "out", option]
    done = subprocess.run(command, check=False, cwd=place, stderr=theirs, stdout=subprocess.PIPE)
    shown = os.read(ours, 1 << 16)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 3
    assert (b"\x1b[" in shown) == has_bar
