"""Looks at real hosts: what they are looked at with, as whom, and what stays behind."""

import pytest

from portproof.model.connection import Become, Connection
from portproof.model.observation import LISTENING_SOCKETS, Look, Observed, Reason, Witness
from portproof.sources.agent import sha256
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import (
    QUICK,
    RIGHT,
    connection,
    dark,
    ends,
    look,
    look_all,
    questions,
    seen,
    sudo,
    verdicts,
)
from support.fleet.plans import Fault, Opened, Plan, Tools

pytestmark = pytest.mark.needs("namespaces", "ss", "sshd", "sudo")

OPENED = (
    Opened("tcp", "0.0.0.0", 609, "npmp", "web"),
    Opened("udp", "::1", 700, "\x1b[31m<b>&"),
)
TOOLS: tuple[Tools, ...] = ("python", "osqueryi", "osqueryi-alone", "nothing")
ELSEWHERE: tuple[Fault, ...] = ("moved", "contained", "hidden-in", "served")
POLICY = {
    "policy": "p",
    "title": "P",
    "rules": [
        {"id": "open-one", "closed": "609/tcp"},
        {"id": "closed-tcp", "closed": "610/tcp"},
        {"id": "closed-udp", "closed": "610/udp"},
        {"id": "open-udp", "closed": "700/udp"},
    ],
}
ALL_TOLD = {"open-one": "fail", "closed-tcp": "pass", "closed-udp": "pass", "open-udp": "fail"}


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """One host for each set of tools, and one that hides processes."""
    plans: dict[str, Plan] = {tools: Plan(opened=OPENED, tools=tools) for tools in TOOLS}
    plans["hidden"] = Plan(opened=OPENED, hidden=True)
    plans["port"] = Plan(opened=OPENED, port=2222)
    plans |= {fault: Plan(opened=OPENED, fault=fault) for fault in ELSEWHERE}
    plans["served-osqueryi"] = Plan(opened=OPENED, fault="served", tools="osqueryi")
    plans["nameless"] = Plan(opened=OPENED, fault="nameless")
    return start_fleet(plans)


def said(looked: Look) -> dict[str, str]:
    """The verdict of every rule, with the reason of those that are unproven."""
    judged = verdicts(POLICY, {"host": looked})["host"]
    return {rule: each.reason or each.verdict for rule, each in judged.items()}


@pytest.mark.parametrize(("tools", "source"), [("python", "probe"), ("osqueryi", "osqueryi")])
def test_a_host_is_told_whole(hosts: Fleet, tools: str, source: str) -> None:
    """Every verdict is what was opened, with the server's port and canaries as witnesses."""
    looked = seen(look(connection(hosts, tools)))
    assert looked.reply.identity.source == source
    assert looked.reply.identity.euid == 0
    assert said(looked) == ALL_TOLD
    server = Witness("tcp", hosts[tools].address, 22, ours=False, reached=True)
    assert server in looked.witnesses
    ours = {(each.protocol, each.address) for each in looked.witnesses if each.ours}
    loopback = {(p, a) for p in ("tcp", "udp") for a in ("127.0.0.1", "::1")}
    assert ours == loopback | {("tcp", hosts[tools].address)}


def test_names_chosen_by_attackers_come_as_they_are(hosts: Fleet) -> None:
    """Escapes and markup are data here; whoever shows them makes them harmless."""
    for tools in ("python", "osqueryi"):
        answer = seen(look(connection(hosts, tools))).reply.answers[LISTENING_SOCKETS]
        assert isinstance(answer, Observed)
        names = {row["name"] for row in answer.rows if row["port"] == "700"}
        assert names in ({"\x1b[31m<b>&"}, {"\\x1b[31m<b>&"})


def test_without_python_no_udp_port_is_proven_closed(hosts: Fleet) -> None:
    """A shell can ask osqueryi, but opens no canary: the server's port is the only witness."""
    looked = seen(look(connection(hosts, "osqueryi-alone")))
    assert looked.witnesses == (
        Witness("tcp", hosts["osqueryi-alone"].address, 22, ours=False, reached=True),
    )
    assert said(looked) == ALL_TOLD | {"closed-udp": "no-witness"}


def test_a_host_with_nothing_has_no_collector(hosts: Fleet) -> None:
    """It is told, not passed over."""
    looked = dark(look(connection(hosts, "nothing")))
    assert looked.cause.reason is Reason.NO_COLLECTOR
    assert set(said(looked).values()) == {"no-collector"}


