"""Hosts that come out at one machine are named, since one of them may be a mistake."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from portproof.inventory.shared_addresses import sharing
from portproof.inventory.targets import targets_of
from portproof.model.hosts import Host
from support.calling import portproof
from support.folders import save
from support.for_each import for_each

AT = "ansible_host"
ARGS = "ansible_ssh_common_args"


def told(**hosts: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said of hosts by name, with their variables."""
    named = [Host(name, variables=variables) for name, variables in hosts.items()]
    return sharing(targets_of(named, accept_new_host_keys=True))


def test_two_names_of_one_address() -> None:
    """Both names, the address and the port."""
    (said,) = told(web1={AT: "10.0.0.5"}, web2={AT: "10.0.0.5"}, web3={AT: "10.0.0.6"})
    assert said == (
        "web1 and web2 are reached at the same address, 10.0.0.5 port 22: both may be one machine"
    )


@for_each(
    ("one", "other"),
    [
        ({AT: "10.0.0.5"}, {AT: "10.0.0.5", "ansible_port": 22}),
        ({AT: "db.example.com"}, {AT: "DB.example.com."}),
        ({AT: "2001:db8::1"}, {AT: "[2001:DB8:0::1]"}),
        ({AT: "web1"}, {}),
        ({AT: "10.0.0.5", "ansible_user": "root"}, {AT: "10.0.0.5", "ansible_user": "me"}),
        ({AT: "10.0.0.5", ARGS: "-J edge"}, {AT: "10.0.0.5", ARGS: "-o ProxyJump=edge"}),
        ({AT: "10.0.0.5", ARGS: "-o ProxyJump=none"}, {AT: "10.0.0.5"}),
        ({AT: "10.0.0.5", ARGS: "-o StrictHostKeyChecking=no"}, {AT: "10.0.0.5"}),
    ],
)
def test_one_machine_written_otherwise(one: dict[str, Any], other: dict[str, Any]) -> None:
    """However its address is written, whoever logs in."""
    (said,) = told(web0=one, web1=other)
    assert said.startswith("web0 and web1 are reached at the same address, ")


@for_each(
    ("one", "other"),
    [
        ({}, {}),
        ({AT: "10.0.0.5"}, {AT: "10.0.0.5", "ansible_port": 2222}),
        ({AT: "10.0.0.5", ARGS: "-J edge1"}, {AT: "10.0.0.5", ARGS: "-J edge2"}),
        ({AT: "10.0.0.5", ARGS: "-J edge1"}, {AT: "10.0.0.5"}),
        ({AT: "{{ x }}"}, {AT: "{{ x }}"}),
    ],
)
def test_machines_of_their_own(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Nothing is said of other ports and jump hosts, or of ways that are not known."""
    assert told(web0=one, web1=other) == ()


def test_many_names_and_addresses_are_counted() -> None:
    """Ten addresses and five names at most; what is left out is counted."""
    hosts = {f"h{number}": {AT: f"10.0.0.{number % 12}"} for number in range(84)}
    said = told(**hosts)
    assert len(said) == 11
    assert said[0] == (
        "h0, h12, h24, h36, h48 and 2 more are reached at the same address, 10.0.0.0 port 22: all"
        " of them may be one machine"
    )
    assert said[10] == "and 2 more addresses at which several hosts are reached, 14 hosts in all"


def test_an_audit_says_it_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the summary, in audit.json and in the report, and again when it is evaluated."""
    monkeypatch.chdir(tmp_path)
    rules = [{"id": "quiet", "closed": "9/tcp"}]
    save(tmp_path / "own.yml", {"policy": "own", "title": "Own", "rules": rules})
    done = portproof("audit", "-i", "localhost,127.0.0.1", "-p", "own.yml", "-o", "out")
    said = "localhost and 127.0.0.1 are reached as this machine: both may be one machine"
    assert said in done.out
    assert said in json.loads(Path("out/audit.json").read_text(encoding="utf-8"))["warnings"]
    assert said in Path("out/report.html").read_text(encoding="utf-8")
    again = portproof("evaluate", "out", "-p", "own.yml", "-o", "again")
    assert said in again.out
    assert portproof("verify", "out").code == 0


def test_a_limit_that_leaves_one_of_them_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only hosts that are audited are compared."""
    monkeypatch.chdir(tmp_path)
    rules = [{"id": "quiet", "closed": "9/tcp"}]
    save(tmp_path / "own.yml", {"policy": "own", "title": "Own", "rules": rules})
    words = ["-i", "localhost,127.0.0.1", "-l", "localhost", "-p", "own.yml", "-o", "out"]
    assert "one machine" not in portproof("audit", *words).out
