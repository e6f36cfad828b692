"""The log of a real audit over SSH tells every step of every host, and no secret."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.fleet.fleet import Fleet, StartFleet
from support.fleet.plans import PASSWORD, Opened, Plan
from support.machine import PORTPROOF

pytestmark = pytest.mark.needs("namespaces", "sshd", "sudo", "ansible-inventory")

VAULT_PASSWORD = "open-the-vault"  # noqa: S105 - of this test alone
PLANS = {
    "web1": Plan(opened=(Opened("tcp", "0.0.0.0", 609, name="old"),)),
    "db1": Plan(),
    "shell1": Plan(tools="osqueryi-alone"),
    "gone1": Plan(fault="refuse"),
    "cut1": Plan(fault="half"),
}
POLICY = "policy: fleet\ntitle: The fleet\nrules: [{id: netinfo, closed: 609}]\n"


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts of which one has a finding, one needs a password, and two do not answer."""
    return start_fleet(PLANS)


@pytest.fixture
def place(hosts: Fleet, tmp_path: Path) -> Path:
    """A policy and an inventory whose passwords are in Ansible's vault."""
    (tmp_path / "policy.yml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "known_hosts").write_text(hosts.known_hosts(), encoding="ascii")
    (tmp_path / "vault").write_text(VAULT_PASSWORD, encoding="ascii")
    common = f"-o UserKnownHostsFile={tmp_path / 'known_hosts'} -o IdentitiesOnly=yes -F none"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(hosts.key()),
        "ansible_ssh_common_args": common,
    }
    listed = {
        name: {"ansible_host": hosts[name].address, "ansible_port": hosts[name].plan.port}
        for name in PLANS
    }
    text = yaml.safe_dump({"all": {"vars": variables, "hosts": listed}})
    (tmp_path / "fleet.yml").write_text(text, encoding="utf-8")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "db1.yml").write_text(
        f"ansible_user: auditor\nansible_become: true\nansible_password: {encrypted(tmp_path)}\n"
        f"ansible_become_password: {encrypted(tmp_path)}\n",
        encoding="utf-8",
    )
    return tmp_path


def encrypted(place: Path) -> str:
    """Return the users' password as Ansible's vault writes it into a file of variables."""
    program = str(Path(sys.executable).with_name("ansible-vault"))
    command = [program, "encrypt_string", "--vault-password-file", str(place / "vault")]
    done = subprocess.run([*command, PASSWORD], check=True, capture_output=True, text=True)
    return done.stdout.replace("\n          ", "\n    ").rstrip()


def audited(place: Path, *options: str) -> str:
    """Return what an audit with a log writes to standard error."""
    command = [*PORTPROOF, "audit", "-p", "policy.yml", "-i", "fleet.yml", "-T", "6", "-q"]
    done = subprocess.run(
        [*command, "--vault-password-file", "vault", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=place,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


def events(log: str, host: str) -> list[str]:
    """Return what the log says of a host, with figures left out."""
    found = re.findall(rf"^\S+Z \w+ portproof\.\S+\[\d+\]: {host}: (.*)$", log, re.MULTILINE)
    return [re.sub(r"[\d.]+", "N", each) for each in found]


def test_v_tells_the_steps_of_every_host(hosts: Fleet, place: Path) -> None:
    """Where it connects to and as whom, how long each step took, and what came of it."""
    log = audited(place, "-v")
    assert "inventory fleet.yml: 5 hosts, read in" in log
    assert f"web1: connecting to {hosts['web1'].address} port 22 as root" in log
    assert events(log, "web1") == [
        "connecting to N port N as root",
        "logged in after N s",
        "first round over after N s",
        "second round, listeners: N",
        "second round over, processes: N",
        "judged: N fail (probe, N s)",
    ]
    assert events(log, "db1")[-1] == "judged: N pass (probe, N s)"
    assert events(log, "shell1")[-1].endswith(" (osqueryi, N s)")
    assert events(log, "gone1")[-1].startswith("judged: N unproven (unreachable: ")
    assert events(log, "cut1")[-1].startswith("judged: N unproven (")
    assert " DEBUG " not in log


def test_vv_tells_the_protocols_and_no_secret(hosts: Fleet, place: Path) -> None:
    """Not the password, the vault's, a key, nor the words an answer is known by."""
    log = audited(place, "-vv")
    assert "ansible-inventory --list" in log
    assert "question listening-sockets on linux: SELECT" in log
    assert "[conn=0]" in log
    assert events(log, "db1")[2:5] == [
        "sudo asks for the password, which is sent",
        "is ready: python linux N N N N",
        "a program of N bytes is sent",
    ]
    assert re.search(r"db1: an answer of \d+ bytes in one frame", log)
    assert re.search(r"shell1: osqueryi ended with exit code 0: \d+ bytes, \d+ on stderr", log)
    key = hosts.key().read_text(encoding="ascii").splitlines()
    words = PASSWORD.split()
    for secret in (PASSWORD, VAULT_PASSWORD, "$ANSIBLE_VAULT", *words, *key):
        assert secret not in log
    assert not re.search(r"portproof-[0-9a-f]{8}", log)
    assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in log.splitlines())
