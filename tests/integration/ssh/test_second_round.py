"""The second round over SSH: who is behind failing listeners, over the connection that is open."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from portproof.judge.host import judge
from portproof.judge.job import Applying, Job
from portproof.judge.plan import Plan as Rules
from portproof.model.connection import Connection
from portproof.model.hosts import Host, Inventory, Target
from portproof.model.observation import HostLook, Look, Reason
from portproof.model.verdicts import Finding, Verdict
from portproof.model.why import PortCategory, Why
from portproof.policy.policy import Policy, bind
from portproof.result.result import AuditResult
from portproof.run.audit import run
from portproof.run.host_audit import HostTask
from portproof.run.hosts import HostAudits, LookSettings
from portproof.run.plan import AuditPlan
from portproof.run.ssh_audit import ssh_auditor
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import (
    QUICK,
    RIGHT,
    connection,
    ends,
    eventually,
    listening_check,
    look,
    seen,
    sudo,
)
from support.fleet.plans import Fault, Opened, Plan, Tools

pytestmark = pytest.mark.needs("namespaces", "ss", "sshd", "sudo")

OPENED = (Opened("tcp", "0.0.0.0", 609, "npmp", "web"),)
TOOLS: tuple[Tools, ...] = ("python", "osqueryi", "osqueryi-alone")
FAULTS: tuple[Fault, ...] = ("again-hang", "again-cut", "again-garbage", "again-half")
RULE = {"id": "npmp", "closed": ["609/tcp", "8609/tcp"]}
RULES = tuple(bind([Policy.model_validate({"policy": "p", "title": "P", "rules": [RULE]})]))
LISTEN = """
import socket, time
held = socket.create_server(("0.0.0.0", 8609))
time.sleep(600)
"""
HURRIED = SshSettings(connect_timeout=5, login_timeout=10, command_timeout=4)


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts with a listener on 609, by their tools and by what they do the second time."""
    plans: dict[str, Plan] = {tools: Plan(opened=OPENED, tools=tools) for tools in TOOLS}
    plans |= {fault: Plan(opened=OPENED, fault=fault) for fault in FAULTS}
    plans |= {"quiet": Plan(), "own": Plan()}
    return start_fleet(plans)


def job_of(*names: str) -> Job:
    """An audit of hosts by the rules."""
    return Job(RULES, (listening_check(),), Inventory(tuple(map(Host, names)), "the fleet"))


def explained(connected: Connection, settings: SshSettings = QUICK) -> HostLook:
    """A look with its second round."""

    async def once() -> Look:
        async with ssh_auditor(AuditPlan.of(job_of("host"), ssh=settings)) as auditor:
            task = HostTask("host", (), connected, Applying(bytes([1])))
            return (await auditor.audit(task)).look

    return seen(asyncio.run(once()))


def told(found: HostLook) -> Why:
    """What the second round told of the one process there is."""
    assert found.why is not None
    (why,) = found.why.values()
    return why


def finding(found: HostLook) -> Finding:
    """The finding of a look: a failure, whatever became of the second round."""
    result = judge(Rules(RULES, [True]), Host("host"), found, [listening_check()])
    assert result.has(Verdict.FAIL)
    (one,) = (each for judgement in result.judgements for each in judgement.findings)
    return one


def sessions(hosts: Fleet, host: str) -> int:
    """How many commands a host's SSH server has been asked to run."""
    return (hosts[host].folder / "log").read_text(encoding="utf-8").count("Starting session")


def logins(hosts: Fleet, host: str) -> int:
    """How many logins a host's SSH server has let in."""
    return (hosts[host].folder / "log").read_text(encoding="utf-8").count("Accepted publickey")


def insist_on_everything(why: Why) -> None:
    """Process, user, executable, parents: all that there is of the fleet's listener."""
    assert (why.process.name, why.process.user, why.process.uid) == ("npmp", "web", 2009)
    assert "fleet.boot" in why.process.cmdline
    assert why.executable is not None
    assert why.executable.path.startswith("/")
    assert len(why.executable.sha256) == 64
    assert [parent.pid for parent in why.parents][-1] == 1


@pytest.mark.parametrize("tools", ["python", "osqueryi"])
def test_root_is_told_everything_over_the_same_connection(hosts: Fleet, tools: str) -> None:
    """In a second command of the one login; the finding reads as it does on this machine.

    The fleet's servers allow one session at a time (MaxSessions), so one ends before the other.
    """
    before = logins(hosts, tools), sessions(hosts, tools)
    found = explained(connection(hosts, tools))
    assert (logins(hosts, tools), sessions(hosts, tools)) == (before[0] + 1, before[1] + 2)
    insist_on_everything(told(found))
    one = finding(found)
    assert one.why == (told(found),)
    assert one.reading is not None
    assert one.reading.kind is PortCategory.SUSPICIOUS
    assert "It calls itself npmp" in " ".join(one.reading.reasons)
    assert ends(hosts, tools)


