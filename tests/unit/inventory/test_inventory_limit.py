"""``--limit``: who is audited, while patterns still know every host."""

from pathlib import Path

import pytest

from portproof.errors import UsageError
from portproof.inventory.build import assembled
from portproof.inventory.limit import limited
from portproof.inventory.read import read_inventory
from portproof.model.hosts import Host, Inventory
from support.inventory.own_folder import Folder, settle

FLEET = assembled(
    [
        Host("web1", ("prod", "web")),
        Host("web2", ("web",)),
        Host("db1", ("db", "prod")),
        Host("2001:db8::1"),
    ],
    "hosts.yml",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder of the test's own."""
    return settle(tmp_path, monkeypatch)


def names(inventory: Inventory) -> list[str]:
    """The names of the hosts to audit."""
    return [host.name for host in inventory.hosts]


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        ("web:&prod", ["web1"]),
        ("all:!web2", ["web1", "db1", "2001:db8::1"]),
        ("!web", ["db1", "2001:db8::1"]),
        ("db1,web1", ["web1", "db1"]),
        ("web[1]", ["web2"]),
        ("~w.*[12]", ["web1", "web2"]),
        ("*1", ["web1", "db1", "2001:db8::1"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("ungrouped", ["2001:db8::1"]),
    ],
)
def test_a_limit_is_a_host_pattern(limit: str, chosen: list[str]) -> None:
    """It means what a rule's ``hosts:`` means, and keeps the inventory's order."""
    assert names(limited(FLEET, limit)) == chosen


def test_hosts_left_out_stay_known() -> None:
    """Groups, names and the digest are those of the whole inventory; the source tells the limit."""
    inventory = limited(FLEET, "web2")
    assert inventory.groups() == FLEET.groups()
    assert inventory.names() == FLEET.names() == ("web1", "web2", "db1", "2001:db8::1")
    assert inventory.digest == FLEET.digest
    assert inventory.source == "hosts.yml, limited to web2"


def test_a_file_holds_one_pattern_a_line(folder: Folder) -> None:
    """Lines of ``@file`` are not split at colons, so that an IPv6 address is a line."""
    file = folder.write("retry", "2001:db8::1\n\n  web*  \n!web2\n")
    assert names(limited(FLEET, f"@{file}")) == ["web1", "2001:db8::1"]
    assert names(limited(FLEET, f"db1:@{file}")) == ["web1", "db1", "2001:db8::1"]


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("", "an empty host pattern"),
        (",", "an empty host pattern"),
        ("nobody", "the inventory has no host or group named nobody"),
        ("web1:staging", "the inventory has no host or group named staging"),
        ("web1:!staging", "the inventory has no host or group named !staging"),
        ("web2:&db", "selects no host"),
        ("~(", "not a regular expression"),
        ("@nowhere", "--limit @nowhere: cannot be read"),
        ("@empty", "--limit @empty: names no host"),
        ("@huge", "--limit @huge: is larger than 16 MiB"),
    ],
)
def test_a_limit_that_means_nothing_is_an_error(folder: Folder, limit: str, told: str) -> None:
    """Ansible only warns of a name it does not know; a typing mistake must not shrink an audit."""
    folder.write("empty", "\n  \n")
    folder.write("huge", b"web1\n" * 4_000_000)
    with pytest.raises(UsageError) as caught:
        limited(FLEET, limit)
    assert told in str(caught.value)


def test_a_plain_list_can_be_limited() -> None:
    """The limit needs no Ansible."""
    inventory = read_inventory(["web1,web2,db1,"], limit="web*")
    assert names(inventory) == ["web1", "web2"]
    assert inventory.groups()["all"] == ("web1", "web2", "db1")


def test_without_an_inventory_the_error_says_so() -> None:
    """Whoever forgot -i reads that, and whoever gave it does not."""
    with pytest.raises(UsageError, match="web; without -i, the inventory is this machine"):
        read_inventory([], limit="web")
    with pytest.raises(UsageError) as told:
        read_inventory(["db1,"], limit="web")
    assert "-i" not in str(told.value)
