"""Lists of names and this machine: inventories that need no Ansible, and get none here."""

import os
import platform
import threading
from pathlib import Path

import pytest

from portproof.errors import ContentError, UsageError
from portproof.inventory.build import digest
from portproof.inventory.read import read_inventory
from portproof.inventory.targets import own_names
from portproof.model.connection import Connection
from support.inventory.own_folder import Folder, hide_ansible, settle


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder of the test's own, without Ansible."""
    hide_ansible(tmp_path, monkeypatch)
    return settle(tmp_path, monkeypatch)


def names(*sources: str) -> list[str]:
    """The names of the hosts that sources list."""
    return [host.name for host in read_inventory(sources).hosts]


def problems(*sources: str) -> list[str]:
    """What is wrong with sources, one line each."""
    with pytest.raises(ContentError) as caught:
        read_inventory(sources)
    return [str(problem) for problem in caught.value.problems]


def test_one_name_a_line(folder: Folder) -> None:
    """Blank lines, comments, Windows' line ends and its byte order mark are no names."""
    text = b"\xef\xbb\xbf# the fleet\r\n\r\nweb1 # the first\r\n  web_2.example.com\r\n10.0.0.1\r\n"
    assert names(folder.write("hosts.txt", text)) == ["web1", "web_2.example.com", "10.0.0.1"]


def test_addresses_of_ipv6_are_names(folder: Folder) -> None:
    """An IPv6 literal is a host, with a zone too."""
    assert names(folder.write("hosts", "2001:db8::1\nfe80::1%eth0\n")) == [
        "2001:db8::1",
        "fe80::1%eth0",
    ]


def test_a_name_given_twice_is_one_host(folder: Folder) -> None:
    """Duplicates inside a list and across lists are one host, at its first place."""
    first, second = folder.write("a", "web1\nweb2\nweb1\n"), folder.write("b", "web3\nweb2\n")
    assert names(first, second) == ["web1", "web2", "web3"]


def test_a_list_with_commas() -> None:
    """``host1,host2,`` is a list; one name needs its comma."""
    assert names("web1, web2,2001:db8::1,") == ["web1", "web2", "2001:db8::1"]
    assert names("web1,") == ["web1"]
    assert names("".join(f"web{number}," for number in range(2000)))[-1] == "web1999"


def test_a_pipe_can_be_read_once(tmp_path: Path) -> None:
    """A list may come from a pipe, as a shell's ``<(...)`` gives it; what is not plain may not."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for text, told in (("web1\nweb2\n", None), ("[web]\nweb1\n", "pipe: can be read only once")):
        writer = threading.Thread(target=pipe.write_text, args=(text,))
        writer.start()
        if told is None:
            assert names("pipe") == ["web1", "web2"]
        else:
            assert problems("pipe")[0].startswith(told)
        writer.join()


def test_bad_names_are_told_with_line_and_column(folder: Folder) -> None:
    """Every bad name is told at once."""
    text = "web1\n  web/2\n.web3\nw\u00ebb4\n"
    assert problems(folder.write("hosts", text)) == [
        "hosts:2:3: 'web/2' is not a host name",
        "hosts:3:1: '.web3' is not a host name",
        "hosts:4:1: 'w\\xebb4' is not a host name",
    ]


def test_many_bad_names_are_counted(folder: Folder) -> None:
    """A file that is something else altogether does not flood the terminal."""
    told = problems(folder.write("hosts", "!\n" * 1000))
    assert len(told) == 51
    assert "hosts: 950 more lines are not host names" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names no host; write one name per line"),
        (b"# nobody\n\n", "names no host; write one name per line"),
        (b"\x7fELF\x00\x00web1\n", "is not text"),
        (b"web1\n" * 4_000_000, "is larger than 16 MiB"),
    ],
    ids=["empty", "comments", "binary", "huge"],
)
def test_what_is_no_list(folder: Folder, content: bytes, told: str) -> None:
    """A list that names nobody, or is no text, is an error."""
    assert problems(folder.write("hosts", content)) == [f"hosts: {told}"]


def test_what_cannot_be_read() -> None:
    """A missing file is an error that tells how a list of names is written."""
    told = "does not exist; if it is a host name, add a comma: web1,"
    assert problems("nobody") == [f"nobody: {told}"]
    assert problems("/dev/null/hosts")[0].startswith("/dev/null/hosts: cannot be read: ")
    assert problems("no\0body")[0].startswith("no\0body: cannot be read: ")
    assert problems(",") == [",: names no host"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[web]\nweb1\n", "1:1: '[web]'"),
        ("web1\nweb2 ansible_host=10.0.0.2\n", "2:1: 'web2 ansible_host=10.0.0.2'"),
        ("web1\nweb2:2222\n", "2:1: 'web2:2222'"),
        ("web1\nweb[2:9]\n", "2:1: 'web[2:9]'"),
        ("---\nall:\n", "1:1: '---'"),
        ('{"web": ["web1"]}\n', '1:1: \'{"web": ["web1"]}\''),
        ("; comment\nweb1\n", "1:1: '; comment'"),
    ],
    ids=["group", "variable", "port", "range", "yaml", "json", "semicolon"],
)
def test_ansibles_syntax_is_left_to_ansible(folder: Folder, text: str, place: str) -> None:
    """A file with anything of Ansible's is no plain list; without Ansible, that is an error."""
    how = "install ansible-core, for example with: pip install 'portproof[ansible]'"
    told = f"hosts:{place} is not just a host name; only Ansible can read this: {how}"
    assert problems(folder.write("hosts", text)) == [told]


