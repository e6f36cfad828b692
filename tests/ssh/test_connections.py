"""Getting to hosts: whose keys are trusted, who logs in how, and what is on the way."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.fleet import Fleet, fleet
from fleet.furniture import certify
from fleet.looking import QUICK, RIGHT, connection, dark, look, look_all, seen
from fleet.plans import Plan
from portproof.model.connection import Secret
from portproof.model.observation import Look, Reason
from requirements import marks
from standins.leaks import nothing_leaks

pytestmark = [pytest.mark.xdist_group("ssh-connections"), *marks("root", "ip", "sshd")]

BEHIND = 4


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A few hosts, one with a certificate, one whose key changed, and one to jump through."""
    plans = {
        "plain": Plan(),
        "port": Plan(port=2222),
        "signed": Plan(certificate=True),
        "changed": Plan(fault="stranger"),
        "closed": Plan(fault="no-login"),
        "bastion": Plan(),
        "second": Plan(),
        "gone": Plan(fault="refuse"),
        **{f"behind-{number}": Plan() for number in range(BEHIND)},
    }
    with fleet(tmp_path_factory.mktemp("fleet"), plans) as made:
        connection(made, "plain")  # writes the known hosts
        yield made


def why(looked: Look) -> Reason:
    """The reason a host is dark."""
    return dark(looked).cause.reason


def config(tmp_path: Path, text: str) -> str:
    """A configuration of OpenSSH's."""
    file = tmp_path / "config"
    file.write_text(text)
    return str(file)


def logins(hosts: Fleet, host: str) -> list[str]:
    """Where logins to a host came from."""
    log = (hosts[host].folder / "log").read_text(errors="replace")
    accepted = [line.split() for line in log.splitlines() if line.startswith("Accepted publickey")]
    return [words[words.index("from") + 1] for words in accepted]


