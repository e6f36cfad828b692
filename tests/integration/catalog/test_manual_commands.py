"""The commands that a report shows for looking by hand find real listeners."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from portproof.catalog.manual_checks import commands
from portproof.model.observation import Platform

BOTH = ("tcp", "udp")

MACOS_NETSTAT = """\
Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)      rhiwat  shiwat
tcp4       0      0  *.609                  *.*                    LISTEN       131072  131072
tcp6       0      0  ::1.609                *.*                    LISTEN       131072  131072
tcp4       0      0  *.1609                 *.*                    LISTEN       131072  131072
tcp4       0      0  10.0.0.5.609           10.0.0.9.2049          ESTABLISHED  131072  131072
tcp4       0      0  10.0.0.5.50321         10.0.0.9.609           ESTABLISHED  131072  131072
udp4       0      0  127.0.0.1.609          *.*                                 786896    9216
udp46      0      0  *.6090                 *.*                                 786896    9216
udp4       0      0  10.0.0.5.609           10.0.0.9.53                         786896    9216
"""

LINUX_NETSTAT = """\
Active Internet connections (only servers)
Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
tcp        0      0 0.0.0.0:609             0.0.0.0:*               LISTEN      812/rpc.statd
tcp        0      0 0.0.0.0:1609            0.0.0.0:*               LISTEN      813/other
tcp6       0      0 :::609                  :::*                    LISTEN      812/rpc.statd
udp        0      0 127.0.0.1:609           0.0.0.0:*                           812/rpc.statd
udp6       0      0 fe80::609:6090          :::*                                814/other
"""

LSOF_UDP = """\
COMMAND   PID USER FD   TYPE DEVICE SIZE/OFF NODE NAME
rpc.statd 812 root 7u  IPv4  12345      0t0  UDP *:609
resolver  900 root 9u  IPv4  12346      0t0  UDP 10.0.0.5:50321->10.0.0.9:609
"""


def filtered(command: str, text: str) -> list[str]:
    """Run what follows the first pipe of ``command`` on ``text``, as a shell does."""
    _, _, program = command.partition(" | ")
    done = subprocess.run(
        ["sh", "-c", program], input=text, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_macos_netstat_keeps_listeners_on_the_local_port() -> None:
    """Sockets that talk to somebody, and longer port numbers, are dropped."""
    tcp, udp = commands(609, BOTH)[Platform.MACOS][-2:]
    rows = [line.split()[0:4:3] for line in filtered(tcp, MACOS_NETSTAT)]
    assert rows == [["tcp4", "*.609"], ["tcp6", "::1.609"], ["udp4", "127.0.0.1.609"]]
    assert filtered(udp, MACOS_NETSTAT) == filtered(tcp, MACOS_NETSTAT)


def test_linux_netstat_keeps_the_local_port() -> None:
    """``:609`` ends the local address, and 1609 and 6090 are other ports."""
    rows = filtered(commands(609, BOTH)[Platform.LINUX][-1], LINUX_NETSTAT)
    assert [line.split()[3] for line in rows] == ["0.0.0.0:609", ":::609", "127.0.0.1:609"]


def test_lsof_drops_a_udp_socket_that_talks_to_the_port_elsewhere() -> None:
    """``lsof -i`` matches the remote end too."""
    rows = filtered(commands(609, ["udp"])[Platform.LINUX][1], LSOF_UDP)
    assert rows == LSOF_UDP.splitlines()[:2]


@pytest.fixture
def sockets() -> Iterator[dict[str, int]]:
    """Open listeners and the sockets that talk to them; give the local port of each."""
    with ExitStack() as stack:

        def opened(kind: int, peer: int | None = None) -> socket.socket:
            made = stack.enter_context(socket.socket(socket.AF_INET, kind))
            made.bind(("127.0.0.1", 0))
            if peer is not None:
                made.connect(("127.0.0.1", peer))
            return made

        tcp = opened(socket.SOCK_STREAM)
        tcp.listen()
        ports = {"tcp": tcp.getsockname()[1]}
        ports["udp"] = opened(socket.SOCK_DGRAM).getsockname()[1]
        ports["tcp client"] = opened(socket.SOCK_STREAM, ports["tcp"]).getsockname()[1]
        ports["udp client"] = opened(socket.SOCK_DGRAM, ports["udp"]).getsockname()[1]
        yield ports


def shown_by_ss(port: int, protocol: str) -> list[list[str]]:
    """Run the command for ``ss``, less its ``sudo``, and give its rows in columns."""
    command = commands(port, [protocol])[Platform.LINUX][0].removeprefix("sudo ")
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    header, *rows = done.stdout.splitlines()
    assert header.split()[0] == "State"
    return [row.split() for row in rows]


@pytest.mark.needs("ss")
@pytest.mark.parametrize(("protocol", "state"), [("tcp", "LISTEN"), ("udp", "UNCONN")])
def test_ss_shows_the_listener_and_its_process(
    sockets: dict[str, int], protocol: str, state: str
) -> None:
    """The real ``ss`` finds the socket this test opened, once, and not the one that talks to it."""
    rows = shown_by_ss(sockets[protocol], protocol)
    assert [(row[0], row[3]) for row in rows] == [(state, f"127.0.0.1:{sockets[protocol]}")]
    assert f"pid={os.getpid()}," in rows[0][-1]


@pytest.mark.needs("ss")
@pytest.mark.parametrize("protocol", BOTH)
def test_ss_shows_nothing_for_a_port_that_only_talks(
    sockets: dict[str, int], protocol: str
) -> None:
    """A client's own port does not listen."""
    assert shown_by_ss(sockets[f"{protocol} client"], protocol) == []
