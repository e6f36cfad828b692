"""Random configurations of OpenSSH with hosts, and what the real ssh makes of them."""

import os
import random
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

NAMES: Final = ("db1", "db2", "web1", "gw", "gw2", "Edge", "10.77.0.2", "fd00::2")
_USERS: Final = ("root", "deploy", "CORP\\svc", "a.b")
_PATTERNS: Final = (
    "*",
    "db*",
    "db?",
    "db1 web1",
    "db1,web1",
    "* !db1",
    "!gw *",
    "gw*",
    "10.77.*",
    "edge",
)
_OPTIONS: Final = (
    ("HostName", ("10.77.0.2", "10.77.0.3", "%h.example.com", "DB9", "::1")),
    ("HostName", ("10.77.0.2", "10.77.0.3")),
    ("Port", ("22", "2222", "2200")),
    ("User", _USERS),
    ("ProxyJump", ("gw", "me@gw2:2022", "gw,gw2", "none", "[::1]:33", "edge")),
    ("ProxyJump", ("gw", "none")),
    ("ProxyCommand", ("none", "nc %h %p", "nc -x %n:%p %r %%")),
    ("IdentityFile", ("~/.ssh/%h", "/keys/a", "${HOME}/k", '"/a b"', "none")),
    ("CertificateFile", ("/keys/c-%n", "~/c")),
    ("UserKnownHostsFile", ("/kh/%h", "~/a /b/c", "/dev/null")),
    ("GlobalKnownHostsFile", ("/etc/a /etc/b",)),
    ("StrictHostKeyChecking", ("yes", "no", "accept-new", "ask")),
    ("HostKeyAlias", ("alias", "other")),
    ("HostKeyAlgorithms", ("+ssh-rsa", "ssh-ed25519", "-ssh-ed25519")),
    ("IdentitiesOnly", ("yes", "no")),
    ("ConnectTimeout", ("3", "1m", "none")),
    ("AddressFamily", ("inet", "inet6", "any")),
    ("Compression", ("yes",)),
    ("ForwardX11", ("yes",)),
    ("IgnoreUnknown", ("Foo",)),
)
_ARGUMENTS: Final = (
    "-o User=first -o Port=99",
    "-J gw2",
    "-o ProxyJump=none",
    "-4 -i /keys/x -C",
    "-Cp 77",
)
_ENDS: Final = ("", "", "", " # moved", " ", "\t")


@dataclass(frozen=True)
class Asked:
    """A host with its variables, and the command line by which Ansible would reach it."""

    name: str
    variables: dict[str, Any]
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answered:
    """What ssh says: the servers on the way as ``user@host:port``, and some of the options."""

    places: tuple[str, ...]
    options: dict[str, tuple[str, ...]]


COMPARED: Final = (
    "identityfile",
    "certificatefile",
    "userknownhostsfile",
    "globalknownhostsfile",
    "stricthostkeychecking",
    "hostkeyalias",
    "hostkeyalgorithms",
    "identitiesonly",
    "connecttimeout",
    "addressfamily",
)


