"""``portproof audit --framework`` as a user runs it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machine import Machine, machine

pytestmark = pytest.mark.needs("namespaces")

MINE = """\
policy: mine
title: Mine
rules:
  - {id: old, closed: 609, maps: {nist-800-53: [CM-7], our-own: [a]}}
  - {id: new, closed: 610, maps: {nist-800-53: [SC-7]}}
  - {id: bare, closed: 611}
"""


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    """A machine with a listener on 609."""
    with machine() as started:
        started.listen("tcp", "0.0.0.0", 609, name="netinfod")
        yield started


def test_terminal_report_and_json_group_by_control(host: Machine, tmp_path: Path) -> None:
    """The same controls and verdicts in all three; a resumed audit keeps the framework."""
    (tmp_path / "mine.yml").write_text(MINE, encoding="utf-8")
    done = host.portproof(
        *("audit", "-p", "mine.yml", "-o", "out", "--framework", "nist-800-53"), cwd=tmp_path
    )
    assert done.returncode == 1, done.stderr
    assert "By control, NIST SP 800-53, revision 5: 1 proven, 1 fail\n" in done.stdout
    assert "FAIL CM-7 Least Functionality: 1 rule, failing on 1 host" in done.stdout
    assert "PROVEN SC-7 Boundary Protection: 1 rule" in done.stdout
    assert "1 rule mapped to none of its controls" in done.stdout
    told = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert [each["verdict"] for each in told["by_control"]["controls"]] == ["fail", "pass"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'id="controls"' in page
    (tmp_path / "out" / "manifest.json").unlink()  # as if it had been killed before its end
    again = host.portproof("audit", "--resume", "out", cwd=tmp_path)
    assert "FAIL CM-7 Least Functionality" in again.stdout


@pytest.mark.parametrize(("framework", "code"), [("our-own", 1), ("nist-800-35", 2)])
def test_frameworks_are_those_known_and_those_used(
    host: Machine, tmp_path: Path, framework: str, code: int
) -> None:
    """A user's own will do; any other is an error before anything is looked at."""
    (tmp_path / "mine.yml").write_text(MINE, encoding="utf-8")
    done = host.portproof("audit", "-p", "mine.yml", "--framework", framework, cwd=tmp_path)
    assert done.returncode == code
    if code == 2:
        known = "cis-controls, iso-27001, nist-800-53, our-own, pci-dss"
        assert f"frameworks are {known}; did you mean nist-800-53?" in done.stderr
        assert not (tmp_path / "audits").exists()
