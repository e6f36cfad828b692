"""Several processes: the contract of one, whatever becomes of them, and nothing is left of them."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import psutil
import pytest

from portproof.judge.job import Applying, Job, Judging
from portproof.model.connection import Connection
from portproof.model.hosts import Host, Inventory, Target
from portproof.model.observation import HostLook, Look, Reason
from portproof.policy.policy import Policy, bind
from portproof.policy.waivers import BoundWaiver, Waiver
from portproof.result.result import AuditResult, HostResult
from portproof.run.audit import run
from portproof.run.fleet import FleetRun
from portproof.run.host_audit import HostAudit, HostTask
from portproof.run.hosts import HostAudits, LookSettings
from portproof.run.plan import AuditPlan
from portproof.run.workers import MOST, Workers, wanted
from portproof.ssh.settings import SshSettings
from portproof.text.logs import LogSettings, start
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import (
    RIGHT,
    connection,
    dark,
    ends,
    eventually,
    leftovers,
    listening_check,
    seen,
    sudo,
)
from support.fleet.plans import Opened, Plan
from support.paths import TESTS

pytestmark = pytest.mark.needs("namespaces", "sshd", "sudo")

PATIENT = SshSettings(connect_timeout=20, login_timeout=60, command_timeout=60)
RULE = {"id": "npmp", "closed": "609/tcp"}
RULES = tuple(bind([Policy.model_validate({"policy": "p", "title": "P", "rules": [RULE]})]))
JOB = Job(RULES, (listening_check(),), Inventory((), "nobody"))


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """A host with a failure, one without, and one whose osqueryi never ends."""
    plans = {
        "fails": Plan(opened=(Opened("tcp", "0.0.0.0", 609, "npmp"),)),
        "quiet": Plan(),
        "hangs": Plan(tools="osqueryi-alone"),
    }
    made = start_fleet(plans)
    (made["hangs"].folder / "habit").write_text("close_and_hang")
    return made


def some_workers(count: int = 2, silence: float = 60.0) -> Workers:
    """Some processes."""
    return Workers(AuditPlan.of(JOB, ssh=PATIENT, processes=count), 20 * count, silence)


def run_of(
    made: Fleet, looking: Workers, names: Sequence[str], ways: dict[str, Connection] | None = None
) -> FleetRun[HostTask, HostAudit]:
    """A run over hosts of the fleet, each named after one, with a number behind a slash."""

    def task(name: str) -> HostTask:
        way = (ways or {}).get(name) or connection(made, name.partition("/")[0])
        return HostTask(name, (), way, Applying(bytes([1])))

    return FleetRun(looking.audit, map(task, names), 10, looking.close)


def looks(run: Iterable[HostAudit]) -> Iterator[tuple[str, Look]]:
    """Every host of a run with its look; its verdict must be that of the look."""
    for audit in run:
        host, own = Host(audit.result.name), Applying(bytes([1]))
        assert Judging(JOB).judge.judge(host, own, audit.look) == audit.result
        yield audit.result.name, audit.look


def workers() -> list[psutil.Process]:
    """The worker processes of this one, first those that were started, then their copies."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if any("worker_main" in word for word in _words(each))]


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def test_every_host_comes_out_once_with_its_second_round(hosts: Fleet) -> None:
    """Half of them fail; both processes look; the processes are gone at the end."""
    names = [f"{place}/{number}" for number in range(10) for place in ("fails", "quiet")]
    run = run_of(hosts, some_workers(), names)
    busy = 0
    found = {}
    for name, look in looks(run):
        found[name] = seen(look)
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


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Log everything into a file, as ``-vv --log-file`` does, and stop at the end."""
    loggers = [logging.getLogger(name) for name in ("portproof", "asyncssh")]
    before = [(each, each.handlers, each.level) for each in loggers]
    start(LogSettings(2, str(tmp_path / "log")))
    yield tmp_path / "log"
    for each, handlers, level in before:
        each.handlers = handlers
        each.setLevel(level)


def test_workers_log_to_the_file_of_the_audit(hosts: Fleet, log: Path) -> None:
    """Each line is whole and names the process; passwords and delimiters are in none."""
    way = connection(hosts, "quiet", user="auditor", become=sudo(RIGHT))
    names = [f"quiet/{number}" for number in range(10)]
    list(run_of(hosts, some_workers(), names, dict.fromkeys(names, way)))
    text = log.read_text(encoding="utf-8")
    lines = [re.match(r"\S+Z [A-Z]+ [a-z_.]+\[(\d+)\]: ", line) for line in text.splitlines()]
    assert len({line[1] for line in lines if line}) == 3
    assert None not in lines
    for name in names:
        assert f"{name}: sudo asks for the password, which is sent" in text
    assert "2 workers started" in text
    assert text.count("a worker ended, hosts under way: 0") == 2
    assert RIGHT not in text
    assert not re.search(r"portproof-[0-9a-f]{8}", text)


def test_passwords_get_there_and_nowhere_else(hosts: Fleet) -> None:
    """Over the socket alone: no process has one in its command line or environment."""
    way = connection(hosts, "quiet", user="auditor", become=sudo(RIGHT))
    names = [f"quiet/{number}" for number in range(1, 25)]
    run = run_of(hosts, some_workers(), names, {"quiet/1": way})
    shown = []
    found = {}
    for name, look in looks(run):
        found[name] = look
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
    for _, look in looks(run_of(hosts, some_workers(), [*ways], ways)):
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
    run = run_of(hosts, some_workers(1, silence), names)
    acting = when(lambda: hanging(hosts), lambda: workers()[0].send_signal(end))
    found = dict(looks(run))
    acting.join()
    assert sorted(found) == sorted(names)
    lost = dark(found["hangs"]).cause
    assert lost.reason is Reason.INTERNAL
    assert lost.detail.startswith("the process that looked at hangs ")
    assert ("heartbeat" in lost.detail) is (end is signal.SIGSTOP)
    assert workers() == []
    assert ends(hosts, "hangs")


def test_another_process_takes_the_place_of_one_that_ended(hosts: Fleet) -> None:
    """So a host that brings one down does not bring down the audit."""
    run = run_of(hosts, some_workers(2), [f"quiet/{number}" for number in range(30)])
    found: dict[str, Look] = {}
    for name, look in looks(run):
        if not found:
            for each in workers():
                each.kill()
        found[name] = look
    assert len(found) == 30
    assert any(isinstance(look, HostLook) for look in list(found.values())[-5:])


def test_cancelling_ends_what_runs_on_hosts_and_the_processes(hosts: Fleet) -> None:
    """As the second Ctrl-C does; what was under way is not yielded."""
    run = run_of(hosts, some_workers(), ["hangs/1", "hangs/2", "hangs/3"])
    acting = when(lambda: hanging(hosts), run.cancel)
    assert list(run) == []
    acting.join()
    assert workers() == []
    assert ends(hosts, "hangs")


def test_finishing_yields_what_is_under_way(hosts: Fleet) -> None:
    """As the first Ctrl-C does."""
    run = run_of(hosts, some_workers(), [f"quiet/{number}" for number in range(500)])
    taken = 0
    for _, look in looks(run):
        taken += 1
        seen(look)
        run.finish()
    assert 1 <= taken <= 21
    assert workers() == []


SCRIPT = """
import asyncio, sys
from support.fleet.looking import *
from portproof.judge.job import Applying, Job
from portproof.model.connection import Connection
from portproof.model.hosts import Inventory
from portproof.run.hosts import HostAudits, LookSettings
from portproof.run.host_audit import HostTask
from portproof.run.plan import AuditPlan
from portproof.run.workers import Workers
address, key, known = sys.argv[1:]
async def main():
    job = Job((), (listening_check(),), Inventory((), "nobody"))
    plan = AuditPlan.of(job, ssh=SshSettings(command_timeout=60), processes=2)
    workers = Workers(plan, 10)
    way = Connection(kind="ssh", address=address, arguments=options(
        user="root", identity_files=(key,), known_hosts=(known,), config_file="none"))
    tasks = [HostTask(str(number), (), way, Applying(b"")) for number in range(4)]
    await asyncio.gather(*map(workers.audit, tasks))
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


