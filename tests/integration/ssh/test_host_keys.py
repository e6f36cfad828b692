"""Whose keys are trusted: a key must be known, and nothing turns that off."""

import subprocess
from pathlib import Path

import pytest

from portproof.model.observation import Reason
from support.fleet.fleet import Fleet, StartFleet
from support.fleet.looking import config, connection, dark, look, seen, why
from support.fleet.plans import Plan

pytestmark = pytest.mark.needs("namespaces", "sshd")


@pytest.fixture(scope="module")
def hosts(start_fleet: StartFleet) -> Fleet:
    """Hosts with a key, a certificate, and a key that has changed."""
    plans = {
        "plain": Plan(),
        "port": Plan(port=2222),
        "signed": Plan(certificate=True),
        "changed": Plan(fault="stranger"),
        "closed": Plan(fault="no-login"),
    }
    made = start_fleet(plans)
    connection(made, "plain")  # writes the known hosts
    return made


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
