"""The probe that tells who is behind listeners: on any Python from 3.6 on, in one line of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portproof.investigate import why
from portproof.model.observation import Reason, Unobserved
from support.boot import FLAGS, answer, interpreters

PYTHONS = interpreters()
_AS_NOBODY = """
import os, pwd, sys
from portproof.agent.explain import tell
os.setgroups([]); os.setgid(65534); os.setuid(65534)
tell(sys.argv[1:], 10.0)
"""


@pytest.mark.parametrize("name", sorted(PYTHONS))
def test_it_runs(name: str) -> None:
    """It tells of the process that started it what that knows itself."""
    printed = answer({"do": "explain"}, f"10 {os.getpid()}", [PYTHONS[name], FLAGS])
    found = why.decoded(printed)
    assert not isinstance(found, Unobserved)
    mine = found[os.getpid()]
    assert mine.executable is not None
    assert Path(mine.executable.path) == Path("/proc/self/exe").resolve()
    assert mine.process.uid == os.getuid()
    assert mine.parents[0].pid == os.getppid()
    assert printed.count(b"\n") == 1
    assert json.loads(printed)["left_out"] == []


@pytest.mark.needs("root")
def test_a_user_without_rights_is_told_what_is_missing() -> None:
    """Not that there is no file, and not that no package owns it."""
    command = [sys.executable, "-c", _AS_NOBODY, str(os.getpid())]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    told: dict[str, Any] = json.loads(printed)["found"][str(os.getpid())]
    assert told["process"]["name"]
    assert "executable" not in told
    assert "unowned_by" not in told
    assert "its executable could not be read: Permission denied" in told["missing"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Reason.GARBLED),
        (b"\xff", Reason.GARBLED),
        (b"[" * 100_000, Reason.GARBLED),
        (b'{"why": 2, "found": {}, "left_out": []}', Reason.GARBLED),
        (b'{"why": 1, "found": {"x": {}}, "left_out": []}', Reason.GARBLED),
        (b'{"why": 1, "found": {"1": {"process": {"pid": "1"}}}, "left_out": []}', Reason.GARBLED),
        (
            b'{"why": 1, "left_out": [], "found": {"1": {"process": {"pid": 1, "uid": %d}}}}'
            % (10**29),
            Reason.GARBLED,
        ),
        (b" " * (5 << 20), Reason.OVERSIZED),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(line: bytes, reason: Reason) -> None:
    """An answer over SSH may be anything."""
    found = why.decoded(line)
    assert isinstance(found, Unobserved)
    assert found.reason is reason


def test_an_answer_about_another_process_than_it_says_is_dropped() -> None:
    """And too many parents or missing parts are cut."""
    other = {"process": {"pid": 2}}
    long = {
        "process": {"pid": 3},
        "parents": [{"pid": pid} for pid in range(100)],
        "missing": ["x" * 10_000] * 100,
    }
    line = json.dumps({"why": 1, "found": {"1": other, "3": long}, "left_out": []}).encode()
    found = why.decoded(line)
    assert not isinstance(found, Unobserved)
    assert set(found) == {3}
    assert (len(found[3].parents), len(found[3].missing)) == (8, 30)
    assert max(map(len, found[3].missing)) == 300
