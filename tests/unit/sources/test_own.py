"""What is portproof's own is left out for checks, and nothing that only looks like it."""

import time
from typing import Any

import pytest

from portproof.model.observation import LISTENING_SOCKETS, WITNESS, Observed
from portproof.sources.own import NOTHING_OWN, Canary, Own
from portproof.sources.probe import Collected, checked, reply

CANARY = Canary(700, "10.0.0.5", 40001)
OWN = Own(frozenset({70, 71}), frozenset({CANARY}))
PORTS = "SELECT pid, local_port AS port FROM process_open_sockets WHERE family = 2"
NAMES = "SELECT pid FROM processes WHERE name LIKE 'python%'"
SOCKET: dict[str, Any] = {"pid": 70, "family": 2, "remote_port": 0, "socket": 700}
SOCKET |= {"local_address": "10.0.0.5", "local_port": 40001}
AGENT = {"pid": 70, "name": "python3", "cmdline": "python3 -ISBWignore -c"}
SUDO = {"pid": 71, "name": "sudo", "cmdline": "sudo -n -H -u root /bin/sh -c"}


def table(*rows: dict[str, Any]) -> dict[str, Any]:
    """A table as a probe tells it."""
    return {"columns": list(rows[0]), "rows": [list(row.values()) for row in rows]}


def collected(sockets: list[dict[str, Any]], processes: list[dict[str, Any]]) -> Collected:
    """What a probe told: the sockets and processes of a look, and these."""
    tables = {
        "process_open_sockets": table(SOCKET, *sockets),
        "processes": table(AGENT, SUDO, *processes),
    }
    told = {"probe": 1, "platform": "linux", "tables": tables, "incomplete": [], "missing": {}}
    found = checked(told)
    assert isinstance(found, Collected), found
    return found


def answered(found: Collected, own: Own, name: str, sql: str) -> list[tuple[str, ...]]:
    """The rows that answer a question."""
    answer = reply({name: sql}, found, time.monotonic() + 10, own).answers[name]
    assert isinstance(answer, Observed), answer
    return [tuple(row.values()) for row in answer.rows]


def test_own_sockets_and_processes_are_left_out_for_checks() -> None:
    """The canary, the agent, and what started it."""
    assert answered(collected([], []), OWN, "check", PORTS) == []
    assert answered(collected([], []), OWN, "check", "SELECT pid FROM processes") == []
    assert answered(collected([], []), NOTHING_OWN, "check", NAMES) == [("70",)]


@pytest.mark.parametrize("name", [LISTENING_SOCKETS, f"check{WITNESS}"])
def test_listening_sockets_and_witnesses_are_told_with_canaries(name: str) -> None:
    """Canaries prove that looking worked."""
    assert answered(collected([], []), OWN, name, PORTS) == [("70", "40001")]


def test_the_witness_of_a_check_on_processes_is_another_process() -> None:
    """Portproof sees its own processes also where those of others are hidden."""
    sql = "SELECT p.pid FROM process_open_sockets AS s JOIN processes AS p ON p.pid = s.pid"
    other = SOCKET | {"pid": 90, "socket": 900, "local_port": 22}
    seen = collected([other], [AGENT | {"pid": 90, "name": "sshd"}])
    assert answered(collected([], []), OWN, f"check{WITNESS}", sql) == []
    assert answered(seen, OWN, f"check{WITNESS}", sql) == [("90",)]


@pytest.mark.parametrize(
    "changes",
    [{"pid": 90, "socket": 900}, {"pid": 90, "socket": 900, "local_port": 40002}],
)
def test_a_process_that_copies_the_agents_name_and_address_is_judged(
    changes: dict[str, int],
) -> None:
    """Only its pid and the inode of its socket tell it from the agent, and they cannot be had."""
    copied = SOCKET | changes
    found = collected([copied], [AGENT | {"pid": 90}])
    assert answered(found, OWN, "check", PORTS) == [("90", str(copied["local_port"]))]
    assert answered(found, OWN, "check", NAMES) == [("90",)]


@pytest.mark.parametrize("changes", [{"local_port": 22}, {"local_address": "0.0.0.0"}])
def test_a_socket_elsewhere_than_the_canary_is_judged(changes: dict[str, Any]) -> None:
    """Whatever inode a host says that it has."""
    found = collected([SOCKET | {"pid": 90} | changes], [])
    assert [row[0] for row in answered(found, OWN, "check", PORTS)] == ["90"]


@pytest.mark.parametrize("family", [2, 10])
def test_a_process_of_ours_that_listens_on_more_than_canaries_is_judged(family: int) -> None:
    """A server that uses portproof as a library, or a host that calls a server portproof's."""
    more = SOCKET | {"socket": 800, "local_port": 8080, "family": family}
    found = collected([more], [])
    assert answered(found, OWN, "check", NAMES) == [("70",)]
    assert answered(found, OWN, "check", "SELECT local_port FROM process_open_sockets") == [
        ("8080",)
    ]


def test_a_connection_of_ours_is_no_listener() -> None:
    """Such as those to other hosts of an audit."""
    found = collected([SOCKET | {"socket": 800, "local_port": 50000, "remote_port": 22}], [])
    assert answered(found, OWN, "check", NAMES) == []


def test_malformed_rows_are_not_left_out() -> None:
    """They leave the check unproven."""
    found = collected([], [])
    found.tables["processes"].rows.append([70])
    answer = reply({"check": NAMES}, found, time.monotonic() + 10, OWN).answers["check"]
    assert not isinstance(answer, Observed)