class TestHostKeys:
    """A key must be known; nothing turns that off."""

    def test_a_new_key_is_recorded_where_that_is_wanted(self, hosts: Fleet, tmp_path: Path) -> None:
        """And from then on it is known, also to those who do not want that."""
        for name in ("plain", "port"):
            file = tmp_path / name / "known_hosts"
            asked = connection(hosts, name, known_hosts=(str(file),))
            assert why(look(asked)) is Reason.HOST_KEY
            assert not file.exists()
            wanted = connection(hosts, name, known_hosts=(str(file),), accept_new_host_keys=True)
            seen(look(wanted))
            assert file.read_text().splitlines() == [
                hosts[name].known("ssh_host_key.pub", hosts[name].address).strip()
            ]
            seen(look(asked))

    def test_a_changed_key_is_refused_always(self, hosts: Fleet) -> None:
        """Recording new keys records no changed one."""
        before = (hosts.folder / "known_hosts").read_text()
        for accept in (False, True):
            looked = look(connection(hosts, "changed", accept_new_host_keys=accept))
            assert why(looked) is Reason.HOST_KEY
            assert "has CHANGED" in dark(looked).cause.detail
        assert (hosts.folder / "known_hosts").read_text() == before

    def test_a_key_is_recorded_only_after_the_login(self, hosts: Fleet, tmp_path: Path) -> None:
        """A server that lets nobody in has shown too little."""
        file = tmp_path / "known_hosts"
        looked = look(
            connection(hosts, "closed", known_hosts=(str(file),), accept_new_host_keys=True)
        )
        assert why(looked) is Reason.AUTH
        assert not file.exists()

    @pytest.mark.parametrize("by", ["address", "address6"])
    def test_an_authority_vouches_for_hosts(self, hosts: Fleet, tmp_path: Path, by: str) -> None:
        """Their certificates name them."""
        authority = hosts.key("authority").with_suffix(".pub").read_text()
        file = tmp_path / "known_hosts"
        file.write_text(f"@cert-authority * {authority}")
        address = getattr(hosts["signed"], by)
        trusting = connection(hosts, "signed", address=address, known_hosts=(str(file),))
        seen(look(trusting))
        assert why(look(connection(hosts, "plain", known_hosts=(str(file),)))) is Reason.HOST_KEY

    def test_an_authority_nobody_knows_vouches_for_nothing(
        self, hosts: Fleet, tmp_path: Path
    ) -> None:
        """The certificate alone proves nothing, and neither does one that is revoked."""
        file = tmp_path / "known_hosts"
        authority = hosts.key("authority").with_suffix(".pub").read_text()
        for text in ("", f"@revoked * {authority}@cert-authority * {authority}"):
            file.write_text(text)
            looked = look(connection(hosts, "signed", known_hosts=(str(file),)))
            assert why(looked) is Reason.HOST_KEY

    def test_a_certificate_for_another_host_is_refused(self, hosts: Fleet, tmp_path: Path) -> None:
        """Its names are what the authority vouched for."""
        authority = hosts.key("authority").with_suffix(".pub").read_text()
        file = tmp_path / "known_hosts"
        file.write_text(f"@cert-authority * {authority}")
        aliased = config(tmp_path, "HostKeyAlias somebody-else\n")
        asked = connection(hosts, "signed", known_hosts=(str(file),), config_file=aliased)
        assert why(look(asked)) is Reason.HOST_KEY

    def test_a_revoked_key_is_refused(self, hosts: Fleet, tmp_path: Path) -> None:
        """Also where it is recorded as well."""
        known = hosts["plain"].known("ssh_host_key.pub")
        file = tmp_path / "known_hosts"
        file.write_text(f"@revoked * {known.split(None, 1)[1]}{known}")
        looked = look(connection(hosts, "plain", known_hosts=(str(file),)))
        assert why(looked) is Reason.HOST_KEY
        assert "revoked" in dark(looked).cause.detail

    def test_another_kind_of_key_than_the_known_one_is_a_change(
        self, hosts: Fleet, tmp_path: Path
    ) -> None:
        """A server that hides the kind that is known is not taken for one that does not speak."""
        make = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "other")]
        subprocess.run(make, check=True)
        other = (tmp_path / "other.pub").read_text()
        file = tmp_path / "known_hosts"
        file.write_text(f"{hosts['plain'].address} {other}")
        looked = look(connection(hosts, "plain", known_hosts=(str(file),)))
        assert why(looked) is Reason.HOST_KEY
        assert "has CHANGED" in dark(looked).cause.detail

    @pytest.mark.parametrize(
        "text",
        [
            "UserKnownHostsFile none\nGlobalKnownHostsFile none\n",
            "UserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\n",
            "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n",
        ],
    )
    def test_no_configuration_turns_checking_off(
        self, hosts: Fleet, tmp_path: Path, text: str
    ) -> None:
        """Whatever it is meant to do elsewhere."""
        asked = connection(hosts, "plain", known_hosts=(), config_file=config(tmp_path, text))
        assert why(look(asked)) is Reason.HOST_KEY

    def test_files_of_the_configuration_are_used(self, hosts: Fleet, tmp_path: Path) -> None:
        """The user's and the machine's own; names are hashed if it says so."""
        known = str(hosts.folder / "known_hosts")
        for option in ("UserKnownHostsFile", "GlobalKnownHostsFile"):
            file = config(tmp_path, f"{option} /dev/null {known}\n")
            seen(look(connection(hosts, "plain", known_hosts=(), config_file=file)))
        mine = tmp_path / "mine"
        file = config(tmp_path, f"UserKnownHostsFile {mine}\nHashKnownHosts yes\n")
        asked = connection(
            hosts, "plain", known_hosts=(), config_file=file, accept_new_host_keys=True
        )
        seen(look(asked))
        assert mine.read_text().startswith("|1|")


