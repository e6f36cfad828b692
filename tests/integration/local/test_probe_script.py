"""The probe as it runs on a host: on any Python from 3.6 on, as any user."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portproof.agent.tables import collect
from portproof.model.observation import Platform, Unobserved
from portproof.sources.osquery_schema import SCHEMA
from portproof.sources.probe import decoded
from portproof.ssh.framing import FramedReply
from support.boot import FLAGS, answer, interpreters
from support.fakeproc import HEAD, Proc, line
from support.netns import held

NOBODY = 65534
TABLES = [*SCHEMA[Platform.LINUX]]
PYTHONS = interpreters()


def run(python: str, *tables: str) -> dict[str, Any]:
    """What the probe tells in an interpreter that gets it as over SSH."""
    request = {"do": "look", "limit": 1000, "programs": [], "tables": tables}
    none = {"flags": [], "tables_of_osquery": [], "direct": [], "beside": [], "aside": ""}
    printed = answer(request | none, "SEAL 30", [python, FLAGS])
    found = FramedReply("SEAL", 10**9).find(bytearray(printed))
    assert found is not None
    told: dict[str, Any] = json.loads(found)["probe"]
    return told


@pytest.mark.parametrize("name", sorted(PYTHONS))
def test_it_runs(name: str) -> None:
    """All tables are read, and our own socket is among the rows with its owner."""
    wanted = {"tcp": {"family": 4, "kind": "tcp", "address": "127.0.0.1"}}
    with held(wanted) as opened:
        told = run(PYTHONS[name], *TABLES)
    assert (told["probe"], told["platform"], told["missing"]) == (1, "linux", {})
    assert set(told["tables"]) == set(TABLES)
    sockets = told["tables"]["process_open_sockets"]["rows"]
    owners = {row[0] for row in sockets if str(row[2]) == opened["tcp"]["inode"]}
    assert owners == set(opened["tcp"]["pids"])


def test_a_table_it_does_not_have_is_missing() -> None:
    """It is not empty, and takes nothing from the others."""
    told = run(sys.executable, "process_open_sockets", "hash")
    assert set(told["tables"]) == {"process_open_sockets"}
    assert set(told["missing"]) == {"hash"}


def test_a_host_tells_what_is_collected_here() -> None:
    """Both ways of calling it say the same of what does not change."""
    told = run(sys.executable, "etc_services", "kernel_info")
    assert told["tables"] == collect(["etc_services", "kernel_info"])["tables"]
    assert not isinstance(decoded(json.dumps(told).encode()), Unobserved)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(proc: str, *names: str) -> dict[str, Any]:
    """What the probe collects when it has no privilege."""
    # Modules are loaded first: nobody may not read the Python of root.
    work = f"""
import json, os, sys
from portproof.agent.tables import collect
os.setgroups([])
os.setegid({NOBODY})
os.seteuid({NOBODY})
print(json.dumps(collect(sys.argv[1:], {proc!r})))
"""
    done = subprocess.run([sys.executable, "-c", work, *names], check=True, capture_output=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.needs("root")
@pytest.mark.parametrize("name", ["tcp", "tcp6", "udp", "udplite", "unix"])
def test_a_table_that_may_not_be_read_is_incomplete(open_folder: Path, name: str) -> None:
    """The reason is said; the other tables are told."""
    proc = Proc(open_folder)
    proc.put("1/net/udp6", HEAD + line(100, "0" * 32 + ":0035"))
    (open_folder / "1/net" / name).chmod(0)
    told = as_nobody(str(open_folder), "process_open_sockets")
    assert told["incomplete"] == [f"{open_folder}/1/net/{name}: Permission denied"]
    assert [row[2] for row in told["tables"]["process_open_sockets"]["rows"]] == [100]


@pytest.mark.needs("root")
def test_processes_that_may_not_be_listed_are_a_missing_table(open_folder: Path) -> None:
    """A /proc that cannot be listed is not a machine without processes."""
    Proc(open_folder)
    open_folder.chmod(0o711)
    told = as_nobody(str(open_folder), "process_open_sockets", "processes")
    assert (told["tables"], set(told["missing"])) == ({}, {"process_open_sockets", "processes"})


@pytest.mark.needs("root")
def test_a_process_that_may_not_be_read_is_incomplete(open_folder: Path) -> None:
    """It is there, so its row is missing."""
    Proc(open_folder).process(2, "10")
    (open_folder / "2/status").chmod(0)
    told = as_nobody(str(open_folder), "processes")
    assert told["incomplete"] == [f"{open_folder}/2: Permission denied"]


@pytest.mark.needs("root")
def test_without_privilege_the_owners_of_others_sockets_are_unknown() -> None:
    """The sockets of the host's namespace are all told, as namespace 0; euid shows why."""
    with held({"tcp": {"family": 4, "kind": "tcp", "address": "127.0.0.1"}}) as opened:
        told = as_nobody("/proc", "process_open_sockets")
    assert (told["euid"], told["host_namespace"]) == (NOBODY, "0")
    found = [
        row
        for row in told["tables"]["process_open_sockets"]["rows"]
        if str(row[2]) == opened["tcp"]["inode"]
    ]
    assert {row[0] for row in found} == {-1}
    assert "0" in {row[-1] for row in found}


@pytest.mark.needs("root")
def test_a_proc_mounted_with_hidepid_is_incomplete_for_others_than_root(open_folder: Path) -> None:
    """The kernel's own option, on a proc file system of the test's own."""
    subprocess.run(["mount", "-t", "proc", "-o", "hidepid=2", "proc", open_folder], check=True)
    try:
        told = as_nobody(str(open_folder), "process_open_sockets")
        here: Any = collect(["process_open_sockets"], str(open_folder))
    finally:
        subprocess.run(["umount", open_folder], check=True)
    assert any("hidepid=" in fault for fault in told["incomplete"])
    assert here["incomplete"] == []
