"""The shipped policies against real listeners: each rule fails by one, and passes without.

What is opened comes from the policies themselves, so a new rule is exercised without a word here.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from portproof.content.load import load
from portproof.content.shipped import default_policies
from portproof.policy.rules.closed import ClosedRule
from support.machine import Machine, machine
from support.netns import ADDRESS4, held

pytestmark = pytest.mark.needs("namespaces")

NETWORK = (
    ("ip", "link", "add", "net0", "type", "veth", "peer", "name", "net1"),
    ("ip", "link", "set", "net0", "up"),
    ("ip", "link", "set", "net1", "up"),
)
RULES = load(default_policies(), []).rules()


class Socket(NamedTuple):
    """A listener to open; ``process`` is empty where any will do."""

    protocol: str
    address: str
    port: int
    process: str = ""

    def spec(self) -> dict[str, object]:
        """The socket as netns_holder.py understands it."""
        family = 6 if ":" in self.address else 4
        named = {"apart": {"comm": self.process}} if self.process else {}
        return {"family": family, "kind": self.protocol, **self._place(), **named}

    def _place(self) -> dict[str, object]:
        return {"address": self.address, "port": self.port}


def sockets_of(rule: ClosedRule) -> set[Socket]:
    """The first and the last port of every range of a rule, at an address that it is about."""
    ends = {(part.protocol, port) for part in rule.closed.ranges for port in part[1:]}
    return {Socket(protocol, address_of(rule), port, process_of(rule)) for protocol, port in ends}


def address_of(rule: ClosedRule) -> str:
    """An address in the scope of a rule."""
    if rule.at.networks:
        return str(rule.at.networks[0].network_address + 1)
    return "127.0.0.1" if str(rule.at) == "loopback" else ADDRESS4


def process_of(rule: ClosedRule) -> str:
    """The name of a process that a rule is about."""
    if rule.by is None:
        return ""
    asked = rule.by.process
    assert asked, f"{rule.id} asks for a path or a user, which these listeners do not have"
    return (asked if isinstance(asked, str) else asked[0]).replace("*", "")


WANTED = {
    bound.key: sockets_of(bound.rule) for bound in RULES if isinstance(bound.rule, ClosedRule)
}
OPENED = {" ".join(map(str, each)): each for each in sorted(set().union(*WANTED.values()))}


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    """A machine with every address that a rule is about."""
    with machine() as started:
        for address in sorted({each.address for each in OPENED.values()} - {"127.0.0.1", "::1"}):
            done = started.run("ip", "address", "add", address, "dev", "lo")
            assert done.returncode == 0, done.stderr
        yield started


def audit(host: Machine, folder: Path, *args: str) -> dict[str, Any]:
    """Audit the machine with the command line, and read the result."""
    done = host.portproof("audit", "-o", "out", *args, cwd=folder)
    assert (folder / "out" / "audit.json").exists(), done.stderr
    result: dict[str, Any] = json.loads((folder / "out" / "audit.json").read_text(encoding="utf-8"))
    assert result["exit_code"] == done.returncode
    return result


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    """The verdict of each rule on the one host."""
    (one,) = result["hosts"]
    named = [result["letters"][letter] for letter in one["verdicts"]]
    return {rule["key"]: name for rule, name in zip(result["rules"], named, strict=True)}


def listeners(result: dict[str, Any]) -> dict[str, set[Socket]]:
    """The listeners by which each rule fails."""
    found: dict[str, set[Socket]] = {}
    for told in result["judgements"]:
        if told["judgement"]["verdict"] == "fail":
            seen = (each.get("listener") for each in told["judgement"]["findings"])
            found[told["rule"]] = {
                Socket(each["protocol"], each["address"], each["port"]) for each in seen if each
            }
    return found


def test_every_closed_rule_fails_by_a_real_listener(host: Machine, tmp_path: Path) -> None:
    """On the first and last of its ports, each protocol, in its scope; the finding names it."""
    wanted = {name: each.spec() for name, each in OPENED.items()}
    with held(wanted, host.command()) as opened:
        assert set(opened) == set(OPENED)
        result = audit(host, tmp_path)
    found = listeners(result)
    missed = {
        key: lost
        for key, sockets in WANTED.items()
        if (lost := {each._replace(process="") for each in sockets} - found.get(key, set()))
    }
    assert missed == {}


def test_every_closed_rule_passes_when_they_are_gone(host: Machine, tmp_path: Path) -> None:
    """The same machine, with nothing open any more."""
    found = verdicts(audit(host, tmp_path))
    assert {key: found[key] for key in WANTED if found[key] != "pass"} == {}
    assert WANTED


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The listeners of a freshly installed Debian server with SSH: sshd and the DHCP client.

    Both are those of Debian's packages; the client asks on a network where nobody answers.
    """
    folder = tmp_path_factory.mktemp("sshd")
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config, leases = folder / "sshd_config", folder / "leases"
    config.write_text(f"HostKey {key}\nPidFile none\n", encoding="utf-8")
    with machine() as started:
        setup = f"mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd -f {config}"
        done = started.run("sh", "-c", setup)
        assert done.returncode == 0, done.stderr
        for command in NETWORK:
            assert started.run(*command).returncode == 0
        options = ("-nw", "-sf", "/bin/true", "-cf", "/dev/null", "-lf")
        assert started.run("dhclient", *options, leases, "net0").returncode == 0
        yield started


@pytest.mark.needs("sshd", "dhclient")
def test_a_fresh_debian_server_with_ssh_fails_no_shipped_rule(
    debian: Machine, tmp_path: Path
) -> None:
    """Every rule passes or is not applicable, and the embedded probe alone proves it."""
    result = audit(debian, tmp_path)
    assert set(verdicts(result).values()) <= {"pass", "not-applicable"}
    assert result["totals"]["verdicts"]["pass"] > 0


@pytest.mark.needs("sshd", "dhclient")
def test_that_server_is_looked_at_for_real(debian: Machine, tmp_path: Path) -> None:
    """Its listeners are seen, both of sshd and the client's; as a bastion it is proven."""
    baseline = audit(debian, tmp_path, "-p", "baseline-bastion")
    assert set(verdicts(baseline).values()) == {"pass"}
    (tmp_path / "nothing.yml").write_text(
        "policy: nothing\ntitle: Nothing listens\nrules: [{id: none, only: 1/tcp}]\n",
        encoding="utf-8",
    )
    (tmp_path / "out").rename(tmp_path / "first")
    found = listeners(audit(debian, tmp_path, "-p", "nothing.yml"))
    assert found == {
        "nothing/none": {
            Socket("tcp", "0.0.0.0", 22),
            Socket("tcp", "::", 22),
            Socket("udp", "0.0.0.0", 68),
        }
    }
