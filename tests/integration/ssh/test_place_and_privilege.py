"""What root can prove on hosts where it may not read every process, or is led elsewhere."""

from typing import Final

import pytest

from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.judge.host import judge
from portproof.judge.plan import plans
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Look
from portproof.policy.checks import questions_of
from portproof.policy.policy import Policy, bind
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import connection, look_all
from support.fleet.plans import Opened, Plan

pytestmark = pytest.mark.needs("namespaces", "sshd")

OPENED: Final = (Opened("tcp", "0.0.0.0", 8080, user="web"), Opened("udp", "127.0.0.1", 8081))
WRONG: Final = (Opened("tcp", "0.0.0.0", 609),)
PROCESSES: Final = "temporary-folder-listeners"
PACKAGES: Final = "retired-server-packages"
POLICY: Final = {
    "policy": "p",
    "title": "Place",
    "rules": [
        {"id": "open", "title": "Web", "open": "8080/tcp"},
        {"id": "closed", "title": "No 609", "closed": [609]},
        {"id": "owner", "title": "Web", "closed": [8080], "by": {"process": "nginx"}},
        {"id": "anywhere", "title": "No 609", "closed": [609], "namespaces": "all"},
        {"id": "processes", "title": "Programs", "check": PROCESSES, "expect": "no rows"},
        {"id": "packages", "title": "Packages", "check": PACKAGES, "expect": "no rows"},
    ],
}
CHECKS: Final = load([], [shipped("checks")]).check_by_id()
PROVEN: Final = {
    "open": "pass",
    "closed": "pass",
    "owner": "pass",
    "anywhere": "pass",
    "processes": "pass",
    "packages": "pass",
}
UNREADABLE: Final = dict.fromkeys(["anywhere", "processes", "packages"], "privilege")
HIDDEN: Final = PROVEN | UNREADABLE | {"owner": "ambiguous"}


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts by what a login as root may read there."""
    made_of = {
        "plain": Plan(opened=OPENED),
        "hidepid": Plan(opened=OPENED, hidden=True),
        "capless": Plan(opened=OPENED, fault="capless"),
        "mapped": Plan(opened=OPENED, fault="mapped"),
        "shares-network": Plan(opened=OPENED, fault="shares-network"),
        "nameless": Plan(opened=OPENED, fault="nameless"),
        "served-nameless": Plan(opened=OPENED, fault="served-nameless"),
        "osqueryi-shares-network": Plan(opened=OPENED, fault="shares-network", tools="osqueryi"),
        "capless-wrong": Plan(opened=WRONG, fault="capless"),
    }
    return start_fleet(made_of)


@pytest.fixture(scope="module")
def looks(hosts: Fleet) -> dict[str, Look]:
    """A look at every host, with the questions of the policy's checks."""
    asked = [check for name, check in CHECKS.items() if name in {PROCESSES, PACKAGES}]
    questions = questions_of([CHECKS["listening-sockets"], *asked])
    return look_all({name: connection(hosts, name) for name in hosts.hosts}, asking=questions)


def said(looked: Look) -> dict[str, str]:
    """The verdict of every rule, with the reason of those that are unproven."""
    host = Host("host")
    rules = tuple(bind([Policy.model_validate(POLICY)]))
    plan = plans(rules, Inventory((host,), "the fleet"))["host"]
    judged = judge(plan, host, looked, list(CHECKS.values()))
    return {
        bound.rule.id: each.reason or each.verdict
        for bound, each in zip(rules, judged.judgements, strict=True)
    }


@pytest.mark.parametrize("host", ["plain", "hidepid", "nameless"])
def test_root_of_a_clean_host_proves_everything(looks: dict[str, Look], host: str) -> None:
    """Also where /proc hides others' processes from users, and where SSH_CONNECTION is not set."""
    assert said(looks[host]) == PROVEN


def test_root_that_may_not_read_processes_proves_nothing_of_them(looks: dict[str, Look]) -> None:
    """Its own processes are no witness of the others; ports of the host's network are proven.

    Whether the packages are the host's is not known: the holder of the SSH server's port is hidden.
    """
    assert said(looks["capless"]) == HIDDEN


def test_root_of_a_user_namespace_proves_nothing_of_processes(looks: dict[str, Look]) -> None:
    """Some kernels let it open no canary that nobody can reach; then nothing at all is proven."""
    told = said(looks["mapped"])
    assert told in (HIDDEN, dict.fromkeys(PROVEN, "no-witness"))


def test_what_is_seen_fails_without_the_right_to_see_everything(looks: dict[str, Look]) -> None:
    """One row is enough."""
    told = said(looks["capless-wrong"])
    assert (told["closed"], told["anywhere"], told["open"]) == ("fail", "fail", "fail")


@pytest.mark.parametrize("host", ["shares-network", "osqueryi-shares-network"])
def test_a_container_with_the_network_of_the_host_proves_ports_alone(
    looks: dict[str, Look], host: str
) -> None:
    """Nobody who can be seen holds the port of the SSH server."""
    told = said(looks[host])
    ports = {"open": "pass", "closed": "pass"}
    others = {"processes": "no-witness", "packages": "no-witness"}
    assert {rule: told[rule] for rule in ports | others} == ports | others


def test_a_container_with_a_server_of_its_own_is_not_taken_for_the_host(
    looks: dict[str, Look],
) -> None:
    """Although the host does not say where its server is."""
    assert set(said(looks["served-nameless"]).values()) == {"no-witness"}
