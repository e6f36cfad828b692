"""Hosts behind others, and behind commands."""

from pathlib import Path

import pytest

from portproof.model.observation import Reason
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import config, connection, dark, look, look_all, seen, why
from support.fleet.plans import Plan
from support.standins.leaks import nothing_leaks

BEHIND = 4
pytestmark = pytest.mark.needs("namespaces", "sshd")


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts to jump through, hosts behind them, and some that are no good for that."""
    plans = {
        "plain": Plan(),
        "changed": Plan(fault="stranger"),
        "closed": Plan(fault="no-login"),
        "bastion": Plan(),
        "second": Plan(),
        "gone": Plan(fault="refuse"),
        **{f"behind-{number}": Plan() for number in range(BEHIND)},
    }
    made = start_fleet(plans)
    connection(made, "plain")  # writes the known hosts
    return made


def logins(hosts: Fleet, host: str) -> list[str]:
    """Where logins to a host came from."""
    log = (hosts[host].folder / "log").read_text(errors="replace")
    accepted = [line.split() for line in log.splitlines() if line.startswith("Accepted publickey")]
    return [words[words.index("from") + 1] for words in accepted]


class TestOnTheWay:
    """Hosts behind others, and behind commands."""

    def test_a_jump_host_is_connected_to_once(self, hosts: Fleet, tmp_path: Path) -> None:
        """For all hosts behind it; they see it as where the connection comes from."""
        jump = f"root@{hosts['bastion'].address}"
        file = config(tmp_path, jump_config(hosts))
        names = [f"behind-{number}" for number in range(BEHIND)]
        looks = look_all(
            {name: connection(hosts, name, proxy_jump=jump, config_file=file) for name in names}
        )
        before = len(logins(hosts, "bastion"))
        for name in names:
            seen(looks[name])
            assert logins(hosts, name) == [hosts["bastion"].address]
        assert before == 1

    def test_several_hosts_on_the_way(self, hosts: Fleet, tmp_path: Path) -> None:
        """In order, and as the configuration says as well."""
        chain = f"{hosts['bastion'].address},{hosts['second'].address}:22"
        text = f"Host {hosts['plain'].address}\n  ProxyJump {chain}\n"
        file = config(tmp_path, text + jump_config(hosts))
        seen(look(connection(hosts, "plain", config_file=file)))
        assert logins(hosts, "plain")[-1] == hosts["second"].address
        assert logins(hosts, "second")[-1] == hosts["bastion"].address
        seen(look(connection(hosts, "plain", config_file=file, proxy_jump="none")))
        assert logins(hosts, "plain")[-1] != hosts["second"].address

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("gone", Reason.UNREACHABLE),
            ("changed", Reason.HOST_KEY),
            ("closed", Reason.AUTH),
        ],
    )
    def test_what_is_wrong_on_the_way_is_told(
        self, hosts: Fleet, tmp_path: Path, name: str, reason: Reason
    ) -> None:
        """The jump host's own trouble, under its name; its key is checked as any."""
        file = config(tmp_path, jump_config(hosts))
        jump = hosts[name].address
        looked = look(connection(hosts, "plain", proxy_jump=jump, config_file=file))
        assert why(looked) is reason
        assert dark(looked).cause.detail.startswith(f"on the way, at {jump}: ")

    def test_a_host_that_the_jump_host_does_not_reach(self, hosts: Fleet, tmp_path: Path) -> None:
        """It is that host that is unreachable."""
        file = config(tmp_path, jump_config(hosts))
        jump = hosts["bastion"].address
        looked = look(connection(hosts, "gone", proxy_jump=jump, config_file=file))
        assert why(looked) is Reason.UNREACHABLE
        assert hosts["gone"].address in dark(looked).cause.detail

    def test_going_round_in_circles_ends(self, hosts: Fleet, tmp_path: Path) -> None:
        """A configuration that sends every host through another."""
        file = config(tmp_path, "Host *\n  ProxyJump bastion\n")
        looked = look(connection(hosts, "plain", config_file=file))
        assert why(looked) is Reason.UNSUPPORTED_CONNECTION

    def test_a_command_on_the_way(self, hosts: Fleet) -> None:
        """With its tokens, its quotes and its complaints, and it ends with the look."""
        known = hosts.folder / "known_hosts"
        command = (
            f"sh -c 'echo noise >&2; exec ssh -F none -i {hosts.key()} -W %h:%p"
            f" -o UserKnownHostsFile={known} root@{hosts['bastion'].address}'"
        )
        asked = connection(hosts, "plain", proxy_command=command)
        seen(look(asked))
        assert logins(hosts, "plain")[-1] == hosts["bastion"].address
        with nothing_leaks():
            seen(look(asked))

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            ("false", Reason.UNREACHABLE),
            ("nc -U %d", Reason.UNSUPPORTED_CONNECTION),
            ("cat", Reason.GARBLED),
            ("sleep 60", Reason.TIMEOUT),
        ],
    )
    def test_a_command_that_leads_nowhere(self, hosts: Fleet, command: str, reason: Reason) -> None:
        """Each in its own way."""
        looked = look(connection(hosts, "plain", proxy_command=command), SshSettings(5, 2, 20))
        assert why(looked) is reason


def jump_config(hosts: Fleet) -> str:
    """A configuration with the key and the known hosts; as with OpenSSH, -i is not for jumps."""
    known = hosts.folder / "known_hosts"
    key = f"  IdentityFile {hosts.key()}\n  IdentitiesOnly yes\n"
    return f"Host *\n  User root\n{key}  UserKnownHostsFile {known}\n"