@pytest.mark.parametrize("family", ["address", "address6"])
def test_the_port_it_came_in_on_is_the_witness(hosts: Fleet, family: str) -> None:
    """On another port, over either family: the server's own view, seen among the rows."""
    address = getattr(hosts["port"], family)
    known = hosts.folder / "known_port"
    known.write_text(hosts["port"].known("ssh_host_key.pub"))
    looked = seen(look(connection(hosts, "port", address=address, known_hosts=(str(known),))))
    assert Witness("tcp", address, 2222, ours=False, reached=True) in looked.witnesses
    assert said(looked) == ALL_TOLD


@pytest.mark.parametrize("source", ["osqueryi", "probe"])
def test_a_source_can_be_forced(hosts: Fleet, source: str) -> None:
    """What is not there is then not replaced."""
    settings = SshSettings(via=source)
    looks = look_all({tools: connection(hosts, tools) for tools in TOOLS}, settings)
    there = ("osqueryi", "osqueryi-alone") if source == "osqueryi" else ("python", "osqueryi")
    for tools in TOOLS:
        if tools in there:
            who = seen(looks[tools]).reply.identity
            assert who.source == source
            # Where a shell asks osqueryi, nothing of portproof's is run.
            assert who.agent == ("" if tools == "osqueryi-alone" else sha256())
        else:
            assert dark(looks[tools]).cause.reason is Reason.NO_COLLECTOR


@pytest.mark.parametrize("user", ["operator", "loud"])
@pytest.mark.parametrize("tools", ["python", "osqueryi-alone"])
def test_sudo_without_a_password(hosts: Fleet, user: str, tools: str) -> None:
    """Also behind a shell that prints a banner at every login."""
    looked = seen(look(connection(hosts, tools, user=user, become=sudo())))
    assert looked.reply.identity.euid == 0
    assert said(looked)["closed-tcp"] == "pass"


@pytest.mark.needs("fish", "tcsh", "zsh")
@pytest.mark.parametrize("user", ["fisher", "seller", "zed"])
@pytest.mark.parametrize("tools", ["python", "osqueryi-alone"])
def test_any_login_shell_will_do(hosts: Fleet, user: str, tools: str) -> None:
    """Also those that are not POSIX shells."""
    looked = seen(look(connection(hosts, tools, user=user, become=sudo())))
    assert looked.reply.identity.euid == 0
    assert said(looked)["closed-tcp"] == "pass"


@pytest.mark.needs("doas")
@pytest.mark.parametrize("method", ["sudo", "doas"])
@pytest.mark.parametrize("tools", ["python", "osqueryi-alone"])
@pytest.mark.parametrize("user", ["auditor", "operator"])
def test_a_password_is_given_where_it_is_asked_for(
    hosts: Fleet, method: str, tools: str, user: str
) -> None:
    """And where it is not, it does not get in the way."""
    become = sudo(RIGHT, method)
    looked = seen(look(connection(hosts, tools, user=user, become=become)))
    assert looked.reply.identity.euid == 0
    assert said(looked)["closed-tcp"] == "pass"


@pytest.mark.needs("doas")
@pytest.mark.parametrize("method", ["sudo", "doas"])
@pytest.mark.parametrize("password", ["wrong", None])
def test_a_password_that_is_wrong_or_missing_is_told(
    hosts: Fleet, method: str, password: str | None
) -> None:
    """And appears nowhere, neither in details nor in what the host logged."""
    become = sudo(password, method)
    looked = dark(look(connection(hosts, "python", user="auditor", become=become)))
    assert looked.cause.reason is Reason.AUTH
    assert method in looked.cause.detail
    assert "auditor" in looked.cause.detail
    assert "wrong" not in looked.cause.detail
    assert not password or password not in (hosts["python"].folder / "log").read_text()


def test_a_user_without_the_right_is_told(hosts: Fleet) -> None:
    """The password was right, but it is of no use."""
    looked = dark(look(connection(hosts, "python", user="guest", become=sudo(RIGHT))))
    assert looked.cause.reason is Reason.AUTH
    assert RIGHT not in looked.cause.detail


@pytest.mark.parametrize("host", ["python", "osqueryi", "hidden"])
def test_without_root_nothing_is_proven_closed(hosts: Fleet, host: str) -> None:
    """A user who does not become root, also where /proc hides the others: never a pass."""
    looked = look(connection(hosts, host, user="guest"))
    assert said(looked)["closed-tcp"] == said(looked)["closed-udp"] == "privilege"


def test_with_root_hidden_processes_are_seen(hosts: Fleet) -> None:
    """For root nothing is hidden."""
    assert said(look(connection(hosts, "hidden"))) == ALL_TOLD


