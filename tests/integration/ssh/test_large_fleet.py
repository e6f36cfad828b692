"""A roster of hundreds of names, half of them dead: it adds up, and each comes out right."""

from collections import Counter
from typing import Any

import pytest

from portproof.errors import UsageError
from portproof.inventory.targets import targets_of
from portproof.judge.job import Job
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import HostLook, Look
from portproof.model.verdicts import Verdict
from portproof.policy.policy import Policy, bind
from portproof.result.result import HostResult
from portproof.run.audit import run
from portproof.run.hosts import HostAudits, LookSettings
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import known_hosts, listening_check
from support.fleet.plans import Opened, Plan

pytestmark = pytest.mark.needs("namespaces", "sshd")

RULES = tuple(
    bind(
        [
            Policy.model_validate(
                {
                    "policy": "p",
                    "title": "P",
                    "rules": [{"id": "npmp", "closed": "609/tcp"}, {"id": "dns", "closed": 53}],
                }
            )
        ]
    )
)
DEAD = 400
NAMES = 10
REFUSED = {"ansible_host": "127.0.0.1", "ansible_port": 1}
ODD = (
    "two words",
    "ünïcödé",
    "<b>bold</b>",
    "../../etc/passwd",
    "-oProxyCommand=id",
    "\x1b[31mred",
    "$(id)",
    "x" * 300,
)
NOWHERE = ("x" * 64 + ".example", "a..b", "\u202e.example", "")
"""Addresses that are no names: they fail before anybody is asked for them."""


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """A host with a failure and one without."""
    plans = {"fails": Plan(opened=(Opened("tcp", "::", 609, "npmp"),)), "quiet": Plan()}
    return start_fleet(plans)


def reached(made: Fleet, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - variables
    """The variables with which a host of the fleet is reached."""
    known = known_hosts(made)
    return {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(made.key()),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o IdentitiesOnly=yes -F none",
        **more,
    }


def roster(made: Fleet) -> dict[str, tuple[dict[str, Any], str]]:
    """Every host's variables, and its verdict on 609."""
    told: dict[str, tuple[dict[str, Any], str]] = {}
    for place, verdict in (("fails", "fail"), ("quiet", "pass")):
        there = reached(made, ansible_host=made[place].address)
        told |= {f"{place}-{number}": (there, verdict) for number in range(NAMES)}
        told[made[place].address6] = (reached(made), verdict)
        told |= {f"{place}: {odd}": (there, verdict) for odd in ODD}
    told |= {f"refused-{number}": (REFUSED, "unreachable") for number in range(DEAD)}
    told |= {
        f"nowhere-{number}": ({"ansible_host": address}, "no-address")
        for number, address in enumerate(NOWHERE)
    }
    return told


def outcome(host: HostResult) -> str:
    """The verdict on 609, or why there is none."""
    judged = host.judgements[0]
    return str(judged.verdict if judged.reason is None else judged.reason)


def test_hosts_times_rules_adds_up_and_each_comes_out_right(hosts: Fleet) -> None:
    """Live and dead, several names of one machine, IPv6 literals and names of any kind.

    Ports of the live ones are tried from here too.
    """
    told = roster(hosts)
    every = tuple(Host(name, ("all",), variables) for name, (variables, _) in told.items())
    job = Job(RULES, (listening_check(),), Inventory(every, "a roster"))
    outside: dict[str, tuple[int, ...] | None] = {}

    def record(host: Host, look: Look) -> None:
        tried = look.outside if isinstance(look, HostLook) else None
        outside[host.name] = tried.answered if tried is not None else None

    settings = LookSettings([], forks=40, outside=True)
    result = run(job, HostAudits(job, targets_of(every), settings), record=record)
    assert [host.name for host in result.hosts] == list(told)
    assert sum(result.totals.verdicts.values()) == len(told) * len(RULES)
    found = {host.name: outcome(host) for host in result.hosts}
    dead = {found.pop(name) for name in list(found) if told[name][1] == "no-address"}
    assert dead <= {"unreachable", "unsupported-connection"}
    assert found == {name: verdict for name, (_, verdict) in told.items() if name in found}
    assert Counter(found.values()) == {"unreachable": DEAD, "fail": 19, "pass": 19}
    answers = {"fail": (609,), "pass": ()}
    assert outside == {name: answers.get(verdict) for name, (_, verdict) in told.items()}
    assert result.exit_code == 1
    for host in result.hosts:
        findings = [each for judged in host.judgements for each in judged.findings]
        assert all(each.why for each in findings)
        assert bool(findings) is host.has(Verdict.FAIL)


def test_a_source_that_hosts_cannot_have_is_refused_before_the_run() -> None:
    """By the library too; where every host is this machine it may be right."""
    settings = LookSettings([], ssh=SshSettings(via="osqueryd"))
    here = Host("localhost", (), {"ansible_connection": "local"})
    job = Job(RULES, (listening_check(),), Inventory((here, Host("web1")), "two hosts"))
    with pytest.raises(UsageError, match="no source osqueryd"):
        HostAudits(job, targets_of(job.inventory.hosts), settings)
    assert list(HostAudits(job, targets_of([here]), settings))
