"""What the system refuses is one line and exit code 2: never a traceback, never "it failed"."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from portproof import cli
from support.calling import Done, portproof
from support.folders import job_of, looks_of, write
from support.paths import TESTS

NOBODY = 65534
RIGHTS = "portproof needs permission to access it and every folder above it"
CALLS = (
    "lint {closed}/x.yml",
    "test {closed}/x.yml",
    "list -p {closed}/x.yml",
    "explain 609 -p {closed}/x.yml",
    "audit -p {closed}/x.yml -o {open}/new",
    "audit --since {closed}/x -o {open}/new",
    "audit --resume {closed}/x",
    "audit --template {closed}/x -o {open}/new",
    "audit -i {closed}/x -o {open}/new",
    "audit --sign {closed}/x -o {open}/new",
    "audit -o {closed}/x",
    "verify {closed}/x",
    "verify {open}/ok --key {closed}/x",
    "diff {closed}/x {closed}/y",
    "report {closed}/x",
    "report {open}/ok -o {closed}/x",
    "evaluate {closed}/x -p retired-ports",
    "evaluate {open}/ok -p retired-ports -o {closed}/x",
    "lint --audit {closed}/x",
    "init {closed}/x",
    "import pack {closed}/x -o {open}/new",
)


ALL_AT_ONCE = """
import json, sys
from support.calling import Done, portproof
print(json.dumps([portproof(*words) for words in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder with a whole audit, and with a folder that only root may enter.

    Every user may enter it. The folders of ``tmp_path`` are closed to others whenever a pytest
    starts, also one beside this.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        fill(path)
        yield path


def fill(path: Path) -> None:
    """Write what the calls are about."""
    write(path / "ok", job_of(), looks_of())
    (path / "ok").chmod(0o755)
    for file in (path / "ok").iterdir():
        file.chmod(0o644)
    (path / "closed").mkdir(mode=0)


@pytest.fixture(scope="module")
def answers(place: Path) -> dict[str, Done]:
    """What every call answers to a user without rights; one process makes all of them."""
    places = {"open": place, "closed": place / "closed"}
    words = [[word.format(**places) for word in call.split()] for call in CALLS]
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run(
        [*drop, sys.executable, "-c", ALL_AT_ONCE],
        input=json.dumps(words),
        env={**os.environ, "PYTHONPATH": str(TESTS), "HOME": str(place)},
        cwd=place,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return dict(zip(CALLS, (Done(*each) for each in json.loads(done.stdout)), strict=True))


@pytest.mark.needs("root", "python for every user")
@pytest.mark.parametrize("call", CALLS)
def test_a_folder_that_may_not_be_entered_is_an_error(
    answers: dict[str, Done], place: Path, call: str
) -> None:
    """Of every command: exit code 2, and lines that name the path and what the system said."""
    done = answers[call]
    assert done.code == 2, done
    assert done.out == ""
    assert "Traceback" not in done.err
    assert str(place / "closed") in done.err
    assert len(done.err.splitlines()) <= 4


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            PermissionError(13, "Permission denied", "/a/b"),
            "/a/b: Permission denied; " + RIGHTS,
        ),
        (OSError(28, "No space left on device"), "operating system error: No space left on device"),
        (OSError(18, "Cross-device link", "a", None, "b"), "a, b: Cross-device link"),
        (OSError(36, "File name too long", "a\x1bb"), "a\\x1bb: File name too long"),
        (TimeoutError(), "operating system error: TimeoutError"),
    ],
)
def test_an_error_of_the_system_is_one_line(
    error: OSError, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that is known of it."""
    done_by(error, monkeypatch)
    done = portproof("broken")
    assert (done.code, done.out, done.err) == (2, "", f"portproof: {told}\n")


@pytest.mark.parametrize("error", [ValueError("a\x1bb"), RecursionError("deep"), SystemExit(1)])
def test_a_mistake_of_portproof_is_no_failed_rule(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, where it happened, and a line that asks for a report."""
    done_by(error, monkeypatch)
    done = portproof("broken")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Traceback (most recent call last):")
    assert "\x1b" not in done.err
    assert done.err.splitlines()[-1].startswith(f"portproof: {type(error).__name__}")
    assert "this is a bug in portproof" in done.err.splitlines()[-1]


def done_by(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a command that fails."""

    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setitem(cli.cli.commands, "broken", broken)
    monkeypatch.setattr(cli.LazyGroup, "get_command", click.Group.get_command)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, as Linux has it")
@pytest.mark.parametrize(("out", "code"), [("/dev/full", 2), ("/dev/null", 0)])
@pytest.mark.parametrize("err", ["/dev/full", "&-"])
def test_an_answer_that_cannot_be_written_is_no_failed_rule(out: str, code: int, err: str) -> None:
    """Not even when the error itself cannot be written."""
    script = f'"$0" -m portproof schema policy >{out} 2>{err}'
    done = subprocess.run(["sh", "-c", script, sys.executable], check=False)
    assert done.returncode == code
