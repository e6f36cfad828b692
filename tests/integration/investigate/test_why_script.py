"""The probe as a script: it runs on any Python from 3.6 on, by itself, and prints one line."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portproof.agent import packages as why_packages
from portproof.agent import proc as why_proc
from portproof.agent import units as why_units
from portproof.agent import why as why_probe
from portproof.investigate import why
from portproof.model.observation import Reason, Unobserved
from support.requirements import needs

NOBODY = 65534
OLDEST = (3, 6)
PARTS = (why_packages, why_proc, why_units, why_probe)
_AS_NOBODY = """
import base64, hashlib, json, os, pathlib, pwd, re, shutil, subprocess, sys, time
script = sys.stdin.read()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
exec(compile(script, "script", "exec"))
"""


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


def run(command: list[str], *pids: int) -> dict[str, Any]:
    """Send the script to an interpreter's standard input, as is done over SSH."""
    done = subprocess.run(
        [*command, *map(str, pids)],
        input=why.script().encode(),
        check=True,
        capture_output=True,
    )
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("module", PARTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_source_is_that_of_an_old_python(module: Any) -> None:  # noqa: ANN401 - a module
    """It parses with the grammar of Python 3.6 and uses the standard library alone."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"), feature_version=OLDEST)
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    plain = [
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    ]
    modules = {name.partition(".")[0] for name in (*froms, *plain)}
    assert modules - {"portproof"} <= sys.stdlib_module_names


def test_the_files_can_be_one_script() -> None:
    """No name of one is bound again in another, but for what says the same in all."""
    names: list[str] = []
    for module in PARTS:
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        bound = [node for node in tree.body if not isinstance(node, ast.If | ast.Expr)]
        names += {name for node in bound for name in _bound(node)} - {"TYPE_CHECKING"}
    imported = {"os", "json", "re", "Path", "stat"}
    assert (
        sorted(name for name in set(names) if names.count(name) > 1 and name not in imported) == []
    )


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [each.asname or each.name for each in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
    return [
        each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)
    ]


@pytest.mark.parametrize("name", sorted(PYTHONS))
def test_it_runs(name: str) -> None:
    """It tells of the process that started it what that knows itself."""
    told = run([PYTHONS[name], "-I", "-S", "-"], os.getpid())
    found = why.decoded(json.dumps(told).encode())
    assert not isinstance(found, Unobserved)
    mine = found[os.getpid()]
    assert mine.executable is not None
    assert Path(mine.executable.path) == Path("/proc/self/exe").resolve()
    assert mine.process.uid == os.getuid()
    assert mine.parents[0].pid == os.getppid()
    assert told["left_out"] == []


@needs("root")
def test_a_user_without_rights_is_told_what_is_missing() -> None:
    """Not that there is no file, and not that no package owns it."""
    told = run([sys.executable, "-c", _AS_NOBODY], os.getpid())["found"][str(os.getpid())]
    assert told["process"]["name"]
    assert "executable" not in told
    assert "unowned_by" not in told
    assert "its executable could not be read: Permission denied" in told["missing"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Reason.GARBLED),
        (b"\xff", Reason.GARBLED),
        (b"[" * 100_000, Reason.GARBLED),
        (b'{"why": 2, "found": {}, "left_out": []}', Reason.GARBLED),
        (b'{"why": 1, "found": {"x": {}}, "left_out": []}', Reason.GARBLED),
        (b'{"why": 1, "found": {"1": {"process": {"pid": "1"}}}, "left_out": []}', Reason.GARBLED),
        (
            b'{"why": 1, "left_out": [], "found": {"1": {"process": {"pid": 1, "uid": %d}}}}'
            % (10**29),
            Reason.GARBLED,
        ),
        (b" " * (5 << 20), Reason.OVERSIZED),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(line: bytes, reason: Reason) -> None:
    """An answer over SSH may be anything."""
    found = why.decoded(line)
    assert isinstance(found, Unobserved)
    assert found.reason is reason


def test_an_answer_about_another_process_than_it_says_is_dropped() -> None:
    """And too many parents or missing parts are cut."""
    other = {"process": {"pid": 2}}
    long = {
        "process": {"pid": 3},
        "parents": [{"pid": pid} for pid in range(100)],
        "missing": ["x" * 10_000] * 100,
    }
    line = json.dumps({"why": 1, "found": {"1": other, "3": long}, "left_out": []}).encode()
    found = why.decoded(line)
    assert not isinstance(found, Unobserved)
    assert set(found) == {3}
    assert (len(found[3].parents), len(found[3].missing)) == (8, 30)
    assert max(map(len, found[3].missing)) == 300
