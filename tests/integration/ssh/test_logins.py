"""Who logs in, with what, and as the user's own configuration says."""

import os
import subprocess
from pathlib import Path

import pytest

from portproof.model.connection import Secret
from portproof.model.observation import Reason
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.layout import certify
from support.fleet.looking import RIGHT, config, connection, dark, look, seen, why
from support.fleet.plans import Plan

pytestmark = pytest.mark.needs("namespaces", "sshd")


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts that let root in with a key, and others with a password."""
    plans = {
        "plain": Plan(),
        "port": Plan(port=2222),
    }
    made = start_fleet(plans)
    connection(made, "plain")  # writes the known hosts
    return made


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
            ("Port many\n", "config line 1: Bad port 'many'"),
            ("PKCS11Provider /usr/lib/token.so\n", "PKCS11Provider"),
            ("Prot 22\n", "config: line 1: Bad configuration option: prot"),
            ("ProxyJump bastion:port\n", 'Invalid ProxyJump "bastion:port"'),
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


@pytest.mark.parametrize(
    "address",
    [
        "no-such-host.invalid",
        "a" * 300,
        "..",
        "\u2603.invalid",
        "x\u202e.invalid",
        "300.1.1.1",
        "[::1",
    ],
)
def test_a_name_that_does_not_resolve(hosts: Fleet, address: str) -> None:
    """However odd it is, it is that host that is unreachable."""
    looked = look(connection(hosts, "plain", address=address))
    assert why(looked) is Reason.UNREACHABLE
    assert dark(looked).cause.detail.isprintable()
    assert len(dark(looked).cause.detail) < 500


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
