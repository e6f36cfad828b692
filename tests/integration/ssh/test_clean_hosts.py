"""Clean hosts pass the whole shipped library: nothing that portproof has on them is a finding."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import eventually
from support.fleet.plans import PASSWORD, Plan
from support.machine import PORTPROOF

pytestmark = pytest.mark.needs("namespaces", "sshd", "sudo", "ansible-inventory")

PLANS = {name: Plan() for name in ("root", "sudo", "password", "attacked")}
PLANS |= {"osqueryi": Plan(tools="osqueryi")}
CLEAN = ("root", "sudo", "password", "osqueryi")
BECOME: dict[str, dict[str, Any]] = {
    "sudo": {"ansible_user": "operator", "ansible_become": True},
    "password": {
        "ansible_user": "auditor",
        "ansible_become": True,
        "ansible_become_password": PASSWORD,
    },
}
OWN = """\
check: look-processes
title: Which processes have the command line of a look?
sql: SELECT pid, name FROM processes WHERE cmdline LIKE '%ISBWignore%'
"""
ONLY_SSH = """\
policy: only-ssh
title: Nothing but the SSH server listens
rules: [{id: ssh, only: 22/tcp}]
"""
NO_LOOK = """\
policy: no-look
title: Nothing of a look is seen
rules: [{id: processes, check: look-processes, expect: no rows}]
"""
POLICIES = ("-p", "host-hygiene", "-p", "policies/only-ssh.yml")
EVERYTHING = (*POLICIES, "-p", "policies/no-look.yml")
COPY = """
import socket, sys, time
with open("/proc/self/comm", "w") as comm:
    comm.write("python3")
held = socket.socket()
held.bind((sys.argv[3], 0))
held.listen(1)
print(held.getsockname()[1], flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts on which nothing listens but their SSH server."""
    return start_fleet(PLANS)


@pytest.fixture
def place(hosts: Fleet, tmp_path: Path) -> Path:
    """A compliance repository with an inventory of the hosts, and known hosts."""
    (tmp_path / "known_hosts").write_text(hosts.known_hosts(), encoding="ascii")
    for folder in ("checks", "policies"):
        (tmp_path / folder).mkdir()
    (tmp_path / "checks" / "look-processes.yml").write_text(OWN, encoding="utf-8")
    (tmp_path / "policies" / "only-ssh.yml").write_text(ONLY_SSH, encoding="utf-8")
    (tmp_path / "policies" / "no-look.yml").write_text(NO_LOOK, encoding="utf-8")
    return tmp_path


def audit(
    place: Path, hosts: Fleet, names: dict[str, str], *args: str, out: str = "out"
) -> dict[str, dict[str, str]]:
    """Audit hosts, each under a name, and return what does not pass."""
    common = f"-o UserKnownHostsFile={place / 'known_hosts'} -o IdentitiesOnly=yes -F none"
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(hosts.key()),
        "ansible_ssh_common_args": common,
    }
    listed = {
        name: {"ansible_host": hosts[host].address} | BECOME.get(host, {})
        for name, host in names.items()
    }
    inventory = place / f"{out}.yml"
    inventory.write_text(
        yaml.safe_dump({"all": {"vars": variables, "hosts": listed}}), encoding="utf-8"
    )
    command = [*PORTPROOF, "audit", "-i", str(inventory), "-o", out, *args]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=place, timeout=120
    )
    assert (place / out / "audit.json").exists(), done.stderr
    return failed(json.loads((place / out / "audit.json").read_text(encoding="utf-8")))


def failed(result: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return by host the rules that do not pass."""
    keys = [rule["key"] for rule in result["rules"]]
    return {
        host["name"]: {
            key: result["letters"][letter]
            for key, letter in zip(keys, host["verdicts"], strict=True)
            if result["letters"][letter] not in ("pass", "not-applicable")
        }
        for host in result["hosts"]
    }


def test_clean_hosts_pass_every_shipped_rule(hosts: Fleet, place: Path) -> None:
    """As root, by sudo with a password or without, by the probe and by osqueryi."""
    found = audit(place, hosts, {name: name for name in CLEAN})
    assert found == {name: {} for name in CLEAN}


def test_nothing_of_a_look_is_seen_by_rules_and_checks(hosts: Fleet, place: Path) -> None:
    """Neither its canaries, nor the agent, the shell and the sudo that run it."""
    found = audit(place, hosts, {name: name for name in CLEAN}, *EVERYTHING)
    assert found == {name: {} for name in CLEAN}


def test_one_host_under_three_names_passes(hosts: Fleet, place: Path) -> None:
    """Looks at one machine do not see the canaries of each other."""
    names = {"one": "root", "two": "root", "three": "root"}
    for out in ("first", "second", "third"):
        found = audit(place, hosts, names, *EVERYTHING, out=out)
        assert found == {name: {} for name in names}


def test_three_audits_at_once_pass(hosts: Fleet, place: Path) -> None:
    """Whoever runs them."""
    found: dict[str, Any] = {}

    def work(out: str) -> None:
        found[out] = audit(place, hosts, {out: "sudo"}, *POLICIES, out=out)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: {name: {}} for name in ("a", "b", "c")}


def test_a_process_that_copies_the_agent_is_a_finding(hosts: Fleet, place: Path) -> None:
    """Root's Python with the agent's name and command line, at the SSH server's address."""
    host = hosts["attacked"]
    words = ["portproof-0123456789abcdef-ready", "python", host.address]
    copy = host.start("/usr/bin/python3", "-ISBWignore", "-c", COPY, *words)
    try:
        assert eventually(lambda: "ISBWignore" in " ".join(host.processes()))
        shipped = audit(place, hosts, {"attacked": "attacked"}, out="shipped")
        every = audit(place, hosts, {"attacked": "attacked"}, *EVERYTHING)
    finally:
        copy.kill()
        copy.wait()
    assert shipped == {"attacked": {"host-hygiene/no-script-listens-as-root": "fail"}}
    keys = ("host-hygiene/no-script-listens-as-root", "only-ssh/ssh", "no-look/processes")
    assert every == {"attacked": dict.fromkeys(keys, "fail")}