def test_small_fleets_have_no_workers() -> None:
    """A process more costs as much as looking at dozens of hosts."""
    assert wanted(399, 5000) == 1
    assert wanted(100_000, 1) == 1
    assert wanted(100_000, 5000) == min(len(os.sched_getaffinity(0)), MOST)


def _told(host: HostResult) -> bytes:
    """Return the judgements of a host; sshd's own title counts the logins of the moment."""
    return re.sub(rb"\d+ of \d+-\d+ startups", b"startups", msgspec.json.encode(host.judgements))


def test_an_audit_comes_out_alike_in_one_process_and_in_several(
    hosts: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verdict, finding and explanation, a waiver and hosts of other rules among them."""
    monkeypatch.setattr("portproof.run.workers.EACH", 2)
    places = [f"{place}/{number}" for number in range(4) for place in ("fails", "quiet")]
    groups = {name: ("odd",) if name.endswith(("1", "3")) else ("even",) for name in places}
    inventory = Inventory(tuple(Host(name, groups[name]) for name in places), "the fleet")
    targets = [
        Target(host, connection(hosts, host.name.partition("/")[0])) for host in inventory.hosts
    ]
    rules = [RULE, {"id": "odd", "closed": "609/tcp", "hosts": "odd"}]
    policy = Policy.model_validate({"policy": "p", "title": "P", "rules": rules})
    waiver = {"rule": "npmp", "hosts": "fails/0", "owner": "a", "reason": "b"}
    waivers = (BoundWaiver(Waiver.model_validate({**waiver, "until": "2999-01-01"}), "p/npmp"),)
    job = Job(tuple(bind([policy])), (listening_check(),), inventory, waivers=waivers)

    def audited(forks: int) -> AuditResult:
        return run(job, HostAudits(job, targets, LookSettings([], forks, ssh=PATIENT)))

    alone, beside = audited(1), audited(4)
    assert alone.totals == beside.totals
    assert alone.totals.verdicts["waived"] == 1
    for one, other in zip(alone.hosts, beside.hosts, strict=True):
        assert (one.name, one.groups) == (other.name, other.groups)
        assert _told(one) == _told(other)
        assert one.seen.source == other.seen.source
    assert alone.warnings == beside.warnings
