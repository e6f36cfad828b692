"""``portproof hosts`` shows how hosts would be reached and what is for them."""

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from support.calling import portproof
from support.folders import save

INVENTORY = """
[all:vars]
ansible_ssh_args="-F ssh_config"
[web]
web1 ansible_host=10.0.0.1 ansible_user=audit ansible_become=yes ansible_password=hunter2
web2 ansible_host="{{ x }}"
[db]
db1 ansible_port=2222 ansible_ssh_common_args="-J me@edge,[2001:db8::1]:2200"
db2 ansible_ssh_common_args="-o ProxyCommand='env SSHPASS=hunter2 nc %h %p'"
here ansible_connection=local
loop ansible_ssh_common_args="-J loop1"
"""
CONFIG = """
Host web1 10.0.0.1
  HostName web1.internal
  Port 2022
Host edge
  HostName edge.example.com
  User jumper
Host loop1
  ProxyJump loop2
Host loop2
  ProxyJump loop1
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an inventory, a policy for web servers, one for all hosts, and a home."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssh_config").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "inventory").write_text(
        INVENTORY.replace("here ", f"{platform.node()} "), encoding="utf-8"
    )
    save(tmp_path / "p" / "web.yml", policy("web", "web", 80, 443))
    save(tmp_path / "p" / "every.yml", policy("every", "all", 609))
    return tmp_path


def policy(name: str, hosts: str, *closed: int) -> dict[str, Any]:
    """A policy with a rule for each port."""
    rules = [{"id": f"port-{port}", "closed": port} for port in closed]
    return {"policy": name, "title": "Closed", "hosts": hosts, "rules": rules}


def told(*words: str) -> dict[str, dict[str, Any]]:
    """What is said of each host in JSON, by its name."""
    done = portproof("hosts", "-i", "inventory", "-p", "p", "--format", "json", *words)
    assert done.code == 0, done.err
    assert "hunter2" not in done.out + done.err
    return {each.pop("host"): each for each in json.loads(done.out)}


def test_addresses_ports_users_and_jump_hosts_are_those_that_are_used() -> None:
    """The inventory counts first, then ssh_config(5), also for the hosts on the way."""
    hosts = told()
    assert hosts["web1"] == {
        "kind": "ssh",
        "address": "web1.internal",
        "port": 2022,
        "user": "audit",
        "jump": [],
        "become": {"method": "sudo", "user": "root"},
        "by": "ssh_config",
        "policies": ["every", "web"],
        "rules": 3,
        "groups": ["web"],
    }
    assert (hosts["db1"]["address"], hosts["db1"]["port"]) == ("db1", 2222)
    first, second = hosts["db1"]["jump"]
    assert first == "me@edge.example.com:22"
    assert second.endswith("@[2001:db8::1]:2200")
    assert (hosts["db1"]["policies"], hosts["db1"]["rules"]) == (["every"], 1)
    assert hosts["db2"]["jump"] == ["ProxyCommand"]
    here = hosts[platform.node()]
    assert [here[key] for key in ("kind", "port", "user", "jump")] == ["local", None, None, []]


def test_a_host_that_cannot_be_reached_is_shown_with_its_reason() -> None:
    """Whether the inventory or the SSH configuration is why; its rules are shown all the same."""
    hosts = told()
    assert hosts["web2"]["unproven"] == "unsupported-connection"
    assert "ansible_host of web2 is a template" in hosts["web2"]["detail"]
    assert hosts["web2"]["rules"] == 3
    assert "kind" not in hosts["web2"]
    assert "round in circles" in hosts["loop"]["detail"]


def test_in_text_each_host_has_a_line() -> None:
    """With the total at the end; a limit counts, and control characters do not reach a terminal."""
    done = portproof("hosts", "-i", "inventory", "-l", "web", "-p", "p")
    first, second, total = done.out.splitlines()
    way = "ssh audit@web1.internal port 2022, sudo to root, by ssh_config"
    assert first == f"web1: {way}; 3 rules of every, web"
    assert second.startswith("web2: unproven (unsupported-connection): ansible_host of web2 is a ")
    assert total == "2 hosts: 1 over SSH, 1 cannot be reached"


def test_without_an_inventory_it_is_this_machine() -> None:
    """Judged by the shipped policies, as an audit would be."""
    done = portproof("hosts")
    assert done.out.startswith(f"{platform.node()}: this machine; ")
    assert done.out.endswith("1 host: 1 this machine\n")


def test_wrong_policies_and_inventories_are_errors() -> None:
    """As for an audit, with exit code 2."""
    assert portproof("hosts", "-p", "nothing").code == 2
    assert portproof("hosts", "-i", "nowhere").code == 2
    assert portproof("hosts", "-i", "inventory", "--limit", "nobody").code == 2
