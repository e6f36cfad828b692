"""Everything that goes wrong on the way, in one run: each host has its own reason, none a pass."""

import time
from typing import Any

import pytest

from portproof.model.connection import Connection
from portproof.model.hosts import Host
from portproof.model.observation import HostLook, Look, Reason
from portproof.run.fleet import FleetRun
from portproof.ssh.collector import SshCollector
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import (
    connection,
    dark,
    ends,
    questions,
    sudo,
    verdicts,
)
from support.fleet.plans import Fault, Opened, Plan
from support.standins.leaks import nothing_leaks

pytestmark = pytest.mark.needs("namespaces", "ss", "sshd", "sudo", "iptables")

SETTINGS = SshSettings(
    connect_timeout=2, login_timeout=5, command_timeout=8, output_limit=4_000_000
)
TOTAL = 15.0
EACH = 2
REASONS: dict[Fault, Reason] = {
    "drop": Reason.TIMEOUT,
    "refuse": Reason.UNREACHABLE,
    "silent": Reason.TIMEOUT,
    "hang": Reason.TIMEOUT,
    "deaf": Reason.TIMEOUT,
    "reset": Reason.PARTIAL,
    "half": Reason.PARTIAL,
    "garbage": Reason.GARBLED,
    "endless": Reason.OVERSIZED,
    "stranger": Reason.HOST_KEY,
    "no-login": Reason.AUTH,
}
POLICY = {
    "policy": "p",
    "title": "P",
    "rules": [
        {"id": "open", "closed": 609},
        {"id": "closed", "closed": 610},
        {"id": "needed", "open": "611/tcp"},
    ],
}
ALL_TOLD = {"open": "fail", "closed": "pass", "needed": "fail"}
OPENED = (Opened("tcp", "0.0.0.0", 609),)


def plans() -> dict[str, Plan]:
    """Some hosts for each fault, and others that are all right."""
    faulty = {
        f"{fault}-{number}": Plan(OPENED, fault) for fault in REASONS for number in range(EACH)
    }
    fine = {f"fine-{number}": Plan(OPENED) for number in range(6)}
    return {
        **faulty,
        **fine,
        "slow": Plan(OPENED, "slow"),
        "flaky": Plan(OPENED, "flaky"),
        "loud": Plan(OPENED),
        "unknown": Plan(OPENED),
        "nothing": Plan(OPENED, tools="nothing"),
        "hidden": Plan(OPENED, hidden=True),
        "sudo": Plan(OPENED),
        "named": Plan(),
    }


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """The faulty fleet."""
    return start_fleet(plans())


def connections(hosts: Fleet) -> dict[str, Connection]:
    """How every host is reached: as root, but for those whose fault it is who logs in."""
    nobody = hosts.folder / "known_nobody"
    nobody.touch()
    changes: dict[str, dict[str, Any]] = {
        "unknown": {"known_hosts": (str(nobody),)},
        "loud": {"user": "loud", "become": sudo()},
        "hidden": {"user": "guest"},
        "sudo": {"user": "guest", "become": sudo("wrong")},
        "named": {"address": "no-such-host.invalid"},
    }
    return {name: connection(hosts, name, **changes.get(name, {})) for name in hosts.hosts}


@pytest.fixture(scope="module")
def run(hosts: Fleet) -> tuple[dict[str, Look], float]:
    """One run over all of them at once, and the seconds it took."""
    collector = SshCollector(questions(), SETTINGS)
    reached = connections(hosts)

    async def collect(name: str) -> tuple[str, Look]:
        return name, await collector.look(name, reached[name])

    begun = time.monotonic()
    fleet_run = FleetRun(collect, reached, forks=len(reached), close=collector.close)
    looks = dict(fleet_run)
    return looks, time.monotonic() - begun


Run = tuple[dict[str, Look], float]


def reason(looked: Look) -> Reason:
    """Why a host is dark."""
    return dark(looked).cause.reason


@pytest.mark.parametrize("fault", REASONS)
def test_every_fault_has_its_own_reason(run: Run, fault: Fault) -> None:
    """And its detail is one sentence that can be shown anywhere."""
    for number in range(EACH):
        name = f"{fault}-{number}"
        cause = dark(run[0][name]).cause
        assert cause.reason is REASONS[fault], cause
        assert cause.detail.isprintable()
        assert len(cause.detail) < 500
        judged = verdicts(POLICY, {name: run[0][name]})[name]
        assert {str(each.verdict) for each in judged.values()} == {"unproven"}


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("unknown", Reason.HOST_KEY),
        ("nothing", Reason.NO_COLLECTOR),
        ("sudo", Reason.AUTH),
        ("named", Reason.UNREACHABLE),
    ],
)
def test_other_faults_have_theirs(run: Run, host: str, why: Reason) -> None:
    """Faults of the login and the host."""
    assert reason(run[0][host]) is why


def test_unknown_and_changed_keys_are_told_apart(run: Run) -> None:
    """One is to be verified, the other may be an attack."""
    unknown, changed = (dark(run[0][name]).cause.detail for name in ("unknown", "stranger-0"))
    assert "is not known" in unknown
    assert "has CHANGED" in changed


def test_what_took_too_long_is_told_apart(run: Run) -> None:
    """Before it was reached, before the login, before and within the answer."""
    details = [
        dark(run[0][f"{name}-0"]).cause.detail for name in ("drop", "silent", "hang", "deaf")
    ]
    assert "did not answer" in details[0]
    assert "the login was not done" in details[1]
    assert "ran nothing" in details[2]
    assert "not whole" in details[3]


@pytest.mark.parametrize("host", [*(f"fine-{n}" for n in range(6)), "slow", "flaky", "loud"])
def test_the_others_are_judged(run: Run, host: str) -> None:
    """Also a slow host, one that cut the first connection, and one with a banner."""
    looked = run[0][host]
    assert isinstance(looked, HostLook), looked
    judged = verdicts(POLICY, {host: looked})[host]
    assert {rule: str(each.verdict) for rule, each in judged.items()} == ALL_TOLD


def test_a_host_that_hides_processes_proves_nothing_to_a_user(run: Run) -> None:
    """It answers, but what it does not show cannot be told."""
    judged = verdicts(POLICY, {"hidden": run[0]["hidden"]})["hidden"]
    assert judged["closed"].reason is Reason.PRIVILEGE


def test_everybody_is_accounted_for_in_time(hosts: Fleet, run: Run) -> None:
    """The run ends within the limits, and a fifth for the machine."""
    looks, seconds = run
    assert looks.keys() == hosts.hosts.keys()
    assert seconds < TOTAL * 1.2


def test_nothing_stays_on_hosts(hosts: Fleet, run: Run) -> None:
    """Whatever was started there has ended, but for what faulty servers run by themselves."""
    assert run
    forced = ("sleep 3600", "dd bs=1", "bash -c", "sh -c sh", "cat /dev/zero", "ss -K")
    for name in hosts.hosts:
        assert ends(hosts, name, *forced), name


def test_nothing_stays_here(hosts: Fleet) -> None:
    """No descriptor, thread or process, whatever became of the hosts."""
    reached = connections(hosts)
    names = ["fine-0", "refuse-0", "garbage-0", "half-0", "stranger-0", "no-login-0"]

    def run_all() -> None:
        async def collect(host: Host) -> Look:
            return await collector.look(host.name, reached[host.name])

        collector = SshCollector(questions(), SETTINGS)
        assert len(list(FleetRun(collect, map(Host, names), 3, collector.close))) == len(names)

    run_all()
    with nothing_leaks():
        run_all()
