"""Whatever Ansible cannot read, or reads only in part, is an error that says what and where."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from portproof.errors import ContentError, UsageError
from portproof.inventory import ansible_inventory as program
from portproof.inventory.ansible import ask
from portproof.inventory.ansible_inventory import UnfinishedError, run
from portproof.inventory.connection import connection
from portproof.inventory.listing import read_listing
from portproof.inventory.read import read_inventory
from portproof.inventory.vault import NO_VAULT, VaultOptions
from portproof.model.observation import Unobserved
from support.inventory.a_fleet import LOGIN_ENCRYPTED, SUDO_ENCRYPTED, VAULT_WORD, indented
from support.inventory.own_folder import Folder, hide_ansible, settle
from support.standins.leaks import nothing_leaks

GIVE = "give --vault-password-file or --vault-id"
installed = pytest.mark.needs("ansible-inventory")

NEVER_ASKS = "portproof never asks for vault passwords"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder of the test's own, with a vault password and a wrong one."""
    folder = settle(tmp_path, monkeypatch)
    folder.write("right", VAULT_WORD)
    folder.write("wrong", "something-else")
    return folder


def failure(source: str, vault: VaultOptions = NO_VAULT) -> str:
    """What is said of an inventory that cannot be read."""
    with pytest.raises(ContentError) as caught:
        read_inventory([source], vault=vault)
    return str(caught.value)


@installed
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.ini",
            "[web]\nweb1 ansible_password=swordfish oops\n",
            "Expected key=value host variable",
        ),
        (
            "b.yml",
            "all:\n  hosts:\n    a: {x: swordfish, y: : z}\n",
            "b.yml:3:",
        ),
        ("c.yml", "web:\n  hostz: {a: }\n", "c.yml: Ansible: Skipping unexpected key (hostz)"),
        ("d.yml", "a: {hosts: {x: }}\na: {hosts: {y: }}\n", "d.yml:"),
        ("e.yml", "plugin: nobody.at.home\n", "specifies unknown plugin 'nobody.at.home'; install"),
        ("f.sh", "#!/bin/sh\necho sorry hunter2 >&2\nexit 3\n", "f.sh: Ansible: Inventory script"),
    ],
    ids=["ini", "yaml", "unknown key", "key given twice", "plugin", "script"],
)
def test_sources_that_cannot_be_read(folder: Folder, name: str, text: str, said: str) -> None:
    """In Ansible's own words, with the file as the user wrote it, but without its lines.

    They may hold passwords, as may whatever a script says; a vault's password is never repeated.
    """
    vault = VaultOptions((folder.write("pw", "hunter2"),))
    told = failure(folder.write(name, text, 0o700 if name.endswith(".sh") else 0o600), vault)
    assert said in told
    assert told.startswith(name)
    assert "swordfish" not in told
    assert "hunter2" not in told


@installed
def test_a_range_that_stays_one(folder: Folder) -> None:
    """Beside a file, ranges in a list need a plugin that only the user's settings can enable."""
    with pytest.raises(ContentError, match=r"'web\[1:3\]' is not a host name; to expand ranges in"):
        read_inventory([folder.write("hosts", "[db]\ndb1\n"), "web[1:3],"])


@installed
def test_one_bad_source_of_several(folder: Folder) -> None:
    """Its hosts must not be missing in silence."""
    (folder.path / "empty").mkdir()
    good = folder.write("good", "[web]\nweb1\n")
    with pytest.raises(ContentError, match=r"^empty: Ansible: Completely failed to parse"):
        read_inventory([good, "empty"])


@installed
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (NO_VAULT, f"Attempting to decrypt but no vault secrets found; {GIVE}"),
        (VaultOptions(("wrong",)), "Decryption failed"),
    ],
    ids=["none", "wrong"],
)
def test_encrypted_files_without_their_password(
    folder: Folder, options: VaultOptions, said: str
) -> None:
    """Variables are missing, so nothing is read."""
    folder.write("inv/group_vars/all.yml", LOGIN_ENCRYPTED)
    folder.write("inv/hosts", "web1\n")
    told = failure("inv/hosts", options)
    assert said in told
    assert "something-else" not in told


@installed
def test_a_single_value_that_stays_encrypted(folder: Folder) -> None:
    """The others can be audited: it is said of the hosts that need it."""
    folder.write("host_vars/web1.yml", "ansible_password: !vault |\n" + indented(SUDO_ENCRYPTED))
    web1, web2 = read_inventory(["web1,web2,"], vault=VaultOptions(("wrong",))).hosts
    found = connection(web1)
    assert isinstance(found, Unobserved)
    assert found.detail.startswith("ansible_password of web1 is encrypted and was not decrypted")
    assert SUDO_ENCRYPTED.splitlines()[1] not in repr(web1)
    assert not isinstance(connection(web2), Unobserved)