@pytest.mark.parametrize("tools", TOOLS)
@pytest.mark.parametrize("user", ["root", "operator"])
def test_nothing_is_written_and_nothing_stays(hosts: Fleet, tools: str, user: str) -> None:
    """The host is as it was, when all is over."""
    before = hosts[tools].files()
    become = None if user == "root" else sudo()
    look(connection(hosts, tools, user=user, become=become))
    assert ends(hosts, tools)
    assert hosts[tools].files() == before


def test_no_password_is_in_a_command_line(hosts: Fleet) -> None:
    """Neither here nor on the host, where everybody can read them."""
    file = hosts["python"].folder / "seen"
    watch = "while [ ! -e $0.end ]; do cat /proc/[0-9]*/cmdline; done > $0 2>/dev/null"
    watching = hosts["python"].start("sh", "-c", watch, "/srv/hosts/python/seen")
    become = sudo(RIGHT)
    seen(look(connection(hosts, "python", user="auditor", become=become)))
    file.with_name("seen.end").touch()
    watching.wait()
    text = file.read_bytes()
    assert b"portproof-" in text
    assert RIGHT.encode() not in text


def test_hundreds_of_questions_go_in_one_round(hosts: Fleet) -> None:
    """Their size is no matter."""
    many = {f"q{n}": f"SELECT {n} AS n /* {'x' * 200} */" for n in range(300)}
    asked = {platform: sql | many for platform, sql in questions().items()}
    for tools in ("python", "osqueryi", "osqueryi-alone"):
        looked = seen(look_all({"host": connection(hosts, tools)}, QUICK, asking=asked)["host"])
        for n in range(300):
            assert looked.reply.answers[f"q{n}"] == Observed(({"n": str(n)},), 1)


def test_an_unusable_user_or_interpreter_is_refused(hosts: Fleet) -> None:
    """Before anything is connected to."""
    odd = connection(hosts, "python", become=Become(method="sudo", user="$(id)"))
    assert dark(look(odd)).cause.reason is Reason.UNSUPPORTED_CONNECTION


def test_an_interpreter_is_used_as_told(hosts: Fleet) -> None:
    """And one that is not there is no reason not to look."""
    for interpreter in ("/usr/bin/python3", "/opt/nowhere/python3"):
        told: Connection = connection(hosts, "python", interpreter=interpreter)
        assert said(look(told)) == ALL_TOLD


@pytest.mark.parametrize("host", ["contained", "hidden-in"])
def test_a_container_that_logins_are_led_to_is_not_the_host(hosts: Fleet, host: str) -> None:
    """Its own sockets are all there, canaries too; but the server's port is not among them."""
    looked = dark(look(connection(hosts, host)))
    assert looked.cause.reason is Reason.NO_WITNESS
    assert set(said(looked).values()) == {"no-witness"}


@pytest.mark.parametrize("host", ["served", "served-osqueryi"])
def test_an_ssh_server_of_the_containers_own_does_not_make_it_the_host(
    hosts: Fleet, host: str
) -> None:
    """It listens on the same port, on every address; but the host's address is not there."""
    looked = dark(look(connection(hosts, host)))
    assert looked.cause.reason is Reason.NO_WITNESS
    assert f"leads where {hosts[host].address}, its SSH server's address," in looked.cause.detail
    assert set(said(looked).values()) == {"no-witness"}


def test_what_vouches_for_the_place_is_not_judged(hosts: Fleet) -> None:
    """Its socket at the host's address is portproof's own; the host's are judged there."""
    address = hosts["python"].address
    rule = {"id": "few", "only": ["22/tcp", "609/tcp"], "at": [f"{address}/32"]}
    looked = seen(look(connection(hosts, "python")))
    judged = verdicts(POLICY | {"rules": [rule]}, {"host": looked})["host"]
    assert judged["few"].verdict == "pass"


def test_in_another_network_namespace_nothing_is_proven(hosts: Fleet) -> None:
    """The host's sockets can be seen from there, but the canaries are elsewhere."""
    looked = dark(look(connection(hosts, "moved")))
    assert looked.cause.reason is Reason.NO_WITNESS
    assert set(said(looked).values()) == {"no-witness"}


def test_a_server_that_does_not_tell_its_port_is_taken_at_its_address(hosts: Fleet) -> None:
    """From here it is known as well; behind NAT it would not be among the rows."""
    looked = seen(look(connection(hosts, "nameless")))
    server = Witness("tcp", hosts["nameless"].address, 22, ours=False, reached=True)
    assert server in looked.witnesses
    assert said(looked) == ALL_TOLD
