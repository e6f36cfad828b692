"""Where a connection leads: what is asked of ssh, what is shared, and what is refused."""

import asyncio
import os
from pathlib import Path

import asyncssh
import pytest

from portproof.model.connection import Connection
from portproof.ssh.command import UnsupportedError
from portproof.ssh.destination import Destination, Destinations, access_path
from portproof.ssh.known_hosts import KnownHosts
from portproof.ssh.routes import Routes
from portproof.ssh.trust import Trust

PROGRAM = """#!/bin/sh
echo "$*" >> {folder}/asked
exec /usr/bin/ssh "$@"
"""


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an ssh on PATH that writes down what it was asked, before the real one answers."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return tmp_path / "asked"


def to(address: str, *arguments: str, program: str | None = None) -> Connection:
    """Return a connection with arguments for ssh."""
    return Connection(kind="ssh", address=address, arguments=arguments, program=program)


def paths_to(*connections: Connection) -> list[list[Destination]]:
    """Return the ways to several hosts, found out at once."""

    async def ask() -> list[list[Destination]]:
        destinations = Destinations()
        return await asyncio.gather(*map(destinations.path_to, connections))

    return asyncio.run(ask())


def reached(connection: Connection) -> str:
    """Return what the evidence says of the way to a host."""
    (path,) = paths_to(connection)
    return access_path(path).text()


def config(folder: Path, text: str) -> tuple[str, str]:
    """Return arguments for a configuration with this text."""
    file = folder / "config"
    file.write_text(text)
    return "-F", str(file)


def answers(asked: Path) -> int:
    """Return how many hosts ssh was asked about, its defaults aside."""
    return sum("-F none" not in line for line in asked.read_text().splitlines())


@pytest.mark.needs("ssh")
def test_hosts_that_no_configuration_can_tell_apart_share_an_answer(
    ssh: Path, tmp_path: Path
) -> None:
    """One process for all; their names, addresses and nothing else differ."""
    common = config(
        tmp_path, "# all\nHost *\n  User deploy\n  SendEnv LANG\nMatch final all\n  Port 2222\n"
    )
    names = [*(f"web{number}" for number in range(50)), "10.0.0.1", "2001:db8::1", "Edge"]
    found = paths_to(*(to(name, *common) for name in names))
    places = [(path[0].host, path[0].port, path[0].user) for path in found]
    assert places == [(name.lower(), 2222, "deploy") for name in names]
    assert answers(ssh) == 1


@pytest.mark.needs("ssh")
@pytest.mark.parametrize(
    "text",
    [
        "Host web1\n  Port 1\n",
        "Host * !web1\n",
        "Match host web1\n",
        "Match exec true\n",
        "Match final all\n  HostName %h\n",
        "UserKnownHostsFile /kh/%h\n",
        "CanonicalizeHostname yes\n",
        "Host *\n  HostName web0\n",
        '"Host" web1\n',
        "HOST=web1\n",
    ],
)
def test_where_a_host_could_differ_each_is_asked(ssh: Path, tmp_path: Path, text: str) -> None:
    """A pattern, a token or a program may tell hosts apart."""
    common = config(tmp_path, text)
    found = paths_to(*(to(f"web{number}", *common) for number in range(3)))
    assert answers(ssh) == 3
    if "web0" in text:
        assert {path[-1].host for path in found} == {"web0"}


@pytest.mark.needs("ssh")
def test_a_name_that_is_given_is_for_every_host() -> None:
    """Also where it is that of the host that was asked about first."""
    given = ("-F", "none", "-o", "HostName=web0")
    assert [path[-1].host for path in paths_to(to("web0", *given), to("web1", *given))] == [
        "web0",
        "web0",
    ]


@pytest.mark.needs("ssh")
@pytest.mark.parametrize("host", ["root@web1", "ssh://web1", "010.0.0.1", "0x7f.1", "web1."])
def test_odd_names_are_for_ssh_to_take_apart(ssh: Path, tmp_path: Path, host: str) -> None:
    """What is not plainly a name or an address shares no answer."""
    common = config(tmp_path, "")
    paths_to(to("web0", *common), to(host, *common))
    assert answers(ssh) == 2


@pytest.mark.needs("ssh")
def test_the_evidence_says_what_led_there(tmp_path: Path) -> None:
    """The inventory alone, or a configuration that had a part."""
    common = config(tmp_path, "Host db\n  HostName 10.77.0.3\n  ProxyJump root@gw\n")
    assert reached(to("10.0.0.1", "-F", "none", "-o", "User=me", "-p", "2222")) == (
        "10.0.0.1:2222 as me, by inventory"
    )
    assert reached(to("deploy@db", *common)) == (
        "10.77.0.3:22 as deploy through root@gw:22, by ssh_config"
    )
    assert reached(to("ssh://me@web:77", *common)) == "web:77 as me, by inventory"


