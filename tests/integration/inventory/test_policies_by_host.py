"""``portproof_policies``: an inventory names the policies of its hosts."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from portproof.judge.plan import pattern_warnings, plans
from portproof.model.hosts import Host, Inventory
from portproof.policy.policy import BoundRule, Policy
from support.machine import PORTPROOF

MINE = "policy: mine\ntitle: Mine\nrules: [{id: old, closed: 17}, {id: older, closed: 19}]\n"
INVENTORY = """\
all:
  vars: {ansible_connection: local, ansible_host: localhost}
  children:
    web:
      hosts: {web1: , web2: }
      vars: {portproof_policies: [./mine.yml, retired-ports]}
    db:
      hosts: {db1: }
      vars: {portproof_policies: baseline-database-server}
    other:
      hosts: {odd1: }
"""


def audit(folder: Path, inventory: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Audit an inventory in a folder that has a policy of its own."""
    (folder / "mine.yml").write_text(MINE, encoding="utf-8")
    (folder / "hosts.yml").write_text(inventory, encoding="utf-8")
    command = [*PORTPROOF, "audit", "-i", "hosts.yml", "-o", "out", *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def judged(folder: Path) -> dict[str, dict[str, int]]:
    """By host, how many rules of each policy were for it; everything else is not-applicable."""
    result: dict[str, Any] = json.loads((folder / "out" / "audit.json").read_text(encoding="utf-8"))
    policies = [rule["key"].partition("/")[0] for rule in result["rules"]]
    by_host = {}
    for host in result["hosts"]:
        pairs = zip(policies, host["verdicts"], strict=True)
        by_host[host["name"]] = dict(Counter(policy for policy, letter in pairs if letter != "n"))
    counts = result["totals"]["verdicts"]
    assert sum(counts.values()) == len(result["hosts"]) * len(result["rules"])
    return by_host


@pytest.mark.needs("ansible-inventory")
def test_each_host_is_judged_by_its_own_list(tmp_path: Path) -> None:
    """Names and paths; hosts without the variable by the shipped policies; the roster adds up."""
    done = audit(tmp_path, INVENTORY)
    assert done.returncode in {0, 1, 3}, done.stderr
    found = judged(tmp_path)
    shipped = found["odd1"]["retired-ports"]
    assert found["web1"] == found["web2"] == {"mine": 2, "retired-ports": shipped}
    assert found["db1"] == {"baseline-database-server": 2}
    assert "mine" not in found["odd1"]
    assert not any(name.startswith("baseline") for name in found["odd1"])


@pytest.mark.needs("ansible-inventory")
def test_a_file_of_waivers_cannot_be_for_some_hosts(tmp_path: Path) -> None:
    """Chosen with the policies of one host, it would waive what fails on the others."""
    waiver = "{rule: mine/old, owner: a@example.com, reason: r, until: 2099-01-01}"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "waivers.yml").write_text(f"waivers: [{waiver}]\n", encoding="utf-8")
    (tmp_path / "own" / "mine.yml").write_text(MINE, encoding="utf-8")
    inventory = "all: {hosts: {h1: {portproof_policies: own}, h2: {}}}\n"
    done = audit(tmp_path, inventory)
    assert done.returncode == 2
    assert "own/waivers.yml: has waivers for every host" in done.stderr


@pytest.mark.needs("ansible-inventory")
def test_the_summary_says_which_policies_are_for_how_many_hosts(tmp_path: Path) -> None:
    """In every output, and audit.json names the hosts."""
    said = audit(tmp_path, INVENTORY).stdout
    note = "baseline-database-server for 1 host, "
    assert f"policies chosen by the inventory's portproof_policies: {note}" in said
    assert "mine for 2 hosts" in said
    assert "; the shipped policies for 1 host without it" in said
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert note in page
    result = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert result["chosen_for"]["mine"] == ["web1", "web2"]
    assert result["chosen_for"]["retired-ports"] == ["odd1", "web1", "web2"]


