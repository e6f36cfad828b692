"""``portproof test``: tests of policies run, and the tests are tested."""

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from support.machine import PORTPROOF

POLICY = """\
policy: mine
title: Mine
rules:
  - {id: old, closed: 609/tcp}
  - {id: web, open: 443/tcp, by: {process: nginx}}
  - {id: gone, check: listening-sockets, expect: no rows}
"""
TESTS = """\
test: mine
cases:
  - case: nothing listens
    expect: {old: pass, web: fail, gone: pass}
  - case: everything listens
    given: [609/tcp, {port: 443/tcp, at: 10.0.0.1, process: nginx}]
    rows: {listening-sockets: 2}
    expect: {old: fail, web: pass, gone: fail}
"""
REST = """\
  - case: loopback counts
    given: [609/tcp at 127.0.0.1, {port: 443/tcp, at: 127.0.0.1, process: nginx}]
    expect: {old: fail, web: pass}
  - case: an address of the network counts
    given: [609/tcp at 10.0.0.1]
    expect: {old: fail}
  - case: another process does not
    given: [{port: 443/tcp, process: apache}, 609/udp]
    expect: {web: fail, old: pass}
"""


def run(folder: Path, policy: str, tests: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a policy."""
    (folder / "mine.yml").write_text(policy, encoding="utf-8")
    if tests:
        (folder / "mine.test.yml").write_text(tests, encoding="utf-8")
    command = [*PORTPROOF, "test", "mine.yml", *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def test_a_policy_with_full_tests_passes(tmp_path: Path) -> None:
    """Every expectation holds, no mistake would go unnoticed."""
    done = run(tmp_path, POLICY, TESTS + REST)
    assert done.returncode == 0, done.stdout
    assert "11 of 11 expectations hold; 0 gaps in the tests of 3 rules" in done.stdout


def test_what_no_case_notices_is_named(tmp_path: Path) -> None:
    """Each unnoticed mistake, by rule."""
    done = run(tmp_path, POLICY, TESTS)
    assert done.returncode == 1
    gaps = [line.strip() for line in done.stdout.splitlines() if "gap " in line]
    assert gaps == [
        "gap  old: no case notices: at external",
        "gap  old: no case notices: at loopback",
        "gap  web: no case notices: at external",
        "gap  web: no case notices: by anybody",
    ]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (POLICY.replace("609/tcp", "610/tcp"), "old: everything listens: expected fail, got pass"),
        (POLICY.replace("609/tcp", "609/udp"), "old: everything listens: expected fail, got pass"),
        (POLICY.replace("no rows", "some rows"), "gone: nothing listens: expected pass, got fail"),
    ],
)
def test_a_mistake_in_a_rule_fails_its_tests(tmp_path: Path, policy: str, said: str) -> None:
    """The case, the rule, and both verdicts are told."""
    done = run(tmp_path, policy, TESTS + REST)
    assert done.returncode == 1
    assert said in done.stdout


def test_a_policy_without_tests_is_a_gap(tmp_path: Path) -> None:
    """Nothing tested is not a success."""
    done = run(tmp_path, POLICY, "")
    assert done.returncode == 1
    assert "the policy has no tests" in done.stdout


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        (
            TESTS.replace("test: mine", "test: mien"),
            "1:7: test: there is no policy named mien; did you",
        ),
        (
            TESTS.replace("old: pass", "odl: pass"),
            "cases[0].expect.odl: there is no rule named odl; did",
        ),
        (TESTS.replace("609/tcp,", "609,"), "cases[1].given[0]: must be a mapping"),
        (TESTS.replace("[609/tcp,", "[1-9/tcp,"), "'1-9/tcp' is not one listener"),
        (TESTS.replace("at: 10.0.0.1", "at: here"), "'here' does not appear to be an IPv4"),
        (TESTS.replace("old: fail", "old: failed"), "expect.old: 'failed' is not one of"),
        (TESTS.replace("case: nothing", "caes: nothing"), "cases[0].caes: is an unknown key"),
    ],
)
def test_wrong_tests_are_told_with_their_place(tmp_path: Path, tests: str, said: str) -> None:
    """A test that cannot run is an error, with file, line and column."""
    done = run(tmp_path, POLICY, tests)
    assert done.returncode == 2
    assert said in done.stderr, done.stderr
    assert "mine.test.yml:" in done.stderr


def test_junit_has_a_case_for_every_expectation_and_gap(tmp_path: Path) -> None:
    """Totals of the file are those on the terminal."""
    run(tmp_path, POLICY, TESTS, "--junit", "out.xml")
    suite = ET.parse(tmp_path / "out.xml").getroot()[0]  # noqa: S314 - we wrote it
    assert (suite.get("tests"), suite.get("failures")) == ("10", "4")
    assert len(suite.findall("testcase/failure")) == 4
