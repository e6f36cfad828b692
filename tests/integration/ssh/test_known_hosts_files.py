"""Files of known hosts as OpenSSH and other processes see them."""

import subprocess
import sys
import tempfile
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.ssh.known_hosts import KnownHosts

KEYS = [asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(4)]


def text(key: asyncssh.SSHKey) -> str:
    """A key as it stands in a file."""
    return " ".join(key.export_public_key().decode().split()[:2])


@pytest.mark.needs("sshd")
@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(["a", "b.c", "10.0.0.1", "[a]:22", "[a]:2222", "::1"]), min_size=1),
    st.booleans(),
    st.booleans(),
)
def test_it_agrees_with_ssh_keygen(names: list[str], hashed: bool, pattern: bool) -> None:
    """Also for names that ssh-keygen hashed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "known_hosts")
        lines = [f"{name} {text(KEYS[0])}\n" for name in names]
        file.write_text("".join(lines) + (f"*.z {text(KEYS[1])}\n" if pattern else ""))
        if hashed:
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
        found = KnownHosts([file])
        for name in ("a", "b.c", "10.0.0.1", "[a]:2222", "::1", "q.z", "other"):
            told = subprocess.run(
                ["ssh-keygen", "-F", name, "-f", file], capture_output=True, text=True, check=False
            )
            assert bool(found.recorded(name).keys) == (told.returncode == 0), name


@pytest.mark.needs("sshd")
@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("before", ["", "other ssh-ed25519 AAAA", "other ssh-ed25519 AAAA\n"])
def test_a_new_key_is_added_on_a_line_of_its_own(
    tmp_path: Path, before: str, *, hashed: bool
) -> None:
    """Where OpenSSH finds it, and portproof at once; nothing that was there is lost."""
    file = tmp_path / "folder" / "known_hosts"
    if before:
        file.parent.mkdir()
        file.write_text(before)
    found = KnownHosts([file])
    found.add("[Web]:2222", KEYS[0], hashed=hashed)
    assert file.read_text().startswith(before)
    assert ("web" in file.read_text()) != hashed
    for reader in (found, KnownHosts([file])):
        assert reader.recorded("[web]:2222").keys == [KEYS[0]]
        assert reader.recorded("web").keys == []
    search = ["ssh-keygen", "-F", "[web]:2222", "-f", str(file)]
    assert "found" in subprocess.run(search, capture_output=True, text=True, check=True).stdout
    assert oct(file.stat().st_mode & 0o777) == "0o600" or before


_ADD = """
import sys, asyncssh
from pathlib import Path
from portproof.ssh.known_hosts import KnownHosts, OtherKeyError
store, key = KnownHosts([Path(sys.argv[1])]), asyncssh.import_public_key(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    try:
        store.add(f"host-{number}", key, hashed=number % 2 == 0)
    except OtherKeyError:
        pass
"""


def test_processes_that_record_at_the_same_time_agree(tmp_path: Path) -> None:
    """Every name has one key, whoever was first, and every line is whole."""
    file = tmp_path / "known_hosts"
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _ADD, file, text(key)], stdin=pipe, stdout=pipe, text=True
        )
        for key in KEYS[:2]
    ]
    for each in running:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        each.communicate("go\n")
        assert each.returncode == 0
    kept = KnownHosts([file])
    assert len(file.read_text().splitlines()) == 200
    for number in range(200):
        (key,) = kept.recorded(f"host-{number}").keys
        assert key in KEYS[:2]
