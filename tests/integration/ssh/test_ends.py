"""What runs on a host ends when nobody is left to read its answer, however that came about."""

import subprocess
import sys
import threading
import time

import pytest

from portproof.model.observation import Look, Reason
from portproof.run.fleet import FleetRun
from portproof.ssh.collector import SshCollector
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import (
    RIGHT,
    connection,
    dark,
    ends,
    eventually,
    leftovers,
    look,
    questions,
    sudo,
)
from support.fleet.plans import Plan
from support.paths import TESTS

pytestmark = pytest.mark.needs("namespaces", "sshd", "sudo", "doas")

HANGING = ("osqueryi", "osqueryi-alone")
PATIENT = SshSettings(connect_timeout=2, login_timeout=4, command_timeout=60, via="osqueryi")
HURRIED = SshSettings(connect_timeout=2, login_timeout=4, command_timeout=1.5, via="osqueryi")


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts whose osqueryi never ends, one of them without Python."""
    plans = {tools: Plan(tools=tools) for tools in ("osqueryi", "osqueryi-alone")}
    made = start_fleet(plans)
    for host in plans:
        (made[host].folder / "habit").write_text("close_and_hang")
    return made


def hangs(hosts: Fleet, host: str) -> bool:
    """Whether osqueryi runs on a host."""
    return any("live_osqueryi" in line for line in leftovers(hosts, host))


@pytest.mark.parametrize("host", HANGING)
@pytest.mark.parametrize("user", ["root", "operator"])
def test_when_the_time_is_over(hosts: Fleet, host: str, user: str) -> None:
    """The command's time, that is, as root and behind sudo."""
    become = sudo() if user == "operator" else None
    looked = dark(look(connection(hosts, host, user=user, become=become), HURRIED))
    assert looked.cause.reason is Reason.TIMEOUT
    assert ends(hosts, host)


@pytest.mark.parametrize("host", HANGING)
def test_when_it_ran_on_a_terminal(hosts: Fleet, host: str) -> None:
    """As doas needs one for its password."""
    become = sudo(RIGHT, "doas")
    looked = dark(look(connection(hosts, host, user="auditor", become=become), HURRIED))
    assert looked.cause.reason is Reason.TIMEOUT
    assert ends(hosts, host)


def test_when_the_run_is_cancelled(hosts: Fleet) -> None:
    """At once, and what was under way is not yielded."""
    collector = SshCollector(questions(), PATIENT)

    async def collect(name: str) -> Look:
        return await collector.look(name, connection(hosts, name))

    run = FleetRun(collect, HANGING, 2, collector.close)

    def cancel_when_both_hang() -> None:
        assert eventually(lambda: all(hangs(hosts, host) for host in HANGING))
        run.cancel()

    cancelling = threading.Thread(target=cancel_when_both_hang)
    cancelling.start()
    begun = time.monotonic()
    assert list(run) == []
    assert time.monotonic() - begun < PATIENT.command_timeout / 2
    cancelling.join()
    for host in HANGING:
        assert ends(hosts, host)


SCRIPT = """
import sys
from support.fleet.looking import *
from portproof.model.connection import Connection
address, key, known = sys.argv[1:]
look(Connection(kind="ssh", address=address, arguments=options(
    user="root", identity_files=(key,), known_hosts=(known,), config_file="none")),
    SshSettings(command_timeout=60, via="osqueryi"))
"""


@pytest.mark.parametrize("host", HANGING)
def test_when_the_controller_is_killed(hosts: Fleet, host: str) -> None:
    """It has no chance to say anything; the connection ends, and that is enough."""
    connection(hosts, host)  # writes the known hosts
    known, key = str(hosts.folder / "known_hosts"), str(hosts.key())
    command = [sys.executable, "-c", SCRIPT, hosts[host].address, key, known]
    with subprocess.Popen(command, env={"PYTHONPATH": str(TESTS)}) as controller:
        assert eventually(lambda: hangs(hosts, host), 10)
        controller.kill()
    assert ends(hosts, host)
