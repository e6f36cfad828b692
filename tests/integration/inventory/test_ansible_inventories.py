"""Inventories of every kind, read by the real ``ansible-inventory``."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from portproof.inventory.ansible import find_program
from portproof.inventory.connection import connection
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import VaultOptions
from portproof.model.connection import Become, Connection, Secret
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Reason, Unobserved
from support.inventory.a_fleet import LOGIN_ENCRYPTED, LOGIN_WORD, SUDO_WORD, write_fleet
from support.inventory.own_folder import Folder, settle

installed = pytest.mark.needs("ansible-inventory")

WEB = ("web01", "web02", "web03", "alias")
V6 = ("2001:db8::1", "2001:db8::5", "edge")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder of the test's own."""
    return settle(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def _fleet_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield write_fleet(settle(tmp_path_factory.mktemp("inventory"), monkeypatch))


@pytest.fixture(scope="module")
def fleet(_fleet_folder: str) -> Inventory:
    """The fleet, read once."""
    return read_inventory([_fleet_folder], vault=VaultOptions(("vault-password",)))


def host(inventory: Inventory, name: str) -> Host:
    """A host by its name."""
    return next(each for each in inventory.hosts if each.name == name)


def program(name: str) -> str:
    """Another of Ansible's programs."""
    return str(Path(find_program() or "").with_name(name))


def listed(*arguments: str) -> list[str]:
    """The hosts that ``ansible --list-hosts`` tells, in its order."""
    command = [program("ansible"), *arguments, "--list-hosts"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.strip() for line in done.stdout.splitlines()[1:]]


@installed
def test_every_host_is_there(fleet: Inventory) -> None:
    """Also those without variables of their own, with a port, from a range or from a script."""
    assert set(fleet.names()) == {"lonely", *WEB, *V6, "db1", "db2", "c1", "c2"}
    assert [each.name for each in fleet.hosts] == list(fleet.names())


@installed
def test_groups_hold_the_hosts_of_their_children(fleet: Inventory) -> None:
    """As in Ansible; a group without hosts is a group, too."""
    groups = fleet.groups()
    assert groups["web"] == WEB
    assert groups["prod"] == (*WEB, *V6)
    assert groups["big"] == groups["db"] == ("db2", "db1", "web01")
    assert groups["cloud"] == ("c1", "c2")
    assert groups["firsts"] == ("web01", "2001:db8::1", "db1", "c1")
    assert groups["nobody"] == ()
    assert groups["ungrouped"] == ("lonely",)
    assert groups["all"] == fleet.names()


@installed
def test_a_host_tells_its_groups(fleet: Inventory) -> None:
    """By name, with the parents, without the two that every inventory has."""
    assert host(fleet, "web01").groups == ("big", "db", "firsts", "prod", "web")
    assert host(fleet, "lonely").groups == ()


@installed
def test_the_order_is_ansibles(fleet: Inventory) -> None:
    """``prod[0]`` must be the same host here and there.

    That holds for a group and its child groups. Further down Ansible walks sets, and its own order
    changes from run to run (``Group._walk_relationship``); here it does not.
    """
    options = ["-i", "fleet", "--vault-password-file", "vault-password"]
    assert listed("prod", *options) == list(fleet.groups()["prod"])
    assert fleet.names()[:3] == ("lonely", "c1", "c2")


@installed
def test_variables_are_merged_and_decrypted(fleet: Inventory) -> None:
    """Of groups, hosts, vault files and single encrypted values."""
    assert connection(host(fleet, "web02")) == Connection(
        kind="ssh",
        address="web02",
        arguments=("-o", "Port=2202", "-o", 'User="deploy"', "-o", "ProxyJump=bastion"),
        password=Secret(LOGIN_WORD),
        become=Become(method="sudo", user="root", password=Secret(SUDO_WORD)),
    )


@installed
@pytest.mark.parametrize(
    ("name", "address", "port"),
    [
        ("2001:db8::1", "2001:db8::1", 2222),
        ("2001:db8::5", "2001:db8::5", None),
        ("edge", "edge", 2223),
    ],
)
def test_unusual_names(fleet: Inventory, name: str, address: str, port: int | None) -> None:
    """IPv6 literals, with a port and without, and a name with a port."""
    found = connection(host(fleet, name))
    assert isinstance(found, Connection)
    assert found.address == address
    assert (f"Port={port}" in found.arguments) is (port is not None)


@installed
def test_a_template_is_said_not_guessed(fleet: Inventory) -> None:
    """Ansible's program does not render templates, and portproof does not either."""
    found = connection(host(fleet, "alias"))
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.UNSUPPORTED_CONNECTION
    assert found.detail.startswith("ansible_user of alias is a template")


@installed
def test_only_what_concerns_a_connection_is_kept(fleet: Inventory) -> None:
    """Facts and other variables are left out; hosts with the same variables share them."""
    names = {"ansible_become", "ansible_become_password"}
    assert set(host(fleet, "c1").variables) == names | {"portproof_zone"}
    assert host(fleet, "web02").variables["portproof_note"] == "{{ as it is }}"
    assert host(fleet, "c1").variables is host(fleet, "c2").variables
    assert set(host(fleet, "db1").variables) == {*names, "ansible_become_method"} - {
        "portproof_zone"
    }


@installed
def test_nothing_shows_a_password(fleet: Inventory) -> None:
    """Neither printing the inventory nor its digest, which is the same before decrypting."""
    shown = repr(fleet)
    assert SUDO_WORD not in shown
    assert LOGIN_WORD not in shown
    assert fleet.warnings == ()


@installed
def test_lists_with_ranges_and_ports(folder: Folder) -> None:
    """Where every source is a list, its ranges count, though Ansible's default has none."""
    del folder
    inventory = read_inventory(["web[01:03],edge:2222,[2001:db8::1]:22,"], limit="!web02")
    assert [each.name for each in inventory.hosts] == ["web01", "web03", "edge", "2001:db8::1"]
    assert host(inventory, "edge").variables == {"ansible_port": 2222}


@installed
def test_sources_of_both_kinds(folder: Folder) -> None:
    """A plain list beside another inventory is read by Ansible: then ``localhost`` is its own."""
    plain, other = folder.write("a", "localhost\nweb1\n"), folder.write("b", "[web]\nweb1\n")
    inventory = read_inventory([plain, other, "web2,"])
    assert inventory.groups()["web"] == ("web1",)
    assert set(inventory.names()) == {"localhost", "web1", "web2"}
    assert host(inventory, "localhost").variables == {}
    assert inventory.source == "a, b, web2,"


@installed
def test_settings_of_the_user_that_would_spoil_the_answer(folder: Folder) -> None:
    """Variables stay merged, the output stays JSON, and nothing decrypted lands in the log."""
    folder.write(
        "ansible.cfg",
        "[defaults]\nlog_path = ansible.log\nverbosity = 4\nforce_color = true\n"
        "vault_password_file = vault-password\n[inventory]\nexport = true\n",
    )
    write_fleet(folder)
    folder.write("group_vars/web.yml", LOGIN_ENCRYPTED)
    web1 = host(read_inventory([folder.write("hosts", "[web]\nweb1\n")]), "web1")
    assert web1.variables["ansible_password"].reveal() == LOGIN_WORD
    assert not (folder.path / "ansible.log").exists()


@installed
def test_aliases_count_as_ansible_counts_them(folder: Folder) -> None:
    """Two names for one thing, and both ways to give an option: what ssh is really told."""
    ssh = folder.write("ssh", '#!/bin/sh\nprintf "%s\\n" "$*" >> "$0.log"\n', 0o700)
    folder.write(
        "hosts",
        "a ansible_host=new ansible_ssh_host=old ansible_port=1 ansible_ssh_port=2"
        " ansible_user=new ansible_ssh_user=old"
        " ansible_private_key_file=/new ansible_ssh_private_key_file=/old\n"
        "b ansible_ssh_args='-o User=first' ansible_user=second\n"
        "c ansible_port=5 ansible_ssh_common_args='-o Port=6 -o User=third'\n",
    )
    command = [program("ansible"), "all", "-i", "hosts", "-m", "raw", "-a", "true"]
    executable = f"ansible_ssh_executable={folder.path / ssh}"
    subprocess.run([*command, "-e", executable], check=True, capture_output=True)
    told = {line.split()[-2]: line for line in (folder.path / "ssh.log").read_text().splitlines()}
    for each in read_inventory(["hosts"]).hosts:
        found = connection(each)
        assert isinstance(found, Connection)
        words = told[found.address].replace('"', "").split()
        given = " ".join(found.arguments).replace('"', "").split()
        for option in ("Port=", "User=", "IdentityFile="):
            assert options_of(given, option) == options_of(words, option)


def options_of(words: list[str], option: str) -> list[str]:
    """Return the values of an option in their order, of which OpenSSH takes the first."""
    return [word for word in words if word.startswith(option)]


@installed
def test_ten_thousand_hosts(folder: Folder) -> None:
    """All are there, in order, and share what is the same."""
    script = """\
#!/bin/sh
echo '{"_meta": {"hostvars": {}}, "web": {"vars": {"ansible_port": 22}, "hosts": ["h0"'
seq -f ', "h%.0f"' 9999
echo ']}}'
"""
    inventory = read_inventory([folder.write("many", script, 0o700)])
    assert inventory.names() == tuple(f"h{number}" for number in range(10000))
    assert len({id(each.variables) for each in inventory.hosts}) == 1
    assert len({id(each.groups) for each in inventory.hosts}) == 1