class Drawing:
    """Draws one configuration and one host; the same number gives the same."""

    def __init__(self, number: int, folder: Path) -> None:
        self._random = random.Random(number)  # noqa: S311 - no secret
        self._folder = folder
        self._files = 0

    def asked(self) -> Asked:
        """Write a configuration, and draw a host that is reached by it."""
        config = self._folder / "config"
        config.write_bytes("\n".join(self._lines(0)).encode("latin-1") + b"\n")
        draw = self._random
        name = draw.choice(NAMES)
        variables: dict[str, Any] = {"ansible_ssh_common_args": f"-F {config}"}
        if draw.random() < 0.3:
            place = draw.choice(("root@db1", "db2", "DB1", "ssh://me@web1:2022", "ssh://gw"))
            variables["ansible_host"] = place
        if draw.random() < 0.3:
            variables["ansible_port"] = draw.choice((22, 2200))
        if draw.random() < 0.3:
            variables["ansible_user"] = draw.choice(_USERS)
        if draw.random() < 0.2:
            variables["ansible_private_key_file"] = "/keys/%r"
        if draw.random() < 0.2:
            variables["ansible_ssh_timeout"] = draw.choice((5, 30))
        if draw.random() < 0.3:
            variables["ansible_ssh_args"] = draw.choice(
                (
                    "-o User=first -o Port=99",
                    "-J gw2",
                    "-o ProxyJump=none",
                    "-4 -i /keys/x -C",
                    "-Cp 77",
                )
            )
        if draw.random() < 0.2:
            variables["ansible_ssh_extra_args"] = draw.choice(("-o HostKeyAlias=%n", "-o 'Port 1'"))
        return Asked(name, variables, words(name, variables))

    def _lines(self, depth: int) -> Iterator[str]:
        draw = self._random
        for _ in range(draw.randint(1, 6)):
            kind = draw.random()
            if kind < 0.2 and depth < 2:
                yield self._include(depth)
            elif kind < 0.6:
                space = draw.choice((" ", " ", "="))
                yield f"Host{space}{draw.choice(_PATTERNS)}{draw.choice(_ENDS)}"
            else:
                yield self._match()
            for _ in range(draw.randint(0, 3)):
                yield f"{draw.choice(('', '  ', chr(9)))}{self._option()}{draw.choice(_ENDS)}"
            if draw.random() < 0.1:
                yield "  # caf\xe9"

    def _include(self, depth: int) -> str:
        draw = self._random
        self._files += 1
        folder = self._folder / f"d{self._files}"
        folder.mkdir()
        names = ["90-last.conf", "10-first.conf", ".hidden.conf", "20.txt"]
        draw.shuffle(names)
        for name in names[: draw.randint(1, 4)]:
            text = "\n".join(self._lines(depth + 1))
            (folder / name).write_bytes(text.encode("latin-1"))
        glob = draw.choice(("*.conf", "*", "?0-*.conf", ".*.conf", "none/*"))
        return f"Include {folder}/{glob}"

    def _match(self) -> str:
        draw = self._random
        return draw.choice(
            (
                "Match all",
                f"Match host {draw.choice(('db*', 'db1,web1', '*,!gw', '10.77.0.3'))}",
                f"Match originalhost {draw.choice(('db1', 'gw*', 'web1,edge'))}",
                "Match user root",
                "Match !user root host *",
                "Match final all",
                "Match final host 10.77.0.3",
                "Match canonical all",
                'Match exec "test %n = db1"',
                'Match originalhost db2 exec "test %h = db2"',
                'Match exec "test %p = 22 -a %r = root"',
            )
        )

    def _option(self) -> str:
        draw = self._random
        name, values = draw.choice(_OPTIONS)
        return f"{name}{draw.choice((' ', ' ', '=', ' = '))}{draw.choice(values)}"


def words(name: str, variables: dict[str, Any]) -> list[str]:
    """Return what Ansible gives to ssh (``plugins/connection/ssh.py``, ``_build_command``)."""
    given = shlex.split(variables.get("ansible_ssh_args", ""))
    if "ansible_port" in variables:
        given += ["-o", f"Port={variables['ansible_port']}"]
    if "ansible_private_key_file" in variables:
        given += ["-o", f'IdentityFile="{variables["ansible_private_key_file"]}"']
    if "ansible_user" in variables:
        given += ["-o", f'User="{variables["ansible_user"]}"']
    if "ansible_ssh_timeout" in variables:
        given += ["-o", f"ConnectTimeout={variables['ansible_ssh_timeout']}"]
    given += shlex.split(variables["ansible_ssh_common_args"])
    given += shlex.split(variables.get("ansible_ssh_extra_args", ""))
    return [*given, variables.get("ansible_host", name)]


def answer_of_ssh(given: list[str]) -> Answered | None:
    """Return what ssh itself says, following the commands by which it goes through jump hosts.

    None where it refuses, on the way as well, or would go round in circles.
    """
    places: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    for _ in range(20):
        command = ["ssh", "-v", "-o", "LogLevel=DEBUG1", "-T", "-G", *given]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            return None
        said: dict[str, list[str]] = {}
        for line in os.fsdecode(done.stdout).splitlines():
            option, _, value = line.partition(" ")
            said.setdefault(option, []).append(value)
        options = options or {name: tuple(said.get(name, ())) for name in COMPARED}
        places.append(f"{said['user'][0]}@{said['hostname'][0]}:{said['port'][0]}")
        jump = [line for line in os.fsdecode(done.stderr).splitlines() if "implicit" in line]
        if not jump:
            if said.get("proxycommand", ["none"]) != ["none"]:
                places.append("ProxyCommand")
            return Answered(tuple(places[::-1]), options)
        through = shlex.split(jump[0].partition("ProxyJump: ")[2])[1:]
        at = through.index("-W")
        given = [*(word for word in through[:at] if word != "-v"), *through[at + 2 :]]
    return None
