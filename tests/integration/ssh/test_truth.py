"""Ground truth: on many hosts, every verdict of every rule is what was really opened there."""

import pytest

from support.fleet.drawing import POLICY, drawn, truth
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import connection, look_all, verdicts

pytestmark = pytest.mark.needs("namespaces", "sshd")

HOSTS = 40
SEED = 609


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts with listeners drawn at random: protocol, family, address, port, process and user."""
    plans = {f"host-{number}": drawn(SEED + number) for number in range(HOSTS)}
    return start_fleet(plans)


def test_every_verdict_is_what_was_opened(hosts: Fleet) -> None:
    """Zero false passes, zero false failures, and nothing unproven without a reason."""
    looks = look_all({name: connection(hosts, name) for name in hosts.hosts})
    judged = verdicts(POLICY, looks)
    told = {
        name: {rule: each.reason or str(each.verdict) for rule, each in judged[name].items()}
        for name in judged
    }
    assert told == {name: truth(host.plan.opened) for name, host in hosts.hosts.items()}


def test_the_draw_has_both_sides_of_every_rule(hosts: Fleet) -> None:
    """Otherwise agreement would say little."""
    wanted = [truth(host.plan.opened) for host in hosts.hosts.values()]
    for rule in wanted[0]:
        assert {told[rule] for told in wanted} == {"pass", "fail"}