@pytest.mark.needs("doas")
@pytest.mark.parametrize("method", ["sudo", "doas"])
def test_a_sudoer_is_asked_for_the_password_again(hosts: Fleet, method: str) -> None:
    """And is told as much as root."""
    become = sudo(RIGHT, method)
    found = explained(connection(hosts, "python", user="auditor", become=become))
    insist_on_everything(told(found))
    assert ends(hosts, "python")


def test_a_user_without_rights_is_told_what_is_missing(hosts: Fleet) -> None:
    """Whoever sees no owner of a socket has no process to ask about; the reading says so."""
    found = explained(connection(hosts, "python", user="guest"))
    assert found.why == {}
    one = finding(found)
    assert one.reading is not None
    assert one.reading.kind is PortCategory.UNKNOWN
    assert "process" in one.reading.reasons[0]


def test_a_user_may_look_into_its_own_processes(hosts: Fleet) -> None:
    """So of those it is told as much as root."""
    drop = ["setpriv", "--reuid=2009", "--regid=2009", "--clear-groups"]
    running = hosts["own"].start(*drop, "python3", "-c", LISTEN)
    assert eventually(lambda: ":8609" in hosts["own"].run("ss", "-Hltn"))
    try:
        why = told(explained(connection(hosts, "own", user="web")))
    finally:
        running.kill()
        running.wait()
    assert (why.process.user, why.executable is not None, why.missing) == ("web", True, ())


def test_without_python_osqueryi_is_asked(hosts: Fleet) -> None:
    """Through the shell, in its own SQL; what it does not know is said."""
    found = explained(connection(hosts, "osqueryi-alone"))
    why = told(found)
    assert (why.process.name, why.process.user) == ("npmp", "web")
    assert [parent.pid for parent in why.parents][-1] == 1
    assert any("could not be found" in text for text in why.missing)
    assert ends(hosts, "osqueryi-alone")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_host_that_fails_in_the_second_round_keeps_its_verdicts(hosts: Fleet, fault: str) -> None:
    """It is told what happened, within a fifth more than its time."""
    hosts[fault].run("rm", "-rf", "/run/asked")
    begun = time.monotonic()
    found = explained(connection(hosts, fault), HURRIED)
    assert time.monotonic() - begun < 1.2 * 4 + 2 + HURRIED.login_timeout
    assert finding(found).listener is not None
    (missing,) = told(found).missing
    assert missing.startswith("who is behind it could not be found: ")
    assert (told(found).process.name, told(found).process.user) == ("npmp", "web")


def test_nothing_is_asked_where_nothing_fails(hosts: Fleet) -> None:
    """One login, one command, and no second round in the evidence."""
    before = logins(hosts, "quiet"), sessions(hosts, "quiet")
    found = explained(connection(hosts, "quiet"))
    assert (logins(hosts, "quiet"), sessions(hosts, "quiet")) == (before[0] + 1, before[1] + 1)
    assert found.why is None


def test_nobody_is_asked_when_nobody_wants_to_know(hosts: Fleet) -> None:
    """A plain look has no second round."""
    before = sessions(hosts, "python")
    assert seen(look(connection(hosts, "python"))).why is None
    assert sessions(hosts, "python") == before + 1


def test_a_mistake_in_judging_leaves_the_host_unproven(
    hosts: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the place of the mistake, and not what it was about."""

    def broken(*_: object, **__: object) -> None:
        raise ValueError("a password")

    monkeypatch.setattr(Rules, "judge", broken)
    (host,) = audited(hosts, ["python"]).hosts
    (judgement,) = host.judgements
    assert judgement.reason is Reason.INTERNAL
    assert "ValueError" in judgement.detail
    assert "password" not in judgement.detail


def test_an_audit_asks_while_other_hosts_are_looked_at(hosts: Fleet) -> None:
    """One that hangs in its second round holds up none; the evidence holds what came back."""
    hosts["again-hang"].run("rm", "-rf", "/run/asked")
    names = ("again-hang", "python", "quiet")
    order: list[str] = []
    evidence: dict[str, Look] = {}

    def record(host: Host, found: Look) -> None:
        order.append(host.name)
        evidence[host.name] = found

    result = audited(hosts, names, record)
    assert order[-1] == "again-hang"
    verdicts = {host.name: host.judgements[0].verdict for host in result.hosts}
    fail = Verdict.FAIL
    assert verdicts == {"again-hang": fail, "python": fail, "quiet": Verdict.PASS}
    insist_on_everything(told(seen(evidence["python"])))


def audited(
    hosts: Fleet, names: Sequence[str], record: Callable[[Host, Look], None] | None = None
) -> AuditResult:
    """Audit hosts of the fleet."""
    job = job_of(*names)
    targets = [Target(Host(name), connection(hosts, name)) for name in names]
    return run(job, HostAudits(job, targets, LookSettings([], 5, ssh=HURRIED)), record=record)
