"""The sockets of network namespaces as the kernel tells them, against the files of /proc."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portproof.agent import namespaces, netlink
from portproof.agent.tables import collect
from portproof.model.observation import LISTENING_SOCKETS, Observed, SourceReply
from portproof.sources.probe import ProbeSource
from support.netns import ADDRESS4, ADDRESS6, Namespace, namespace

SOCKETS, DETAILS = "process_open_sockets", "socket_details"
STABLE = 40
LOOKS = 50

CHURN = """
import os, socket, sys, threading
print(os.getpid(), flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
held = []
while True:
    for family in (socket.AF_INET, socket.AF_INET6):
        held.append(socket.socket(family, socket.SOCK_DGRAM))
        held[-1].bind(("", 0))
    for one in held[:-400]:
        one.close()
    del held[:-400]
"""
"""Holds 400 UDP sockets, and has tens of thousands a second come and go, until its input ends."""


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    """A namespace of its own."""
    with namespace() as made:
        yield made


def rows(found: Any, table: str, space: Namespace) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """The rows of a table about one namespace."""
    told = found["tables"][table]
    named = [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]
    return [row for row in named if row["net_namespace"] == space.inode]


@contextmanager
def refused(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the kernel refuse to open netlink sockets, as a container's seccomp may."""

    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(netlink, "opened", refuse)
        yield


def spec(kind: str, address: str, v6only: int = 1, **more: object) -> dict[str, object]:
    """A socket to open; whether it is for IPv6 alone concerns those of IPv6."""
    if ":" in address:
        return {"family": 6, "kind": kind, "address": address, "v6only": v6only, **more}
    return {"family": 4, "kind": kind, "address": address, **more}


SPECS = st.lists(
    st.tuples(
        st.sampled_from(["tcp", "udp", "udplite"]),
        st.sampled_from(["0.0.0.0", "127.0.0.1", ADDRESS4, "::", "::1", ADDRESS6]),
        st.integers(0, 1),
    ),
    max_size=60,
)


@pytest.mark.needs("namespaces")
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(specs=SPECS, clients=st.integers(0, 3))
def test_the_kernel_tells_what_the_files_show(
    space: Namespace, monkeypatch: pytest.MonkeyPatch, specs: list[Any], clients: int
) -> None:
    """The same rows with the same owners, and details of every one that may listen."""
    wanted = {str(at): spec(*each) for at, each in enumerate(specs)}
    wanted["server"] = spec("tcp", "127.0.0.1")
    for number in range(clients):
        wanted[f"client {number}"] = {"family": 4, "kind": "tcp", "peer": "server"}
    with space.holding(wanted):
        by_kernel: Any = collect([SOCKETS, DETAILS])
        with refused(monkeypatch):
            by_file: Any = collect([SOCKETS, DETAILS])
    ours = sorted(rows(by_kernel, SOCKETS, space), key=repr)
    assert ours == sorted(rows(by_file, SOCKETS, space), key=repr)
    assert (by_kernel["incomplete"], by_kernel["by_file"]) == ([], [])
    assert f"{space.inode}: Operation not permitted" in by_file["by_file"]
    assert rows(by_file, DETAILS, space) == []
    listening = {row["socket"] for row in ours if row["state"] in ("LISTEN", "")}
    assert {row["socket"] for row in rows(by_kernel, DETAILS, space)} == listening


@pytest.mark.needs("namespaces")
def test_details_are_those_of_the_socket(space: Namespace) -> None:
    """Whether it is for IPv6 alone, the device it is bound to, and the user who opened it."""
    wanted: dict[str, dict[str, object]] = {
        "dual": spec("tcp", "::", 0),
        "only": spec("udp", "::", 1),
        "ipv4": spec("udp", "0.0.0.0"),
        "lo": spec("tcp", "::", 0, device="lo"),
        "lite": spec("udplite", "::", 1),
        "user": spec("tcp", "0.0.0.0", apart={"user": 65534}),
    }
    with space.holding(wanted) as opened:
        found = {str(row["socket"]): row for row in rows(collect([DETAILS]), DETAILS, space)}
    told = {name: found[opened[name]["inode"]] for name in wanted}
    assert {name: (row["v6only"], row["device"], row["uid"]) for name, row in told.items()} == {
        "dual": (0, 0, 0),
        "only": (1, 0, 0),
        "ipv4": (None, 0, 0),
        "lo": (0, 1, 0),
        "lite": (1, 0, 0),
        "user": (None, 0, 65534),
    }
    assert told["lite"]["protocol"] == 136


@pytest.mark.needs("namespaces")
def test_no_listener_is_missed_while_others_come_and_go(space: Namespace) -> None:
    """Thousands of sockets a second, in the tables in which stable ones stand."""
    ports = random.Random(609).sample(range(1024, 32000), STABLE)  # noqa: S311 - any will do
    addresses = ("0.0.0.0", "::")
    wanted = {f"{port} {at}": spec("udp", at, port=port) for port in ports for at in addresses}
    enter = ("ip", "netns", "exec", space.name, sys.executable, "-c", CHURN)
    with space.holding(wanted) as opened, subprocess.Popen(enter, stdin=PIPE, stdout=PIPE) as churn:
        assert churn.stdin is not None
        assert churn.stdout is not None
        task = f"/proc/{int(churn.stdout.readline())}"
        ours = {each["inode"] for each in opened.values()}
        missed = [ours - udp_sockets(task, space) for _ in range(LOOKS)]
        churn.stdin.close()
    assert missed == [set()] * LOOKS


def udp_sockets(task: str, space: Namespace) -> set[str]:
    """The inodes of the UDP sockets that the kernel tells."""
    with closing(namespaces.open_in(task, space.inode, netlink.opened)) as asker:
        answers = [netlink.Sockets(asker, family, 17) for family in (2, 10)]
    return {str(row[0]) for answer in answers for row in answer.rows.values()}


@pytest.mark.needs("namespaces")
def test_no_thread_of_ours_stays_in_another_namespace(space: Namespace) -> None:
    """Sockets are opened by threads that end."""
    own = Path("/proc/self/ns/net").stat().st_ino
    with space.holding({}):
        collect([SOCKETS])
    assert Path("/proc/thread-self/ns/net").stat().st_ino == own
    inside = [
        each
        for each in Path("/proc/self/task").iterdir()
        if (each / "ns/net").exists() and (each / "ns/net").stat().st_ino != own
    ]
    assert inside == []


@pytest.mark.needs("namespaces")
def test_the_evidence_tells_how_sockets_were_read(
    space: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By netlink, or from files and why; then nothing more is known of a socket."""
    sql = "SELECT socket, protocol, local_address AS address, local_port AS port, net_namespace"
    questions = {LISTENING_SOCKETS: f"{sql} FROM process_open_sockets"}
    with space.holding({"dual": spec("tcp", "::", 0), "udp": spec("udp", "::", 1)}) as opened:
        by_kernel = ProbeSource().look(questions)
        with refused(monkeypatch):
            by_file = ProbeSource().look(questions)
    ours = {each["inode"] for each in opened.values()}
    told = {}
    for reply in (by_kernel, by_file):
        assert isinstance(reply, SourceReply)
        answer = reply.answers[LISTENING_SOCKETS]
        assert isinstance(answer, Observed)
        seen = sorted(row.get("v6only", "") for row in answer.rows if row["socket"] in ours)
        told[reply.identity.sockets_by[0]] = seen
    refusal = next(text for text in told if text.startswith("/proc in network namespace "))
    assert refusal.endswith(": Operation not permitted")
    assert told == {"netlink": ["0", "1"], refusal: ["", ""]}