class TestLogins:
    """Who logs in, and with what."""

    def test_a_password(self, hosts: Fleet) -> None:
        """The login's own, and it shows nowhere when it is wrong."""
        for password, works in ((RIGHT, True), ("hunter2", False)):
            asked = connection(
                hosts, "plain", user="guest", identity_files=(), password=Secret(password)
            )
            looked = look(asked)
            if works:
                seen(looked)
            else:
                assert why(looked) is Reason.AUTH
                assert "hunter2" not in repr(looked)

    @pytest.mark.parametrize(
        ("key", "told"), [("encrypted", "encrypted"), ("missing", "missing"), ("stranger", "guest")]
    )
    def test_a_key_that_cannot_be_used_is_told(self, hosts: Fleet, key: str, told: str) -> None:
        """Why the login was refused must be found out from the report alone."""
        asked = connection(hosts, "plain", user="guest", identity_files=(str(hosts.key(key)),))
        looked = look(asked)
        assert why(looked) is Reason.AUTH
        assert told in dark(looked).cause.detail

    def test_a_certificate(self, hosts: Fleet, tmp_path: Path) -> None:
        """A key nobody knows, signed by an authority that the hosts trust."""
        key = tmp_path / "signed"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(make, check=True)
        asked = connection(hosts, "plain", identity_files=(str(key),))
        assert why(look(asked)) is Reason.AUTH
        certify(hosts.key("authority"), key, "-n", "root")
        seen(look(asked))

    def test_an_agent(self, hosts: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
        """It has the key; whether others of its keys may be tried is as the inventory says."""
        with agent(hosts.key()) as path:
            monkeypatch.setenv("SSH_AUTH_SOCK", path)
            for only, files, works in (
                (False, (), True),
                (True, (str(hosts.key("stranger")),), False),
                (True, (str(hosts.key()),), True),
            ):
                looked = look(
                    connection(hosts, "plain", identity_files=files, identities_only=only)
                )
                assert (why(looked) is Reason.AUTH) if not works else seen(looked)

    def test_an_agent_that_is_gone_is_no_hindrance(
        self, hosts: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The key is in a file as well."""
        monkeypatch.setenv("SSH_AUTH_SOCK", "/nonexistent/agent")
        seen(look(connection(hosts, "plain", identities_only=False)))

    def test_a_configuration(self, hosts: Fleet, tmp_path: Path) -> None:
        """Name, port, user, key and alias as ssh_config(5) says."""
        known = tmp_path / "known_hosts"
        known.write_text(hosts["port"].known("ssh_host_key.pub").replace("[", "x[", 1))
        known.write_text("the-alias " + known.read_text().split(None, 1)[1])
        text = (
            f"Host other\n  Port 1\nHost db-*\n  HostName {hosts['port'].address}\n"
            f"  Port 2222\n  User root\n  IdentityFile {hosts.key()}\n  IdentitiesOnly yes\n"
            f"  HostKeyAlias the-alias\n  UserKnownHostsFile {known}\n"
        )
        asked = connection(
            hosts,
            "port",
            address="db-1",
            port=None,
            user=None,
            identity_files=(),
            identities_only=None,
            known_hosts=(),
            config_file=config(tmp_path, text),
        )
        seen(look(asked))

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("Port many\n", "integer"),
            ("PKCS11Provider /usr/lib/token.so\n", "PKCS11Provider"),
            ("UserKnownHostsFile ~/.ssh/%k\n", "tokens"),
            ("ProxyJump bastion:port\n", "no host to jump through"),
        ],
    )
    def test_a_configuration_that_cannot_be_followed(
        self, hosts: Fleet, tmp_path: Path, text: str, told: str
    ) -> None:
        """It is told, not passed over."""
        file = config(tmp_path, text)
        looked = look(connection(hosts, "plain", known_hosts=(), config_file=file))
        assert why(looked) is Reason.UNSUPPORTED_CONNECTION
        assert told in dark(looked).cause.detail

    def test_a_configuration_that_is_not_there(self, hosts: Fleet, tmp_path: Path) -> None:
        """One that was named must be there."""
        asked = connection(hosts, "plain", config_file=str(tmp_path / "none"))
        assert why(look(asked)) is Reason.UNSUPPORTED_CONNECTION


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
        looked = look(connection(hosts, "plain", proxy_command=command), QUICK)
        assert why(looked) is reason


def jump_config(hosts: Fleet) -> str:
    """A configuration with the key and the known hosts; as with OpenSSH, -i is not for jumps."""
    known = hosts.folder / "known_hosts"
    key = f"  IdentityFile {hosts.key()}\n  IdentitiesOnly yes\n"
    return f"Host *\n  User root\n{key}  UserKnownHostsFile {known}\n"


class agent:  # noqa: N801 - used as a function
    """A running agent with a key in it."""

    def __init__(self, key: Path) -> None:
        self._key = key
        self._path = f"{key}.agent"

    def __enter__(self) -> str:
        self._agent = subprocess.Popen(
            ["ssh-agent", "-D", "-a", self._path], stdout=subprocess.DEVNULL
        )
        while not Path(self._path).exists():
            os.sched_yield()
        env = os.environ | {"SSH_AUTH_SOCK": self._path}
        subprocess.run(["ssh-add", "-q", str(self._key)], env=env, check=True)
        return self._path

    def __exit__(self, *_: object) -> None:
        self._agent.terminate()
        self._agent.wait()