@pytest.mark.needs("ansible-inventory")
def test_policies_given_win_and_that_is_said(tmp_path: Path) -> None:
    """With -p every host is judged by the same."""
    said = audit(tmp_path, INVENTORY, "-p", "./mine.yml").stdout
    assert judged(tmp_path) == {name: {"mine": 2} for name in ("web1", "web2", "db1", "odd1")}
    assert "portproof_policies of 3 hosts is not used, because policies were given" in said


@pytest.mark.needs("ansible-inventory")
def test_only_the_hosts_to_audit_count(tmp_path: Path) -> None:
    """A limit leaves out the policies of the hosts it leaves out."""
    audit(tmp_path, INVENTORY, "-l", "db")
    assert judged(tmp_path) == {"db1": {"baseline-database-server": 2}}


@pytest.mark.needs("ansible-inventory")
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            "retired-port",
            "there is no shipped policy, file or folder named 'retired-port'; did you mean",
        ),
        (
            "[retired-ports, ./gone.yml]",
            "gone.yml cannot be read: No such file or directory; paths are relative to",
        ),
        ('"{{ inventory_dir }}/mine.yml"', "is a template, which portproof does not render"),
        (f"./{'x' * 300}.yml", "cannot be read: File name too long"),
        ("[]", "is empty; name at least one policy, or leave the variable out"),
        ("", "must be the name or path of a policy, or a list of them"),
        ("17", "must be the name or path of a policy, or a list of them"),
        ("[mine: 1]", "must be the name or path of a policy, or a list of them"),
        ("[' ']", "is empty; name at least one policy, or leave the variable out"),
    ],
)
def test_what_names_no_policy_is_an_error(value: str, said: str, tmp_path: Path) -> None:
    """It names host and group, and nothing is judged: never by fewer rules than meant."""
    inventory = f"web:\n  hosts: {{web1: , web2: }}\n  vars: {{portproof_policies: {value}}}\n"
    done = audit(tmp_path, inventory)
    assert done.returncode == 2
    assert "hosts.yml: portproof_policies of web1 and 1 more host: " in done.stderr
    assert said in done.stderr
    assert "(set in host_vars of web1, or group_vars of web)" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.needs("ansible-inventory")
def test_an_encrypted_value_is_an_error(tmp_path: Path) -> None:
    """Without its password nobody knows by what the host is to be judged."""
    vaulted = "!vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          6162\n"
    inventory = f"web:\n  hosts:\n    web1:\n      portproof_policies: {vaulted}"
    done = audit(tmp_path, inventory)
    assert done.returncode == 2
    assert "portproof_policies of web1: is encrypted" in done.stderr


@pytest.mark.needs("ansible-inventory")
def test_a_folder_names_every_policy_in_it(tmp_path: Path) -> None:
    """As on the command line."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "own.yml").write_text(MINE.replace("mine", "own"), encoding="utf-8")
    audit(tmp_path, INVENTORY.replace("[./mine.yml, retired-ports]", "./folder"))
    assert judged(tmp_path)["web1"] == {"own": 2}


def test_a_host_that_no_rule_is_for_is_told() -> None:
    """It counts as proven, and the reader must know that this says nothing."""
    policy = Policy.model_validate(
        {"policy": "a", "title": "A", "hosts": "web", "rules": [{"id": "r", "closed": 17}]}
    )
    bound = BoundRule(policy, policy.rules[0], chosen_for=frozenset({"web1", "db1"}))
    hosts = (Host("web1", ("web",)), Host("web2", ("web",)), Host("db1"))
    inventory = Inventory(hosts, "test")
    assert pattern_warnings([bound], inventory) == ("no rule is for web2, db1",)
    applies = [name for name, plan in plans([bound], inventory).items() if plan.watches("tcp", 17)]
    assert applies == ["web1"]
