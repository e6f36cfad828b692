"""Where a host is reached: as the real ssh says, for random configurations."""

import asyncio
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portproof.inventory.connection import connection
from portproof.model.connection import Connection
from portproof.model.hosts import Host
from portproof.ssh.command import UnsupportedError
from portproof.ssh.destination import Destination, Destinations, access_path
from support.calling import portproof
from support.folders import save
from support.paths import CASES
from support.ssh_configs import COMPARED, NAMES, Answered, Asked, Drawing, answer_of_ssh, words

COUNT = int(os.environ.get("PORTPROOF_SSH_CONFIGS", "150"))
"""How many are tried, each for two hosts; 2,000 take two minutes."""

FEW = 40


def draw(folder: Path, count: int) -> list[Asked]:
    """Return hosts, each with a configuration of its own."""
    asked = []
    for number in range(count):
        own = folder / str(number)
        own.mkdir()
        asked.append(Drawing(number, own).asked())
    return asked


def with_another_name(asked: Asked, number: int) -> Asked:
    """Return another host that is reached with the same arguments, which may share an answer."""
    name = NAMES[number % len(NAMES)]
    return Asked(name, asked.variables, words(name, asked.variables))


def told_by_ssh(asked: list[Asked]) -> list[Answered | None]:
    """Return what ssh says of each."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda each: answer_of_ssh(each.words), asked))


def ours(asked: list[Asked]) -> list[Answered | None]:
    """Return what is found out for each, all of them by one process."""

    async def one(each: Asked, destinations: Destinations) -> Answered | None:
        reached = connection(Host(each.name, variables=each.variables))
        assert isinstance(reached, Connection)
        try:
            return answered(await destinations.path_to(reached))
        except UnsupportedError:
            return None

    async def everyone() -> list[Answered | None]:
        destinations = Destinations()
        return await asyncio.gather(*(one(each, destinations) for each in asked))

    return asyncio.run(everyone())


def answered(path: list[Destination]) -> Answered:
    """Return a way in the form of the oracle."""
    access = access_path(path)
    place = f"{access.user}@{access.address}:{access.port}"
    places = tuple(each.replace("[", "").replace("]", "") for each in access.through)
    return Answered((*places, place), {n: path[-1].options.get(n, ()) for n in COMPARED})


@pytest.mark.needs("ssh")
def test_hosts_are_reached_where_ssh_reaches_them(tmp_path: Path) -> None:
    """Address, port, user, the hosts on the way, keys and trust, with the arguments of Ansible."""
    asked = draw(tmp_path, COUNT)
    asked += [with_another_name(each, number) for number, each in enumerate(asked)]
    wanted = told_by_ssh(asked)
    differences = [
        (each, found, told)
        for each, found, told in zip(asked, ours(asked), wanted, strict=True)
        if found != told
    ]
    assert differences == []
    assert sum(told is None for told in wanted) < COUNT
    assert sum(told is not None and len(told.places) > 1 for told in wanted) > COUNT / 5


@pytest.mark.needs("ssh", "ansible-inventory")
def test_the_command_shows_what_ssh_says(tmp_path: Path) -> None:
    """The same through an inventory of Ansible's and JSON."""
    asked = draw(tmp_path, FEW)
    hosts = {
        f"h{number}": {"ansible_host": each.name, **each.variables}
        for number, each in enumerate(asked)
    }
    save(tmp_path / "inventory.yml", {"all": {"hosts": hosts}})
    rule = {"id": "npmp", "closed": 609}
    save(tmp_path / "p.yml", {"policy": "p", "title": "P", "rules": [rule]})
    files = ["-i", str(tmp_path / "inventory.yml"), "-p", str(tmp_path / "p.yml")]
    done = portproof("hosts", *files, "--format", "json")
    assert done.code == 0, done.err
    shown = {each["host"]: each for each in json.loads(done.out)}
    for number, told in enumerate(told_by_ssh(asked)):
        host = shown[f"h{number}"]
        if told is None:
            assert host["unproven"] == "unsupported-connection"
            continue
        place = f"{host['user']}@{host['address']}:{host['port']}"
        jump = [each.replace("[", "").replace("]", "") for each in host["jump"]]
        assert (*jump, place) == told.places


@pytest.mark.parametrize(
    "told", ["", "garbled", "user root\nhostname h\n", "hostname h\nport x\nuser u\n"]
)
def test_half_an_answer_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """A program that is not OpenSSH's, or is cut off, proves no address."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nprintf '{told}'\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(UnsupportedError):
        asyncio.run(Destinations().path_to(Connection(kind="ssh", address="h")))


@pytest.mark.needs("ssh")
@pytest.mark.parametrize(
    ("case", "place"),
    [
        ("include-order", "10.77.0.3:22"),
        ("match-exec-percent", "10.77.0.3:22"),
        ("proxycommand-none", "10.77.0.3:22"),
        ("trailing-comment", "10.77.0.3:22"),
        ("match-final-port", "10.77.0.3:2299"),
        ("latin1", "10.77.0.3:22"),
        ("second-include", "10.77.0.3:22"),
    ],
)
def test_configurations_that_were_misread(tmp_path: Path, case: str, place: str) -> None:
    """Each led to another machine, or to none, when asyncssh read it."""
    folder = shutil.copytree(CASES / "ssh" / case, tmp_path / case)
    config = folder / "config"
    config.write_bytes(config.read_bytes().replace(b"FOLDER", bytes(folder)))
    asked = Connection(kind="ssh", address="db1", arguments=("-F", str(config)))
    path = asyncio.run(Destinations().path_to(asked))
    assert f"{path[-1].host}:{path[-1].port}" == place
    assert len(path) == (2 if case == "proxycommand-none" else 1)
