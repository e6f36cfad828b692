"""``portproof init``: a new repository that works as it is, and nothing of the old is touched."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from portproof.inventory.read import read_inventory
from support.machine import PORTPROOF, machine

WORKFLOWS = (".github/workflows/portproof.yml", ".gitlab-ci.yml")
FILES = {
    "README.md",
    ".gitignore",
    *WORKFLOWS,
    "checks/example-deleted-programs.yml",
    "inventory/group_vars/all.yml",
    "inventory/hosts.yml",
    "policies/example.yml",
    "policies/example.test.yml",
    "policies/waivers.yml",
    "reports/README.md",
}


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run portproof in a folder."""
    command = [*PORTPROOF, *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def files(folder: Path) -> dict[str, str]:
    """Every file of a folder with its text."""
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new repository, with a baseline."""
    folder = tmp_path_factory.mktemp("init")
    done = run(folder, "init", "repo", "--baseline", "workstation")
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "repo"


def commands(repository: Path, workflow: str) -> Iterator[list[str]]:
    """What a workflow runs of portproof."""
    for line in (repository / workflow).read_text(encoding="utf-8").splitlines():
        command = line.strip().removeprefix("- ").removeprefix("run: ")
        if command.startswith("portproof "):
            yield shlex.split(command)[1:]


def test_it_has_every_part(repository: Path) -> None:
    """And nothing else."""
    copied = {"policies/workstation.yml", "policies/workstation.test.yml"}
    assert set(files(repository)) == FILES | copied


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_what_its_workflow_does_before_the_audit_passes(repository: Path, workflow: str) -> None:
    """Lint and test, of its own policies, with no gap in the tests."""
    checked = [args for args in commands(repository, workflow) if args[0] in {"lint", "test"}]
    assert [args[:2] for args in checked] == [["lint", "policies"], ["test", "policies"]]
    for args in checked:
        done = run(repository, *args)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "; 0 gaps in the tests of" in done.stdout
    (repository / "portproof-test.xml").unlink(missing_ok=True)


@pytest.mark.parametrize("command", ["lint", "test"])
def test_it_passes_without_naming_its_policies_too(repository: Path, command: str) -> None:
    """As a user types it first."""
    assert run(repository, command).returncode == 0


@pytest.mark.needs("namespaces", "ansible-inventory")
def test_its_workflows_audit_and_fail_by_the_exit_code(repository: Path, tmp_path: Path) -> None:
    """With this machine as its host: no option is wrong, and one listener makes it fail."""
    every = [each for name in WORKFLOWS for each in commands(repository, name)]
    args, same = (each for each in every if each[0] == "audit")
    assert args == same
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        "all: {hosts: {localhost: {ansible_connection: local}}, children: {web: , database: }}\n",
        encoding="utf-8",
    )
    args[args.index("-i") + 1] = str(inventory)
    args[args.index("-o") + 1] = str(tmp_path / "first")
    with machine() as host:
        done = host.portproof(*args, cwd=repository)
        assert done.returncode in {0, 3}, done.stdout + done.stderr
        host.listen("tcp", "0.0.0.0", 23, name="telnetd")
        args[args.index("-o") + 1] = str(tmp_path / "second")
        assert host.portproof(*args, cwd=repository).returncode == 1


@pytest.mark.needs("ansible-inventory")
def test_its_inventory_is_one(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible reads it, with the groups that the example policy names."""
    monkeypatch.chdir(repository)
    inventory = read_inventory(["inventory"])
    assert inventory.groups()["web"] == ("web1.example.com", "web2.example.com")
    assert all(host.variables["ansible_become"] is True for host in inventory.hosts)


def test_audits_are_ignored_and_reports_are_not(repository: Path, tmp_path: Path) -> None:
    """A ``.gitignore`` that took reports/ would lose the templates."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_bytes((repository / ".gitignore").read_bytes())
    ignored = subprocess.run(
        ["git", "check-ignore", "audits/x/audit.json", "reports/report.html", "policies/a.yml"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ignored.stdout == "audits/x/audit.json\n"


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_its_workflows_are_yaml_that_tells_the_exit_codes(repository: Path, workflow: str) -> None:
    """The meaning of each code stands beside the audit."""
    text = (repository / workflow).read_text(encoding="utf-8")
    assert isinstance(yaml.safe_load(text), dict)
    assert "1 something failed, 2 nothing was judged, 3 something is unproven" in text


def test_every_file_in_the_way_is_named_and_none_is_touched(tmp_path: Path) -> None:
    """A link to nowhere is in the way too."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    (tmp_path / ".gitignore").symlink_to("nowhere")
    done = run(tmp_path, "init")
    assert done.returncode == 2
    assert done.stderr.splitlines()[1:] == ["  .gitignore", "  README.md"]
    assert files(tmp_path) == {"README.md": "mine"}


def test_a_folder_with_other_files_is_used(tmp_path: Path) -> None:
    """What is not in the way stays."""
    (tmp_path / "LICENSE").write_text("mine", encoding="utf-8")
    assert run(tmp_path, "init", ".").returncode == 0
    assert set(files(tmp_path)) == FILES | {"LICENSE"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["there"], "is a file"),
        (
            ["new", "--baseline", "webserver"],
            "no baseline named 'webserver'; baselines are bastion",
        ),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path: Path, args: list[str], said: str) -> None:
    """Exit code 2, and nothing is written."""
    (tmp_path / "there").write_text("mine", encoding="utf-8")
    done = run(tmp_path, "init", *args)
    assert done.returncode == 2
    assert said in done.stderr
    assert files(tmp_path) == {"there": "mine"}