@pytest.mark.parametrize("vault_id", ["prompt", "dev@prompt", "@prompt_ask_vault_pass"])
def test_a_password_to_ask_for(vault_id: str) -> None:
    """An audit has no terminal to ask at; that is said before anything is run."""
    with pytest.raises(UsageError, match=NEVER_ASKS):
        VaultOptions(ids=(vault_id,))


@installed
def test_a_password_to_ask_for_by_ansibles_settings(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same when ``ansible.cfg`` or the environment asks for it."""
    monkeypatch.setenv("ANSIBLE_ASK_VAULT_PASS", "true")
    assert NEVER_ASKS in failure(folder.write("hosts", "[web]\nweb1\n"))


def test_passwords_are_masked_wherever_they_are_set(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever repeats a vault password, by option or environment, it is not shown."""
    folder.write("home/third", "swordfish\n")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "wrong")
    monkeypatch.setenv("ANSIBLE_VAULT_IDENTITY_LIST", "prod@nowhere, dev@~/third")
    vault = VaultOptions(("right", "no\0file", "~no-such-user/file", "x" * 5000, "."))
    assert vault.masked(f"a {VAULT_WORD} b something-else c swordfish") == "a *** b *** c ***"


def own_program(folder: Folder, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Put another ``ansible-inventory`` first on PATH."""
    folder.write("bin/ansible-inventory", f"#!/bin/sh\n{text}\n", 0o700)
    monkeypatch.setenv("PATH", f"{folder.path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    folder.write("hosts", "[web]\nweb1\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo 'ModuleNotFoundError: no ansible' >&2; exit 1", "exit code 1: ModuleNotFoundError"),
        ("kill -9 $$", "ended with exit code -9: it printed nothing"),
        ("echo Hello", "ansible-inventory did not print an inventory"),
        ('printf \'{"web": {"hosts": ["w\'', "ansible-inventory did not print an inventory"),
        ('printf \'{"web": {"hosts": "w1"}}\'', "ansible-inventory did not print an inventory"),
        ('printf \'{"all": "\\377"}\'', "ansible-inventory did not print an inventory"),
        ('echo \'{"_meta": {"hostvars": {"w1": {}}}, "all": {}}\'', "host 'w1' is in no group"),
        ("echo '{}'", "names no host"),
        ('echo \'{"all": {"hosts": ["a\\u001bb"]}}\'', "'a\\x1bb' is not a host name"),
        ("echo '[ERROR]: \x1b[2J' >&2; exit 1", "Ansible: \\x1b[2J"),
    ],
)
def test_a_program_that_does_not_do_its_work(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """The user's own program comes first; what it prints is not believed before it is whole."""
    own_program(folder, monkeypatch, text)
    told = failure("hosts")
    assert told.startswith("hosts: ")
    assert said in told


def test_the_forms_of_older_versions(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to ansible-core 2.18 messages are wrapped, and places are written in another way."""
    path = folder.path / "hosts"
    said = [
        f"[WARNING]:  * Failed to parse {path} with auto plugin: no root",
        f"'plugin' key found, '{path}' is not a valid YAML inventory",
        f"[WARNING]:  * Failed to parse {path} with yaml plugin: Syntax Error",
        f"while loading YAML.   The error appears to be in '{path}':",
        "line 4, column 7, but may be elsewhere  The offending line appears to be: hunter2",
        f"[WARNING]:  * Failed to parse {path} with ini plugin: {path}:2: Expected",
        "key=value host variable assignment, got: foo",
        f"ERROR! Completely failed to parse inventory source {path}",
    ]
    folder.write("said", "\n".join(said))
    own_program(folder, monkeypatch, f"cat {folder.path / 'said'} >&2; exit 1")
    assert failure("hosts").splitlines() == [
        "hosts:2:1: Ansible: Expected key=value host variable assignment, got: foo",
        "hosts:4:7: Ansible: Syntax Error while loading YAML",
    ]


def test_older_versions_tell_of_keys_given_twice(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an inventory they lose hosts; in a file of variables they are worth a warning."""
    twice = "line 2, column 1, found a duplicate dict key (web). Using last defined value only."
    said = [f"[WARNING]: While constructing a mapping from {folder.path / 'hosts'}, {twice}"]
    folder.write("said", "\n".join(said))
    listing = """echo '{"ungrouped": {"hosts": ["a"]}, "all": {"children": ["ungrouped"]}}'"""
    own_program(folder, monkeypatch, f"cat {folder.path / 'said'} >&2; {listing}")
    assert failure("hosts").startswith("hosts:2:1: Ansible: While constructing a mapping")
    folder.write("said", said[0].replace("/hosts,", "/group_vars/all,"))
    assert "duplicate dict key" in read_inventory(["hosts"]).warnings[0]


def test_warnings_are_kept(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ansible only warns of is told to the reader, once."""
    warning = "[WARNING]: Found both group and host with same name: web"
    own_program(
        folder,
        monkeypatch,
        f"printf '%s\\n' '{warning}' '[DEPRECATION WARNING]: old' '{warning}' >&2\n"
        'echo \'{"all": {"children": ["web"]}, "web": {"hosts": ["web"]}}\'',
    )
    inventory = read_inventory(["hosts"])
    assert inventory.warnings == ("Ansible: Found both group and host with same name: web",)


@pytest.mark.parametrize("closing", ["", "exec >&- 2>&-;"], ids=["printing", "silent"])
def test_a_program_that_takes_too_long(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, closing: str
) -> None:
    """It is stopped, with whatever it has started, also when nothing more comes from it."""
    own_program(folder, monkeypatch, f"{closing} sleep 60 & echo $! > child; wait")
    with pytest.raises(ContentError, match="did not end within 1 seconds and was stopped"):
        ask(["hosts"], seconds=1)
    _is_gone(int((folder.path / "child").read_text()))


def test_a_program_that_is_interrupted(folder: Folder) -> None:
    """Ctrl-C ends it and whatever it has started."""
    code = "from portproof.inventory.ansible_inventory import run\nimport os\n"
    code += "run(['/bin/sh', '-c', 'sleep 60 & echo $! > child.new; mv child.new child; wait'],"
    code += " os.environ, 60)"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as process:
        while not (folder.path / "child").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) != 0
    _is_gone(int((folder.path / "child").read_text()))


def _is_gone(number: int) -> None:
    """Wait for the end of a process that was killed, and that somebody else has to collect."""
    try:
        process = psutil.Process(number)
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
    except psutil.NoSuchProcess:
        return


@pytest.mark.parametrize(
    ("stream", "limit"), [("stdout", "OUTPUT_LIMIT"), ("stderr", "COMPLAINT_LIMIT")]
)
def test_a_program_that_prints_without_end(
    monkeypatch: pytest.MonkeyPatch, stream: str, limit: str
) -> None:
    """Neither its output nor its complaints fill the memory, and neither is cut in silence."""
    monkeypatch.setattr(program, limit, 1 << 20)
    with nothing_leaks(), pytest.raises(UnfinishedError, match="1 MiB and was stopped"):
        run(["/bin/sh", "-c", f"yes >&{ {'stdout': 1, 'stderr': 2}[stream] }"], os.environ, 30)


def test_a_program_that_is_gone(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks without looking for it first is told how to get it."""
    hide_ansible(folder.path, monkeypatch)
    with pytest.raises(ContentError, match="only Ansible can read this; install ansible-core"):
        ask(["hosts"])


def test_a_program_that_cannot_be_run() -> None:
    """Missing, or with an impossible name."""
    for name in ("/nowhere", "a\0b"):
        with pytest.raises(UnfinishedError, match="cannot be run"):
            run([name], {}, 1)


def test_a_group_that_is_in_no_other_counts() -> None:
    """Ansible puts every group under ``all``; if one is not, its hosts are audited all the same."""
    listing = read_listing("hosts", b'{"all": {"hosts": ["x"]}, "b": {"hosts": ["y"]}}')
    assert listing.members == {"all": ("x", "y"), "ungrouped": (), "b": ("y",)}
    assert [host.name for host in listing.hosts] == ["x", "y"]


def test_a_group_named_twice_as_a_child_is_walked_once() -> None:
    """Members are told once each, whatever the shape of the tree; even a circle ends."""
    told = b'{"all": {"children": ["a", "b"]}, "a": {"hosts": ["x"], "children": ["b"]},'
    told += b' "b": {"hosts": ["x", "y"], "children": ["a"]}}'
    listing = read_listing("hosts", told)
    assert listing.members["a"] == listing.members["b"] == ("x", "y")
    assert listing.members["all"] == ("x", "y")
