"""Nobody can connect or send to canaries, from the machine itself or from a neighbour."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portproof.agent.canaries import open_at_loopback
from portproof.agent.turns import turn
from support.netns import ADDRESS4, ADDRESS6, Namespace, namespace

NEIGHBOUR4, NEIGHBOUR6 = "192.0.2.11", "2001:db8::11"
HOLD = """
import os, socket, sys
from portproof.agent.canaries import open_at
socket.getaddrinfo("127.0.0.1", 0)  # loads a codec that another user may not read
os.setuid(int(sys.argv.pop(1)))
held = [each for address in sys.argv[1:] for each in open_at(address)]
plain = socket.create_server(("", 0))
print(plain.getsockname()[1], *(each[3] for each in held), flush=True)
sys.stdin.read()
"""
CONNECT = """
import socket, sys
for address, port in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        socket.create_connection((address, int(port)), timeout=1).close()
        print("connected")
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has socket filters")
def test_datagrams_to_a_canary_are_dropped() -> None:
    """They do not even fill its buffer."""
    held, _ = open_at_loopback()
    canary, _, address, port, _ = next(each for each in held if each[1] == "udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"datagram", (address, port))
    canary.settimeout(0.2)
    with pytest.raises(TimeoutError):
        canary.recv(100)
    for each, *_ in held:
        each.close()


@contextmanager
def neighbours() -> Iterator[tuple[Namespace, Namespace]]:
    """Two network namespaces with a link between them."""
    with namespace() as here, namespace() as there:
        for command in (
            f"-n {here.name} link set there netns {there.name} name to-here",
            f"-n {there.name} address add {NEIGHBOUR4}/24 dev to-here",
            f"-n {there.name} address add {NEIGHBOUR6}/64 dev to-here nodad",
            f"-n {there.name} link set to-here up",
            f"-n {there.name} address del {ADDRESS4}/24 dev here",
            f"-n {there.name} address del {ADDRESS6}/64 dev here",
        ):
            subprocess.run(["ip", *command.split()], check=True)
        yield here, there


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("user", ["0", "65534"])
def test_a_neighbour_cannot_connect_to_the_canary_at_the_servers_address(user: str) -> None:
    """It reaches another socket of the host, and neither canary."""
    with neighbours() as (here, there):
        pipe = subprocess.PIPE
        command = inside(here, HOLD, user, ADDRESS4, ADDRESS6)
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as host:
            assert host.stdin is not None
            assert host.stdout is not None
            plain, *ports = host.stdout.readline().split()
            ends = (ADDRESS4, plain, ADDRESS4, ports[0], ADDRESS6, ports[1])
            tried = subprocess.run(
                inside(there, CONNECT, *ends), check=True, capture_output=True, text=True
            )
            host.stdin.close()
    connected, *failed = tried.stdout.split()
    assert connected == "connected"
    assert set(failed) <= {"TimeoutError", "ConnectionRefusedError"}
    assert len(failed) == 2


def inside(space: Namespace, program: str, *args: str) -> list[str]:
    """A command that runs a program in a namespace."""
    return ["ip", "netns", "exec", space.name, sys.executable, "-c", program, *args]


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux looks take turns")
def test_a_turn_is_waited_for_and_not_for_ever() -> None:
    """Somebody who holds it for ever only delays a look."""
    first = turn(10.0)
    begun = time.monotonic()
    assert turn(0.2) is None
    assert time.monotonic() - begun >= 0.2
    assert first is not None
    first.close()
    second = turn(0.0)
    assert second is not None
    second.close()
