"""Canaries are really open, and a family that has none is told of."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portproof.sources.canary import canaries

SHOW = "from portproof.sources.canary import canaries\nwith canaries() as c: print(*c.unopened)"
IPV6_ELSEWHERE = (
    "ip link add d0 type veth peer name d1; ip link set d0 up;"
    " ip addr add 2001:db8::1/64 dev d0 nodad"
)
BINDV6ONLY = "/proc/sys/net/ipv6/bindv6only"
DUAL = """
from pathlib import Path
from portproof.sources.canary import canaries
with canaries() as opened:
    for each in opened.witnesses:
        rows = Path("/proc/net", each.protocol + "6").read_text()
        print(each.protocol, each.address, f":{each.port:04X} " in rows)
"""


def test_a_canary_of_each_kind_is_open_for_the_run_and_gone_after() -> None:
    """Nobody can connect to TCP canaries, from where they are either."""
    with canaries() as opened:
        ports = [(each.address, each.port) for each in opened.witnesses if each.protocol == "tcp"]
        for where in ports:
            with pytest.raises(TimeoutError):
                socket.create_connection(where, timeout=0.2)
    assert {each.protocol for each in opened.witnesses} == {"tcp", "udp"}
    for where in ports:
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        with socket.socket(family) as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(where)


@pytest.mark.needs("namespaces")
def test_a_machine_without_any_ipv6_address_misses_no_canary() -> None:
    """Nobody can listen there within reach, but through IPv4."""
    assert in_namespace("ip link set lo up; ip addr del ::1/128 dev lo") == ""


@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("only", ["0", "1"])
@pytest.mark.parametrize("more", ["true", IPV6_ELSEWHERE])
def test_without_loopback_of_ipv6_its_tables_are_vouched_for(only: str, more: str) -> None:
    """IPv6 sockets can serve IPv4 and stand in those tables, with other IPv6 addresses or none."""
    setup = f"ip link set lo up; ip addr del ::1/128 dev lo; echo {only} > {BINDV6ONLY}; {more}"
    opened = in_namespace(setup, DUAL).splitlines()
    for protocol in ("tcp", "udp"):
        assert {f"{protocol} 127.0.0.1 False", f"{protocol} 127.0.0.1 True"} <= set(opened)


def in_namespace(setup: str, program: str = SHOW) -> str:
    """What a program prints in a network namespace; which canaries could not be opened, if any."""
    done = subprocess.run(
        [
            "unshare",
            "--net",
            "sh",
            "-c",
            f'{setup}; exec "$@"',
            "sh",
            sys.executable,
            "-c",
            program,
        ],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    return done.stdout.strip()
