"""``portproof explain`` and ``portproof doctor``, on machines of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machine import Machine, everyone_may_enter, machine

NOBODY = 65534

pytestmark = pytest.mark.needs("namespaces")


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    """A machine with a listener on 609 over TCP, and nothing on UDP."""
    with machine() as started:
        started.listen("tcp", "0.0.0.0", 609, name="netinfod")
        yield started


def test_a_retired_port_is_explained(host: Machine, tmp_path: Path) -> None:
    """Its name, its rule with the reason, who listens, and the commands of three platforms."""
    said = host.portproof("explain", "609", cwd=tmp_path).stdout
    assert "Registered: npmp-trap (tcp and udp)" in said
    assert "Rule retired-ports/npmp-trap-609 (high): closed 609" in said
    assert "NetInfo" in said
    assert "Here now: netinfod listens on tcp 0.0.0.0:609 (every address)" in said
    for command in ("ss -tulnp", "lsof -nP", "netstat -ano", "Get-NetTCPConnection"):
        assert command in said


def test_a_rule_is_told_with_its_fix_controls_and_sources(host: Machine, tmp_path: Path) -> None:
    """Of each platform, by the shipped rule for the printing port."""
    said = host.portproof("explain", "631", cwd=tmp_path).stdout
    for platform in ("linux", "macos", "windows"):
        assert f"Fix on {platform}:" in said
    assert "systemctl" in said
    assert "Controls of NIST SP 800-53, revision 5: " in said
    assert "CM-7" in said
    assert "Source: https://" in said or "Source: RFC" in said


def test_three_rules_are_told_in_full_and_the_others_named(host: Machine, tmp_path: Path) -> None:
    """Nobody scrolls past the fixes of a dozen rules to see who listens."""
    rules = [f"{{id: rule-{at}, closed: 609, fix: do {at}}}" for at in range(5)]
    text = f"policy: five\ntitle: Five\nrules: [{', '.join(rules)}]\n"
    (tmp_path / "five.yml").write_text(text, encoding="utf-8")
    said = host.portproof("explain", "609", "-p", "five.yml", cwd=tmp_path).stdout
    assert all(f"Rule five/rule-{at} " in said for at in range(5))
    assert [f"do {at}" in said for at in range(5)] == [True, True, True, False, False]
    assert "shown for the first 3 rules" in said


def test_a_protocol_narrows_it(host: Machine, tmp_path: Path) -> None:
    """Only UDP is looked at, and proven closed."""
    said = host.portproof("explain", "609/udp", cwd=tmp_path).stdout
    assert "Here now: proven closed" in said
    assert "netinfod" not in said


@pytest.mark.parametrize(("name", "port"), [("npmp-trap", "609/tcp"), ("SSH", "22/tcp")])
def test_a_service_name_will_do(host: Machine, tmp_path: Path, name: str, port: str) -> None:
    """Names are IANA's, whatever their case."""
    assert port in host.portproof("explain", name, cwd=tmp_path).stdout


def test_a_port_no_rule_covers_is_said(host: Machine, tmp_path: Path) -> None:
    """Nothing is made up about it."""
    said = host.portproof("explain", "60999", cwd=tmp_path).stdout
    assert "not assigned by IANA" in said
    assert "none covers this port" in said


@pytest.mark.parametrize(
    ("port", "said"),
    [("0", "not a port"), ("65536", "not a port"), ("609/xyz", "xyz"), ("npmp-tap", "npmp-trap")],
)
def test_what_is_no_port_is_told(host: Machine, tmp_path: Path, port: str, said: str) -> None:
    """With what would be right."""
    done = host.portproof("explain", port, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.needs("python for every user")
def test_without_root_it_says_what_it_cannot_prove(host: Machine, tmp_path: Path) -> None:
    """No listener seen is not closed for a user without rights."""
    everyone_may_enter(tmp_path)
    said = host.portproof("explain", "610", cwd=tmp_path, user=NOBODY).stdout
    assert "Here now: unproven (privilege)" in said
    assert "proven closed" not in said


def test_the_doctor_tells_which_sources_work(host: Machine, tmp_path: Path) -> None:
    """Those that are missing, with where they were looked for, and the one that sees everything."""
    done = host.portproof("doctor", cwd=tmp_path)
    assert done.returncode == 0
    assert "no   osqueryd: no osqueryd socket at /var/osquery/osquery.em" in done.stdout
    assert "no   osqueryi: " in done.stdout
    assert "yes  probe" in done.stdout
    assert "tcp on ::1" in done.stdout


@pytest.mark.needs("python for every user")
def test_the_doctor_tells_what_a_user_without_rights_lacks(host: Machine, tmp_path: Path) -> None:
    """The exit code says that nothing could be proven."""
    everyone_may_enter(tmp_path)
    done = host.portproof("doctor", cwd=tmp_path, user=NOBODY)
    assert done.returncode == 3
    assert "part probe" in done.stdout
    assert "sudo" in done.stdout
