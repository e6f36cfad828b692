"""``portproof audit`` against an Ansible inventory of real hosts, as CI would run it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import eventually
from support.fleet.plans import PASSWORD, Opened, Plan
from support.machine import PORTPROOF

pytestmark = pytest.mark.needs("namespaces", "sshd", "sudo", "iptables", "ansible-inventory")

PLANS = {
    "web1": Plan(opened=(Opened("tcp", "0.0.0.0", 443, name="nginx", user="web"),)),
    "web2": Plan(opened=(Opened("tcp", "0.0.0.0", 609, name="old"),)),
    "db1": Plan(),
    "hidden1": Plan(),
    "filtered1": Plan(opened=(Opened("tcp", "0.0.0.0", 610, name="npmp"),)),
    "gone1": Plan(fault="refuse"),
    "hangs1": Plan(fault="hang"),
}
POLICY = """\
policy: fleet
title: The fleet
rules:
  - {id: netinfo, closed: [609, 610], severity: high}
  - {id: web, hosts: web, open: 443/tcp, by: {process: nginx, user: web}}
"""


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts that are all right, hosts with findings, one that is gone and one that hangs."""
    made = start_fleet(PLANS)
    redirect = ["-p", "tcp", "--dport", "609", "-j", "REDIRECT", "--to-ports", "22"]
    made["hidden1"].run("iptables", "-t", "nat", "-A", "PREROUTING", *redirect)
    drop = ["-p", "tcp", "--dport", "610", "-j", "DROP"]
    made["filtered1"].run("iptables", "-A", "INPUT", *drop)
    return made


