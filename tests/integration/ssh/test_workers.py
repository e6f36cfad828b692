"""Several processes: the contract of one, whatever becomes of them, and nothing is left of them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
import pytest

from portproof.judge.host import failing_listeners, judge
from portproof.judge.plan import Plan as Rules
from portproof.model.connection import Connection
from portproof.model.hosts import Host
from portproof.model.listeners import Listener
from portproof.model.observation import HostLook, Look, Reason
from portproof.policy.policy import Policy, bind
from portproof.run.fleet import FleetRun
from portproof.run.worker_messages import Setup
from portproof.run.workers import MOST, Crew, wanted
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, fleet
from support.fleet.looking import (
    RIGHT,
    connection,
    dark,
    ends,
    eventually,
    leftovers,
    listening_check,
    questions,
    seen,
    sudo,
)
from support.fleet.plans import Opened, Plan
from support.paths import TESTS

pytestmark = pytest.mark.needs("namespaces", "sshd", "sudo")

PATIENT = SshSettings(connect_timeout=20, login_timeout=60, command_timeout=60)
RULE = {"id": "npmp", "closed": "609/tcp"}
RULES = tuple(bind([Policy.model_validate({"policy": "p", "title": "P", "rules": [RULE]})]))


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A host with a failure, one without, and one whose osqueryi never ends."""
    plans = {
        "fails": Plan(opened=(Opened("tcp", "0.0.0.0", 609, "npmp"),)),
        "quiet": Plan(),
        "hangs": Plan(tools="osqueryi-alone"),
    }
    with fleet(tmp_path_factory.mktemp("fleet"), plans) as made:
        (made["hangs"].folder / "habit").write_text("close_and_hang")
        yield made


def crew(count: int = 2, silence: float = 60.0) -> Crew:
    """Some processes."""
    return Crew(Setup(questions(), PATIENT, 20, silence), count)


def run_of(
    made: Fleet, looking: Crew, names: Sequence[str], ways: dict[str, Connection] | None = None
) -> FleetRun:
    """A run over hosts of the fleet, each named after one, with a number behind a slash."""

    async def failing(_: Host, found: HostLook) -> Sequence[Listener]:
        plan = Rules(RULES, [True])
        return failing_listeners(judge(plan, Host("host"), found, [listening_check()]))

    async def collect(host: Host) -> Look:
        place = host.name.partition("/")[0]
        way = (ways or {}).get(host.name) or connection(made, place)
        return await looking.look(host.name, way, partial(failing, host))

    return FleetRun(collect, map(Host, names), 10, looking.close)


