"""Which keys are recorded for which names: as OpenSSH's own programs read the same files."""

import base64
from pathlib import Path

import asyncssh
import pytest

from portproof.ssh.keys import Keys
from portproof.ssh.known_hosts import KnownHosts, OtherKeyError
from portproof.ssh.trust import Trust

KEYS = [asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(4)]
RSA = asyncssh.generate_private_key("ssh-rsa", key_size=2048).convert_to_public()


def text(key: asyncssh.SSHKey) -> str:
    """A key as it stands in a file."""
    return " ".join(key.export_public_key().decode().split()[:2])


def known(tmp_path: Path, *lines: str) -> KnownHosts:
    """A file with these lines."""
    file = tmp_path / "known_hosts"
    file.write_text("".join(f"{line}\n" for line in lines))
    return KnownHosts([file])


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("web", "web"),
        ("web,10.0.0.1", "10.0.0.1"),
        ("WEB.example.com", "web.example.com"),
        ("*.example.com", "a.b.example.com"),
        ("web?", "web1"),
        ("[web]:2222", "[web]:2222"),
        ("[*]:2222", "[web]:2222"),
        ("web*,!web9", "web1"),
        ("fd77::1", "fd77::1"),
    ],
)
def test_names_that_match(tmp_path: Path, names: str, wanted: str) -> None:
    """Plain names, several, patterns, and other ports."""
    assert known(tmp_path, f"{names} {text(KEYS[0])}").recorded(wanted).keys == [KEYS[0]]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("web", "web1"),
        ("web", "[web]:2222"),
        ("[web]:2222", "web"),
        ("*.example.com", "example.com"),
        ("w.b", "web"),
        ("[a-z]eb", "web"),
        ("web*,!web9", "web9"),
        ("!web9", "web1"),
        ("#web", "web"),
        ("10.0.0.0/8", "10.0.0.1"),
    ],
)
def test_names_that_do_not_match(tmp_path: Path, names: str, wanted: str) -> None:
    """What is negated, and what only looks like a pattern."""
    assert known(tmp_path, f"{names} {text(KEYS[0])}").recorded(wanted).keys == []


def test_markers_and_lines_that_cannot_be_read(tmp_path: Path) -> None:
    """Authorities and revoked keys are kept apart; a bad line hides no other."""
    found = known(
        tmp_path,
        f"@cert-authority *.example.com {text(KEYS[0])} a comment",
        f"@revoked * {text(KEYS[1])}",
        f"@nonsense * {text(KEYS[3])}",
        "web.example.com ssh-ed25519 !!!",
        "web.example.com ssh-future AAAA",
        "web.example.com",
        "|1|bad|hash ssh-ed25519 AAAA",
        "",
        f"  web.example.com {text(KEYS[2])} a comment",
    ).recorded("web.example.com")
    assert (found.authorities, found.revoked, found.keys) == ([KEYS[0]], [KEYS[1]], [KEYS[2]])


def damaged(key: asyncssh.SSHKey, at: int, by: bytes) -> str:
    """A key with other bytes at a place."""
    kind, data = text(key).split()
    raw = bytearray(base64.b64decode(data))
    raw[at : at + len(by)] = by
    return f"{kind} {base64.b64encode(bytes(raw)).decode('ascii')}"


@pytest.mark.parametrize(
    "line",
    [
        damaged(asyncssh.generate_private_key("ecdsa-sha2-nistp256"), -8, b"\0\0\0\0"),
        damaged(RSA, len(b"\0\0\0\7ssh-rsa\0\0\0\3\1\0\1\0\0\1\1"), b"\xff"),
    ],
    ids=["a point beside its curve", "a negative number"],
)
def test_a_damaged_key_hides_no_other(tmp_path: Path, line: str) -> None:
    """It is of the right form and no key; the libraries below say so in errors of their own."""
    found = known(tmp_path, f"web {line}", f"web {text(KEYS[0])}").recorded("web")
    assert found.keys == [KEYS[0]]
    (tmp_path / "id").write_text(f"{line}\n")
    assert Keys().load(str(tmp_path / "id")).problem


def test_files_that_cannot_be_read_hold_nothing(tmp_path: Path) -> None:
    """A missing file is as good as an empty one: its hosts are unknown."""
    assert KnownHosts([tmp_path / "none", tmp_path]).recorded("web").keys == []


