"""The probe as a script: it runs on any Python from 3.6 on, as any user, and prints one line."""

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from portproof.agent import host as probe_host
from portproof.agent import main as probe_main
from portproof.agent import sockets as probe
from portproof.model.observation import Platform, Unobserved
from portproof.sources import probe as embedded
from portproof.sources.osquery_schema import SCHEMA
from support.fakeproc import HEAD, Proc, line
from support.netns import held
from support.requirements import needs

NOBODY = 65534
OLDEST = (3, 6)
TABLES = [*SCHEMA[Platform.LINUX]]
PARTS = (probe.__file__, probe_host.__file__, probe_main.__file__)
ALONE = "\n\n".join(
    Path(str(part.__file__)).read_text(encoding="utf-8") for part in (probe, probe_main)
)


def interpreters() -> dict[str, str]:
    """Every Python from 3.6 on that can be found, by version; the one that runs is among them."""
    folders = [*map(Path, os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin")]
    names = [f"python3.{minor}" for minor in range(OLDEST[1], 20)]
    found = {
        name: str(folder / name) for folder in folders for name in names if _runs(folder / name)
    }
    return found | {f"python3.{sys.version_info.minor}": sys.executable}


def _runs(program: Path) -> bool:
    return program.exists() and subprocess.run([program, "-V"], check=False).returncode == 0


PYTHONS = interpreters()


def run(command: list[str], source: str, *args: str) -> dict[str, Any]:
    """Send the script to an interpreter's standard input, as is done over SSH."""
    done = subprocess.run(
        [*command, "-", *args], input=source, check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def bound(node: ast.stmt) -> list[str]:
    """The names that a statement binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
    return [
        name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
    ]


@pytest.mark.parametrize("file", PARTS, ids=lambda file: Path(str(file)).name)
def test_the_source_is_that_of_an_old_python(file: str) -> None:
    """It parses with the grammar of Python 3.6 and uses the standard library alone."""
    tree = ast.parse(Path(file).read_text(encoding="utf-8"), feature_version=OLDEST)
    modules = {name.partition(".")[0] for node in ast.walk(tree) for name in imported(node)}
    # What is imported for type checkers alone does no harm: see test_it_runs.
    assert modules - {"portproof"} <= sys.stdlib_module_names


def test_the_files_can_be_one_script() -> None:
    """No name of one is a name of another, but for what says the same in all."""
    trees = [ast.parse(Path(file).read_text(encoding="utf-8")) for file in PARTS]
    names = [
        {
            name
            for node in tree.body
            if not isinstance(node, ast.If | ast.Expr)
            for name in bound(node)
        }
        for tree in trees
    ]
    for one, other in combinations(names, 2):
        assert one & other == {"TYPE_CHECKING"}
    assert {"collect", "HOST_TABLES", "main"} <= set().union(*names)


@pytest.mark.parametrize("name", sorted(PYTHONS))
def test_it_runs(name: str) -> None:
    """All tables are read, and our own socket is among the rows with its owner."""
    wanted = {"tcp": {"family": 4, "kind": "tcp", "address": "127.0.0.1"}}
    with held(wanted) as opened:
        told = run([PYTHONS[name], "-I", "-S"], embedded.script(), *TABLES)
    assert (told["probe"], told["platform"], told["missing"]) == (1, "linux", {})
    assert set(told["tables"]) == set(TABLES)
    sockets = told["tables"]["process_open_sockets"]["rows"]
    owners = {row[0] for row in sockets if str(row[2]) == opened["tcp"]["inode"]}
    assert owners == set(opened["tcp"]["pids"])


def test_without_a_part_it_runs_with_the_tables_it_has() -> None:
    """What is not in it is missing, not empty."""
    told = run([sys.executable, "-I", "-S"], ALONE, "process_open_sockets", "hash")
    assert set(told["tables"]) == {"process_open_sockets"}
    assert set(told["missing"]) == {"hash"}


def test_what_is_printed_is_what_is_collected() -> None:
    """Both ways of calling it say the same of what does not change."""
    told = run([sys.executable, "-I", "-S"], embedded.script(), "etc_services", "kernel_info")
    here = probe.collect(["etc_services", "kernel_info"], more=probe_host.HOST_TABLES)
    assert told["tables"] == here["tables"]
    assert not isinstance(embedded.decoded(json.dumps(told).encode()), Unobserved)


def test_json_is_the_same_with_and_without_the_c_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other Pythons may lack it, or change it."""
    value = {"a": [[1, None, 'x"\\\n\x1b\u20ac\U0001f600', -5]], "b": {}, "c": True}
    with_it = probe_main._json(value)
    monkeypatch.setitem(sys.modules, "_json", None)
    assert json.loads(with_it) == json.loads(probe_main._json(value)) == value
    assert with_it.isascii()


def test_an_answer_that_is_too_long_is_missing_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would not be read to its end is not sent."""
    ended: list[int] = []
    monkeypatch.setattr(probe_main, "_LONGEST", 10)
    monkeypatch.setattr(probe_main, "collect", probe.collect, raising=False)
    monkeypatch.setattr(sys, "argv", ["probe.py", "users"])
    monkeypatch.setattr(os, "_exit", ended.append)
    probe_main.main()
    told = json.loads(capsys.readouterr().out)
    assert (told["tables"], set(told["missing"]), ended) == ({}, {"users"}, [0])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(proc: str, *names: str) -> dict[str, Any]:
    """What the probe collects when it has no privilege."""
    # Modules are loaded first: nobody may not read the Python of root.
    drop = "import os, sys, _json, _socket\nos.setgroups([])\n"
    drop += f"os.setegid({NOBODY})\nos.seteuid({NOBODY})\n"
    call = f"\nsys.stdout.write(_json(collect(sys.argv[1:], {proc!r})) + '\\n')\n"
    source = ALONE.partition("if __name__ ==")[0]
    return run([sys.executable, "-I", "-S"], drop + source + call, *names)


@needs("root")
@pytest.mark.parametrize("name", ["tcp", "tcp6", "udp", "udplite", "unix"])
def test_a_table_that_may_not_be_read_is_incomplete(open_folder: Path, name: str) -> None:
    """The reason is said; the other tables are told."""
    proc = Proc(open_folder)
    proc.put("1/net/udp6", HEAD + line(100, "0" * 32 + ":0035"))
    (open_folder / "1/net" / name).chmod(0)
    told = as_nobody(str(open_folder), "process_open_sockets")
    assert told["incomplete"] == [f"{open_folder}/1/net/{name}: Permission denied"]
    assert [row[2] for row in told["tables"]["process_open_sockets"]["rows"]] == [100]


@needs("root")
def test_processes_that_may_not_be_listed_are_a_missing_table(open_folder: Path) -> None:
    """A /proc that cannot be listed is not a machine without processes."""
    Proc(open_folder)
    open_folder.chmod(0o711)
    told = as_nobody(str(open_folder), "process_open_sockets", "processes")
    assert (told["tables"], set(told["missing"])) == ({}, {"process_open_sockets", "processes"})


@needs("root")
def test_a_process_that_may_not_be_read_is_incomplete(open_folder: Path) -> None:
    """It is there, so its row is missing."""
    Proc(open_folder).process(2, "10")
    (open_folder / "2/status").chmod(0)
    told = as_nobody(str(open_folder), "processes")
    assert told["incomplete"] == [f"{open_folder}/2: Permission denied"]


@needs("root")
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


@needs("root")
def test_a_proc_mounted_with_hidepid_is_incomplete_for_others_than_root(open_folder: Path) -> None:
    """The kernel's own option, on a proc file system of the test's own."""
    subprocess.run(["mount", "-t", "proc", "-o", "hidepid=2", "proc", open_folder], check=True)
    try:
        told = as_nobody(str(open_folder), "process_open_sockets")
        here = probe.collect(["process_open_sockets"], str(open_folder))
    finally:
        subprocess.run(["umount", open_folder], check=True)
    assert any("hidepid=" in fault for fault in told["incomplete"])
    assert here["incomplete"] == []