@pytest.mark.needs("ssh")
def test_a_jump_host_gets_the_configuration_and_no_other_argument(tmp_path: Path) -> None:
    """As with OpenSSH: user and port of the host behind it are not for it."""
    common = config(tmp_path, "Host gw\n  ProxyCommand none\nHost *\n  ProxyJump gw\n")
    (path,) = paths_to(to("db", *common, "-p", "77", "-o", "User=me"))
    assert [(each.host, each.port) for each in path] == [("gw", 22), ("db", 77)]
    assert path[0].connection.arguments == common


@pytest.mark.needs("ssh")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "ProxyUseFdpass=yes"), "ProxyUseFdpass is yes, which portproof does not support"),
        (("-o", "KnownHostsCommand=/bin/true"), "KnownHostsCommand is /bin/true"),
        (("-o", "PKCS11Provider=/lib/x.so"), "PKCS11Provider is /lib/x.so"),
        (("-o", "BindInterface=eth0"), "BindInterface is eth0"),
        (("-o", "ProxyCommand=nc %d"), "the ProxyCommand has other tokens"),
        (("-o", "Port=many"), "ssh refuses its configuration"),
        (("-o", "Nonsense=1"), "Bad configuration option: nonsense"),
        (("-J", "h"), "jumphost loop via h"),
        (("-o", "KexAlgorithms=sntrup761x25519-sha512@openssh.com", "-o", "Ciphers=x"), "ssh ref"),
        (("-o", "IdentityFile=/k/%C"), "IdentityFile /k/%C has %C, which has no value here"),
        (("-o", "IdentityFile=/k/${NO_SUCH}"), "has ${NO_SUCH}, which has no value here"),
        (("-o", "RevokedHostKeys=/nowhere"), "RevokedHostKeys /nowhere: No such file"),
    ],
)
def test_what_cannot_be_honoured_is_named(arguments: tuple[str, ...], said: str) -> None:
    """The host is not looked at; what ssh itself refuses is told in its words."""
    with pytest.raises(UnsupportedError) as refused:
        asyncio.run(Routes().route(to("h", "-F", "none", *arguments)))
    assert said in str(refused.value)


@pytest.mark.needs("ssh")
def test_what_ssh_config_honours_is_honoured_as_an_argument() -> None:
    """Options that are harmless, and algorithms."""
    arguments = ("-o", "ConnectionAttempts=3", "-o", "PreferredAuthentications=publickey")
    chosen = ("-o", "HostKeyAlgorithms=+ssh-rsa", "-o", "Ciphers=aes256-ctr,chacha20-nonsense")
    route = asyncio.run(Routes().route(to("h", "-F", "none", *arguments, *chosen[:2])))
    assert route.arguments["config"] is None
    assert "ssh-rsa" in route.arguments["server_host_key_algs"]
    route = asyncio.run(Routes().route(to("h", "-F", "none", "-o", "Ciphers=aes256-ctr")))
    assert route.arguments["encryption_algs"] == ["aes256-ctr"]


def test_another_program_may_be_named(tmp_path: Path) -> None:
    """It must be there, and no script: where that leads, its answer does not tell."""
    script = tmp_path / "wrapper"
    script.write_text('#!/bin/sh\nexec ip netns exec x ssh "$@"\n')
    script.chmod(0o755)
    for program, said in ((str(script), "is a script"), ("/nowhere/ssh", "there is no program")):
        with pytest.raises(UnsupportedError, match=said):
            paths_to(to("h", program=program))


def test_without_ssh_the_arguments_alone_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is plain is honoured, and what only ssh could say is refused."""
    monkeypatch.setenv("PATH", "/nowhere")
    way = "10.0.0.1:2222 as me through x@gw:22, by inventory"
    assert reached(to("10.0.0.1", "-p", "2222", "-l", "me", "-J", "x@gw")) == way
    assert reached(to("ssh://me@web:77")) == "web:77 as me, by inventory"
    assert reached(to("me@web", "-o", "ProxyJump=none")) == "web:22 as me, by inventory"
    for arguments in (("-F", "config"), ("-o", "HostName=x"), ("-o", "Nonsense=x")):
        with pytest.raises(UnsupportedError, match="without"):
            reached(to("h", *arguments))


def test_keys_that_are_revoked_or_too_short_are_not_taken(tmp_path: Path) -> None:
    """``RevokedHostKeys`` and ``RequiredRSASize``, also where the key is recorded."""
    key = asyncssh.generate_private_key("ssh-rsa", key_size=1024).convert_to_public()
    file = tmp_path / "known_hosts"
    file.write_text(f"web {key.export_public_key().decode()}")
    known = KnownHosts([file])
    assert Trust(known, smallest_rsa=1024).lookup("web", "", 22)[0] == [key]
    short = Trust(known, smallest_rsa=2048)
    assert short.lookup("web", "", 22)[0] == []
    assert not short.accepts(key)
    assert "too short" in short.refusal
    revoked = Trust(known, revoked=[key])
    assert revoked.lookup("web", "", 22)[2] == [key]
    assert not revoked.accepts(key)
    assert "RevokedHostKeys" in revoked.refusal
