"""The canaries that are opened on a host, in network namespaces of the tests' own."""

import subprocess
import sys
from dataclasses import replace

import pytest

from portproof.model.observation import (
    LISTENING_SOCKETS,
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.ssh.framing import FramedReply
from portproof.ssh.replies import read_reply
from portproof.ssh.script import Asking, python_program
from support.boot import BOOT
from support.fleet.looking import questions

pytestmark = pytest.mark.needs("namespaces")

SEAL = "SEAL"
LIMIT = 4_000_000
FAR = 1e12
QUESTIONS = questions()[Platform.LINUX]
PROBE = Asking.prepare(Platform.LINUX, QUESTIONS, "probe", LIMIT)
NEITHER = Asking.prepare(Platform.LINUX, QUESTIONS, "nothing", LIMIT)


def canary_at(server: str, setup: str) -> list[tuple[str, str]]:
    """The TCP canaries beyond loopback in a network namespace of the test's own."""
    enter = ["unshare", "--net", "sh", "-c", f'{setup}; exec "$@"', "sh"]
    reply = framed(replace(NEITHER, server=server), enter)
    host = server.partition("%")[0]
    told = read_reply(reply, NEITHER.questions, Platform.LINUX, FAR, host)
    assert isinstance(told.reply, Unobserved)
    assert told.reply.reason is Reason.NO_COLLECTOR
    return [(each.protocol, each.address) for each in told.canaries if each.address == host]


def framed(asking: Asking, enter: list[str]) -> bytes:
    """What the program answers where it is let in."""
    command = [*enter, sys.executable, "-ISBWignore", "-c", BOOT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        host.stdin.write(python_program(asking, SEAL, 30.0))
        host.stdin.flush()
        found = FramedReply(SEAL, LIMIT).find(bytearray(host.stdout.read()))
    assert found is not None
    return found


@pytest.mark.parametrize("server", ["10.9.0.5", "fd77::5", "fe80::5%eth0"])
def test_a_canary_is_opened_at_the_servers_address_where_that_is(server: str) -> None:
    """Of either family, and on a link."""
    there = (
        "ip link set lo up; ip link add eth0 type veth peer name eth1; ip link set eth0 up;"
        " ip link set eth1 up; ip addr add 10.9.0.5/24 dev eth0;"
        " ip addr add fd77::5/64 dev eth0 nodad; ip addr add fe80::5/64 dev eth0 nodad"
    )
    assert canary_at(server, there) == [("tcp", server.partition("%")[0])]


@pytest.mark.parametrize("server", ["10.9.0.5", "fd77::5", "fe80::5%eth0"])
def test_no_canary_is_opened_at_an_address_that_is_elsewhere(server: str) -> None:
    """Also where sockets may be bound to any address, and there is a way to it."""
    elsewhere = (
        "ip link set lo up; ip link add eth0 type veth peer name eth1; ip link set eth0 up;"
        " ip link set eth1 up; ip addr add 10.9.0.6/24 dev eth0; ip addr add fd77::6/64 dev eth0"
        " nodad; echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind;"
        " echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind"
    )
    assert canary_at(server, elsewhere) == []


def told_in(setup: str) -> tuple[SourceReply, tuple[Witness, ...]]:
    """What the probe sees in a network namespace of the test's own, and the canaries."""
    reply = framed(PROBE, ["unshare", "--net", "sh", "-c", f'{setup}; exec "$@"', "sh"])
    found = read_reply(reply, PROBE.questions, Platform.LINUX, FAR)
    assert isinstance(found.reply, SourceReply)
    return found.reply, found.canaries


@pytest.mark.parametrize("how", ["ip addr del ::1/128 dev lo", "echo 1 > $C/lo/disable_ipv6"])
def test_ipv6_without_its_loopback_is_vouched_for(how: str) -> None:
    """By a canary that serves IPv4 and stands in the tables of IPv6."""
    setup = (
        f"C=/proc/sys/net/ipv6/conf; ip link set lo up; {how}; ip link add d0 type veth peer name"
        " d1; ip link set d0 up; ip addr add 2001:db8::1/64 dev d0 nodad"
    )
    seen, opened = told_in(setup)
    assert seen.incomplete == ()
    assert {each.address for each in opened} == {"127.0.0.1"}
    assert len(opened) == len({"tcp", "udp"}) * 2


@pytest.mark.parametrize("only", ["0", "1"])
def test_without_ipv6_addresses_the_ipv6_tables_are_vouched_for(only: str) -> None:
    """Nobody can listen there within reach but through IPv4; a canary of that kind is seen."""
    bindv6only = f"echo {only} > /proc/sys/net/ipv6/bindv6only"
    seen, opened = told_in(f"ip link set lo up; ip addr del ::1/128 dev lo; {bindv6only}")
    assert seen.incomplete == ()
    answer = seen.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    ipv6 = {(row["protocol"], row["port"]) for row in answer.rows if row["family"] == "10"}
    for protocol, number in (("tcp", "6"), ("udp", "17")):
        ports = {str(each.port) for each in opened if each.protocol == protocol}
        assert any((number, port) in ipv6 for port in ports)