def workers() -> list[psutil.Process]:
    """The processes of crews of this one, first those that were started, then their copies."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if any("engines.worker" in w for w in _words(each))]


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def test_every_host_comes_out_once_with_its_second_round(hosts: Fleet) -> None:
    """Half of them fail; both processes look; the processes are gone at the end."""
    names = [f"{place}/{number}" for number in range(10) for place in ("fails", "quiet")]
    run = run_of(hosts, crew(), names)
    busy = 0
    found = {}
    for host, look in run:
        found[host.name] = seen(look)
        busy = max(busy, len(workers()))
    assert sorted(found) == sorted(names)
    assert busy == 2
    assert workers() == []
    for name, look in found.items():
        if name.startswith("fails"):
            assert look.why is not None
            assert [why.process.name for why in look.why.values()] == ["npmp"]
        else:
            assert look.why is None


def test_passwords_get_there_and_nowhere_else(hosts: Fleet) -> None:
    """Over the socket alone: no process has one in its command line or environment."""
    way = connection(hosts, "quiet", user="auditor", become=sudo(RIGHT))
    names = [f"quiet/{number}" for number in range(1, 25)]
    run = run_of(hosts, crew(), names, {"quiet/1": way})
    shown = []
    found = {}
    for host, look in run:
        found[host.name] = look
        shown += [str((_words(each), each.environ())) for each in workers()]
    assert seen(found["quiet/1"]).reply.identity.euid == 0
    assert shown
    assert RIGHT not in "".join(shown)


def test_new_host_keys_are_recorded_once(hosts: Fleet, tmp_path: Path) -> None:
    """Whichever process meets a host first, under however many names."""
    known = tmp_path / "known_hosts"
    ways = {
        f"{place}/{number}": connection(
            hosts, place, known_hosts=(str(known),), accept_new_host_keys=True
        )
        for number in range(8)
        for place in ("fails", "quiet")
    }
    for _, look in run_of(hosts, crew(), [*ways], ways):
        seen(look)
    kept = [line.split()[0] for line in known.read_text(encoding="ascii").splitlines()]
    assert sorted(kept) == sorted(hosts[place].address for place in ("fails", "quiet"))


def hanging(hosts: Fleet) -> bool:
    """Whether osqueryi runs on the host where it never ends."""
    return any("live_osqueryi" in line for line in leftovers(hosts, "hangs"))


def when(holds: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
    """Do something as soon as something else holds."""

    def wait() -> None:
        assert eventually(holds, 50)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_ends_or_hangs_leaves_its_hosts_unproven(
    hosts: Fleet, end: signal.Signals
) -> None:
    """And says so; the others are looked at, and another process takes its place."""
    names = ["hangs", *(f"quiet/{number}" for number in range(6))]
    silence = 5.0 if end is signal.SIGSTOP else 60.0
    run = run_of(hosts, crew(1, silence), names)
    acting = when(lambda: hanging(hosts), lambda: workers()[0].send_signal(end))
    found = {host.name: look for host, look in run}
    acting.join()
    assert sorted(found) == sorted(names)
    lost = dark(found["hangs"]).cause
    assert lost.reason is Reason.INTERNAL
    assert lost.detail.startswith("the process that looked at hangs ")
    assert ("sign of life" in lost.detail) is (end is signal.SIGSTOP)
    assert workers() == []
    assert ends(hosts, "hangs")


def test_another_process_takes_the_place_of_one_that_ended(hosts: Fleet) -> None:
    """So a host that brings one down does not bring down the audit."""
    run = run_of(hosts, crew(2), [f"quiet/{number}" for number in range(30)])
    found: dict[str, Look] = {}
    for host, look in run:
        if not found:
            for each in workers():
                each.kill()
        found[host.name] = look
    assert len(found) == 30
    assert any(isinstance(look, HostLook) for look in list(found.values())[-5:])


def test_cancelling_ends_what_runs_on_hosts_and_the_processes(hosts: Fleet) -> None:
    """As the second Ctrl-C does; what was under way is not yielded."""
    run = run_of(hosts, crew(), ["hangs/1", "hangs/2", "hangs/3"])
    acting = when(lambda: hanging(hosts), run.cancel)
    assert list(run) == []
    acting.join()
    assert workers() == []
    assert ends(hosts, "hangs")


def test_finishing_yields_what_is_under_way(hosts: Fleet) -> None:
    """As the first Ctrl-C does."""
    run = run_of(hosts, crew(), [f"quiet/{number}" for number in range(500)])
    taken = 0
    for _, look in run:
        taken += 1
        seen(look)
        run.finish()
    assert 1 <= taken <= 21
    assert workers() == []


SCRIPT = """
import asyncio, sys
from support.fleet.looking import *
from portproof.run.workers import Crew
from portproof.run.worker_messages import Setup
from portproof.model.connection import Connection
address, key, known = sys.argv[1:]
async def main():
    crew = Crew(Setup(questions(), SshSettings(command_timeout=60), 10), 2)
    way = Connection(kind="ssh", address=address, user="root", identity_files=(key,),
        known_hosts=(known,), config_file="none")
    await asyncio.gather(*(crew.look(str(number), way) for number in range(4)))
asyncio.run(main())
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_controller_is_killed_nothing_is_left(hosts: Fleet, end: signal.Signals) -> None:
    """Neither a process nor anything on a host."""
    connection(hosts, "hangs")  # writes the known hosts
    arguments = [hosts["hangs"].address, str(hosts.key()), str(hosts.folder / "known_hosts")]
    command = [sys.executable, "-c", SCRIPT, *arguments]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TESTS)}) as controller:
        assert eventually(lambda: hanging(hosts), 50)
        left = workers()
        controller.send_signal(end)
    assert len(left) == 2
    assert eventually(lambda: not any(_runs(each) for each in left), 10)
    assert ends(hosts, "hangs")


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_small_fleets_have_no_crew() -> None:
    """A process more costs as much as looking at dozens of hosts."""
    assert wanted(399, 5000) == 1
    assert wanted(100_000, 1) == 1
    assert wanted(100_000, 5000) == min(len(os.sched_getaffinity(0)), MOST)
