"""A clean machine passes the whole shipped library, also when several audits look at once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.machine import PORTPROOF, Machine, machine

pytestmark = pytest.mark.needs("namespaces")

NOTHING = """\
policy: nothing
title: Nothing listens
rules: [{id: none, only: 1/tcp, ephemeral_udp: fail}]
"""
ALONE = """\
policy: alone
title: No other portproof runs
rules: [{id: processes, check: portproof-processes, expect: no rows}]
"""
PROCESSES = """\
check: portproof-processes
title: Which processes are portproof's?
sql: >-
  SELECT pid, name FROM processes
  WHERE cmdline LIKE '%-m portproof%' AND cmdline NOT LIKE 'sh -c%'
"""

LOCAL = """
import socket, sys
with socket.socket(socket.AF_UNIX) as held:
    held.bind("\\0clean-machine")
    held.listen()
    print("ready", flush=True)
    sys.stdin.read()
"""

LOOKS = """
import time
from portproof.agent.sockets import rows
from portproof.agent.view import View
from portproof.sources.canary import canaries
for _ in range(20):
    with canaries() as opened:
        time.sleep(0.01)
        found = {row[2] for row in rows(View("/proc", [])) if row[3] != 1}
        assert found == {each.inode for each in opened.own.canaries}, found
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    """A machine on which nothing listens, and one process has a socket that stays on it."""
    with machine() as started:
        local = [sys.executable, "-c", LOCAL]
        pipe = subprocess.PIPE
        with subprocess.Popen(started.command(*local), stdin=pipe, stdout=pipe) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            yield started
            process.stdin.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with policies and a check."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "checks").mkdir()
    (tmp_path / "policies" / "nothing.yml").write_text(NOTHING, encoding="utf-8")
    (tmp_path / "policies" / "alone.yml").write_text(ALONE, encoding="utf-8")
    (tmp_path / "checks" / "processes.yml").write_text(PROCESSES, encoding="utf-8")
    return tmp_path


def not_passing(folder: Path) -> list[str]:
    """The rules that do not pass, by an audit's result."""
    result: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    passing = {
        letter
        for letter, verdict in result["letters"].items()
        if verdict in ("pass", "not-applicable")
    }
    (one,) = result["hosts"]
    return [
        rule["key"]
        for rule, letter in zip(result["rules"], one["verdicts"], strict=True)
        if letter not in passing
    ]


def test_a_clean_machine_passes_every_shipped_rule(host: Machine, place: Path) -> None:
    """By the probe, as root."""
    done = host.portproof("audit", "--via", "probe", "-o", "out", cwd=place)
    assert done.returncode == 0, done.stderr
    assert not_passing(place / "out") == []


def test_portproof_does_not_see_itself(host: Machine, place: Path) -> None:
    """Neither its canaries nor its process."""
    policies = ("-p", "policies/nothing.yml", "-p", "policies/alone.yml")
    host.portproof("audit", *policies, "-o", "out", cwd=place)
    assert not_passing(place / "out") == []


def test_canaries_of_several_looks_are_not_open_at_once(host: Machine) -> None:
    """Each look sees its own and no others."""
    command = host.command(sys.executable, "-c", LOOKS)
    started = [subprocess.Popen(command) for _ in range(3)]
    assert [each.wait() for each in started] == [0, 0, 0]


def test_three_audits_at_once_do_not_see_the_canaries_of_each_other(
    host: Machine, place: Path
) -> None:
    """Each takes its turn."""
    for number in range(3):
        outs = [f"{number}-{name}" for name in "abc"]
        audit = ("audit", "-q", "-p", place / "policies" / "nothing.yml", "-o")
        commands = [host.command(*PORTPROOF, *audit, place / out) for out in outs]
        started = [subprocess.Popen(each, stdout=subprocess.DEVNULL) for each in commands]
        for each in started:
            each.wait()
        assert {out: not_passing(place / out) for out in outs} == {out: [] for out in outs}