def test_folders_scripts_and_lists_with_ports_are_left_to_ansible(
    folder: Folder, tmp_path: Path
) -> None:
    """Whatever is not plain is told together, each with its reason."""
    (tmp_path / "folder").mkdir()
    sources = [
        "folder",
        folder.write("a", "#!/bin/sh\n"),
        folder.write("b", "web1\n", 0o700),
        "web1:22,",
    ]
    told = problems(*sources)
    starts = ["a: is a program;", "b: is a program;", "folder: is a folder;", "web1:22,: 'web1:22'"]
    assert [line.startswith(start) for line, start in zip(told, starts, strict=True)] == [True] * 4


@pytest.mark.parametrize("name", ["lists/host_vars", "group_vars"])
def test_variables_nearby_make_a_list_ansibles(folder: Folder, name: str) -> None:
    """Variables may say that a host is really elsewhere, so a list beside them is not plain."""
    source = folder.write("lists/hosts", "web1\n")
    (folder.path / name).mkdir(parents=True)
    assert "which only Ansible reads" in problems(source)[0]


def test_names_with_variables_nearby_are_ansibles_too(tmp_path: Path) -> None:
    """Ansible gives the variables of the working folder to hosts on the command line as well."""
    (tmp_path / "group_vars").mkdir()
    assert "which only Ansible reads" in problems("web1,")[0]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_may_be_listed(name: str) -> None:
    """In a plain list, the loopback's names are this machine; others are reached over SSH."""
    reached = [target.connection for target in read_inventory([f"{name},web1,"]).targets]
    assert [each.kind for each in reached if isinstance(each, Connection)] == ["local", "ssh"]


def test_without_a_source_it_is_this_machine() -> None:
    """The machine goes by its own name, is in no group, and is looked at locally."""
    inventory = read_inventory([])
    assert [host.name for host in inventory.hosts] == [platform.node()]
    assert inventory.source == "this machine"
    assert inventory.groups() == {"all": (platform.node(),), "ungrouped": (platform.node(),)}
    (target,) = inventory.targets
    assert target.host == inventory.hosts[0]
    assert isinstance(target.connection, Connection)
    assert target.connection.kind == "local"


def test_this_machines_own_names_are_short_and_long() -> None:
    """A host of this machine's name may be looked at locally."""
    assert platform.node().lower() in own_names()
    assert platform.node().partition(".")[0].lower() in own_names()
    assert "" not in own_names()


def test_the_digest_tells_other_hosts_apart(folder: Folder) -> None:
    """It is of the hosts, not of the file: a comment does not change it, a host or order does."""
    first = read_inventory([folder.write("a", "web1\nweb2\n")])
    same = read_inventory([folder.write("b", "# other\nweb1\n\nweb2\n")])
    assert first.digest == same.digest == digest(first.hosts)
    assert len({first.digest, digest(first.hosts[:1]), digest(first.hosts[::-1])}) == 3


@pytest.mark.parametrize("sources", [[""], [" "], ["a,b,", ""]])
def test_an_empty_source_is_no_inventory(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of CI that is not set must not stand for the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts").write_text("web1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="-i is empty; leave it out to audit this machine"):
        read_inventory(sources)
