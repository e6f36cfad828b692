"""Over SSH the probe takes over where osqueryi ends well and its answer cannot be used."""

import pytest

from portproof.model.observation import Reason
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import connection, look, look_all, seen, verdicts, why
from support.fleet.plans import Opened, Plan

pytestmark = pytest.mark.needs("namespaces", "sshd")

HABITS = {
    "silent": "",
    "half": "",
    "without_end": "",
    "trailing": "",
    "uneven": "",
    "numbers": "",
    "no_sockets": "it listed no socket",
}
POLICY = {
    "policy": "p",
    "title": "Ports",
    "rules": [
        {"id": "no-609", "title": "609", "closed": "609/tcp"},
        {"id": "no-610", "title": "610", "closed": [610]},
    ],
}


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts whose osqueryi has a bad habit each."""
    plan = Plan(opened=(Opened("tcp", "0.0.0.0", 609),), tools="osqueryi")
    names = {habit: habit.replace("_", "-") for habit in HABITS}
    made = start_fleet(dict.fromkeys(names.values(), plan))
    for habit, name in names.items():
        (made[name].folder / "habit").write_text(habit)
    return made


def test_the_probe_takes_over(hosts: Fleet) -> None:
    """The verdicts are those of what is open, and the reason stands in what was tried."""
    looks = look_all({name: connection(hosts, name) for name in hosts.hosts})
    judged = verdicts(POLICY, looks)
    for habit, told in HABITS.items():
        name = habit.replace("_", "-")
        looked = seen(looks[name])
        assert looked.reply.identity.source == "probe", habit
        assert looked.tried[0].startswith(f"osqueryi: {told}"), looked.tried
        said = {rule: each.verdict for rule, each in judged[name].items()}
        assert said == {"no-609": "fail", "no-610": "pass"}, habit


def test_the_probe_does_not_take_over_where_osqueryi_is_asked_for(hosts: Fleet) -> None:
    """``--via osqueryi`` means that program alone."""
    only = SshSettings(via="osqueryi")
    assert why(look(connection(hosts, "half"), only)) is Reason.GARBLED