class TestTrust:
    """The judgement of a key."""

    def test_a_key_recorded_for_the_address_is_not_the_hosts(self, tmp_path: Path) -> None:
        """Otherwise whoever answers for names could pass off one known machine as another."""
        trust = Trust(known(tmp_path, f"10.0.0.1 {text(KEYS[0])}"))
        assert trust.lookup("web", "10.0.0.1", None)[0] == []
        assert not trust.accepts(KEYS[0])
        assert "is not known" in trust.refusal

    def test_a_name_is_looked_for_with_its_port_first(self, tmp_path: Path) -> None:
        """Then alone, as OpenSSH does."""
        found = known(tmp_path, f"web {text(KEYS[0])}", f"[web]:22 {text(KEYS[2])}")
        assert Trust(found).lookup("WEB", "", 2222)[0] == [KEYS[0]]
        both = known(tmp_path, f"web {text(KEYS[0])}", f"[web]:2222 {text(KEYS[1])}")
        assert Trust(both).lookup("web", "", 2222)[0] == [KEYS[1]]
        assert Trust(both).lookup("web", "", None)[0] == [KEYS[0]]

    def test_an_alias_is_looked_for_alone(self, tmp_path: Path) -> None:
        """HostKeyAlias stands for the name and the port."""
        found = known(tmp_path, f"web {text(KEYS[0])}", f"alias {text(KEYS[1])}")
        assert Trust(found, alias="Alias").lookup("web", "", 2222)[0] == [KEYS[1]]

    def test_a_changed_key_is_never_accepted(self, tmp_path: Path) -> None:
        """Not of the same kind, and not of another."""
        for recorded in (KEYS[0], RSA):
            trust = Trust(known(tmp_path, f"web {text(recorded)}"), accept_new=True)
            trust.lookup("web", "", None)
            assert not trust.accepts(KEYS[1])
            assert "has CHANGED" in trust.refusal
            assert trust.new_key is None

    def test_known_kinds_are_asked_for_first_and_others_after(self, tmp_path: Path) -> None:
        """So a changed kind of key shows, and is not taken for a server that does not speak."""
        kinds = Trust(known(tmp_path, f"web {text(RSA)}")).kinds("web", 22)
        assert kinds[0] == "rsa-sha2-512"
        assert "ssh-ed25519" in kinds
        assert not [kind for kind in kinds if "cert" in kind]

    def test_certificates_are_asked_for_where_an_authority_is_known(self, tmp_path: Path) -> None:
        """Elsewhere the plain key is what can be verified and recorded."""
        kinds = Trust(known(tmp_path, f"@cert-authority * {text(RSA)}")).kinds("web", 22)
        assert kinds[0] == "ssh-ed25519-cert-v01@openssh.com"
        assert kinds[-1] == "rsa-sha2-256"

    def test_a_revoked_key_is_told_whatever_the_port(self, tmp_path: Path) -> None:
        """It is revoked for the name."""
        found = known(tmp_path, f"@revoked web {text(KEYS[0])}", f"web {text(KEYS[0])}")
        assert Trust(found).lookup("web", "", 2222)[2] == [KEYS[0]]


def test_what_another_process_recorded_counts(tmp_path: Path) -> None:
    """The same key is not recorded twice, and another one never: it could be of somebody else."""
    one, other = known(tmp_path), KnownHosts([tmp_path / "known_hosts"])
    one.add("web", KEYS[0], hashed=False)
    other.add("web", KEYS[0], hashed=True)
    assert (tmp_path / "known_hosts").read_text() == f"web {text(KEYS[0])}\n"
    with pytest.raises(OtherKeyError):
        other.add("web", KEYS[1], hashed=False)
    other.add("db", KEYS[1], hashed=True)
    with pytest.raises(OtherKeyError):
        one.add("db", KEYS[2], hashed=False)
    assert one.recorded("db").keys == [KEYS[1]]
    assert len((tmp_path / "known_hosts").read_text().splitlines()) == 2


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    """As ssh-keygen -R does."""
    one = known(tmp_path, f"a {text(KEYS[0])}", f"b {text(KEYS[1])}")
    (tmp_path / "known_hosts").write_text(f"c {text(KEYS[2])}\n")
    one.add("d", KEYS[3], hashed=False)
    assert one.recorded("c").keys == [KEYS[2]]