@pytest.fixture
def place(hosts: Fleet, tmp_path: Path) -> Path:
    """A compliance repository: a policy, an inventory, and known hosts."""
    (tmp_path / "policy.yml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "known_hosts").write_text(hosts.known_hosts(), encoding="ascii")
    common = f"-o UserKnownHostsFile={tmp_path / 'known_hosts'} -o IdentitiesOnly=yes -F none"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(hosts.key()),
        "ansible_ssh_common_args": common,
    }
    groups: dict[str, Any] = {}
    for name in PLANS:
        own = {"ansible_host": hosts[name].address, "ansible_port": hosts[name].plan.port}
        groups.setdefault(name.rstrip("12"), {"hosts": {}})["hosts"][name] = own
    groups["db"]["hosts"]["db1"] |= {
        "ansible_user": "auditor",
        "ansible_become": True,
        "ansible_become_password": PASSWORD,
    }
    inventory = {"all": {"vars": variables, "children": groups}}
    (tmp_path / "fleet.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    return tmp_path


def audit(place: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run an audit of the fleet."""
    command = [*PORTPROOF, "audit", "-p", "policy.yml", "-i", "fleet.yml", "-o", "out", "-T", "6"]
    return subprocess.run(
        [*command, *args], check=False, capture_output=True, text=True, cwd=place, timeout=120
    )


def verdicts(place: Path) -> dict[str, str]:
    """Every host's verdicts, a letter a rule."""
    result = json.loads((place / "out" / "audit.json").read_text(encoding="utf-8"))
    return {host["name"]: host["verdicts"] for host in result["hosts"]}


def asked_about(place: Path) -> dict[str, list[str]]:
    """The processes a second round was made about, by host."""
    lines = (place / "out" / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
    told = {each["host"]: each["look"].get("why") for each in map(json.loads, lines)}
    return {
        host: [why["process"]["name"] for why in whys.values()]
        for host, whys in told.items()
        if whys is not None
    }


def test_every_host_of_the_inventory_is_accounted_for(place: Path) -> None:
    """Proven, failing and unproven hosts, each by name; no password is anywhere."""
    done = audit(place)
    assert done.returncode == 1, done.stderr
    told = verdicts(place)
    assert told == {
        "web1": "pp",
        "web2": "ff",
        "db1": "pn",
        "hidden1": "pn",
        "filtered1": "fn",
        "gone1": "un",
        "hangs1": "un",
    }
    assert "web2: old listens on tcp 0.0.0.0:609" in done.stdout
    assert "    suspicious: " in done.stdout
    assert asked_about(place) == {"web2": ["old"], "filtered1": ["npmp"]}
    assert "gone1: unreachable" in done.stdout
    assert "hangs1: timeout" in done.stdout
    for file in (place / "out").iterdir():
        assert PASSWORD not in file.read_text(encoding="utf-8")
    assert PASSWORD not in done.stdout + done.stderr


def test_a_limit_leaves_the_others_out(place: Path) -> None:
    """Only the hosts the pattern selects are audited; groups keep their meaning."""
    done = audit(place, "--limit", "web:&all:!web2")
    assert done.returncode == 0, done.stdout
    assert verdicts(place) == {"web1": "pp"}


def test_two_eyes_see_what_one_does_not(place: Path) -> None:
    """A redirected port answers without a listener: fail. A dropped one is noted as filtered."""
    done = audit(place, "--limit", "hidden1,filtered1,db1", "--outside")
    assert done.returncode == 1
    assert verdicts(place) == {"db1": "pn", "hidden1": "fn", "filtered1": "fn"}
    assert "answers on tcp port 609, and no such listener was seen on the host" in done.stdout
    assert "something on the way filters it" in (place / "out" / "audit.json").read_text("utf-8")


def test_ctrl_c_once_finishes_what_is_under_way_and_can_be_resumed(place: Path) -> None:
    """One host at a time: what was not begun is unproven (interrupted), and resumed later."""
    command = [*PORTPROOF, "audit", "-p", "policy.yml", "-i", "fleet.yml", "-o", "out", "-T", "3"]
    limit = ["--limit", "web1,db1,hidden1", "--forks", "1"]
    running = subprocess.Popen([*command, *limit], cwd=place, stderr=subprocess.PIPE, text=True)
    wait_for_evidence(place / "out" / "evidence.jsonl")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert "finishing the hosts in progress" in said
    before = verdicts(place)
    assert running.returncode == (3 if "u" in "".join(before.values()) else 0)
    resume = [*PORTPROOF, "audit", "--resume", "out"]
    done = subprocess.run(resume, check=False, capture_output=True, text=True, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(place) == {"web1": "pp", "db1": "pn", "hidden1": "pn"}


@pytest.mark.parametrize("names", [1, 1000])
def test_ctrl_c_twice_ends_what_runs_on_hosts(hosts: Fleet, place: Path, names: int) -> None:
    """At once, with one process and with several, of which this one alone hears the signal."""
    hosts["hangs1"].run("sh", "-c", "pkill -x sleep || true")  # of other tests
    many_names_for(place, "hangs1", names)
    command = [*PORTPROOF, "audit", "-p", "policy.yml", "-i", "fleet.yml", "-o", "out", "-T", "600"]
    limit = ["--limit", "many", "--forks", "3"]
    running = subprocess.Popen(
        [*command, *limit], cwd=place, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert eventually(lambda: "sleep 3600" in str(hosts["hangs1"].processes()), 20)
    os.killpg(running.pid, signal.SIGINT)
    assert running.stderr is not None
    assert "finishing the hosts in progress" in running.stderr.readline()
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 3
    assert "resume the audit with --resume" in said
    assert not (place / "out" / "manifest.json").exists()
    assert eventually(lambda: "sshd: root" not in str(hosts["hangs1"].processes()), 10)


def many_names_for(place: Path, host: str, count: int) -> None:
    """Put more names for a host into the inventory, in a group of their own."""
    inventory = yaml.safe_load((place / "fleet.yml").read_text(encoding="utf-8"))
    groups = inventory["all"]["children"]
    (own,) = (group["hosts"][host] for group in groups.values() if host in group["hosts"])
    groups["many"] = {"hosts": {f"name-{number}": own for number in range(count)}}
    (place / "fleet.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")


def test_a_source_that_hosts_cannot_have_is_refused_before_the_run(place: Path) -> None:
    """It is not the hosts' fault; nothing is written."""
    done = audit(place, "--via", "osqueryd")
    assert done.returncode == 2
    assert "hosts reached over SSH have no source osqueryd" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place / "out").exists()


def wait_for_evidence(journal: Path) -> None:
    """Wait until the first host has answered."""
    for _ in range(600):
        if journal.exists() and journal.stat().st_size:
            return
        time.sleep(0.02)
    raise AssertionError("no host answered")
