"""Policies are taken by name, by file and by folder, on every command alike."""

import subprocess
from pathlib import Path

import pytest

from portproof.content.load import load
from portproof.content.shipped import default_policies, shipped, shipped_policies
from support.machine import PORTPROOF

KINDS = {"bastion", "database-server", "kubernetes-node", "web-server", "workstation"}
POLICY = "policy: {0}\ntitle: Mine\nrules: [{{id: old, closed: 609}}]\n"


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run portproof in a folder."""
    command = [*PORTPROOF, *args]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def write(file: Path, name: str) -> None:
    """Write a policy of one rule."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(POLICY.format(name), encoding="utf-8")


def test_a_shipped_policy_is_named_by_its_file() -> None:
    """Its id is the file's name, so that a name is found without reading any file."""
    content = load([shipped("policies")], [])
    assert content.problems == []
    ids = {each.model.policy: Path(each.document.file) for each in content.policies}
    assert ids == shipped_policies()


def test_the_default_is_every_shipped_policy_but_the_baselines() -> None:
    """A baseline is to be copied; judging every machine by it would make no sense."""
    baselines = {path for path in shipped_policies().values() if path.parent.name == "baselines"}
    assert set(default_policies()) == set(shipped_policies().values()) - baselines
    assert default_policies()


def test_every_baseline_is_taken_by_its_name_and_tested(tmp_path: Path) -> None:
    """Each has tests beside it, and there is no mistake in a rule that they would not notice."""
    names = [name for name, path in shipped_policies().items() if path.parent.name == "baselines"]
    assert {f"baseline-{kind}" for kind in KINDS} <= set(names)
    done = run(tmp_path, "test", *names)
    assert done.returncode == 0, done.stdout
    assert "; 0 gaps in the tests of" in done.stdout


@pytest.mark.parametrize("command", [["lint"], ["test"], ["explain", "609", "-p"]])
def test_a_shipped_policy_is_taken_by_its_name(command: list[str], tmp_path: Path) -> None:
    """Without a path, from any folder."""
    done = run(tmp_path, *command, "retired-ports")
    assert done.returncode == 0, done.stderr
    assert "retired-ports" in done.stdout


def test_a_policy_is_taken_by_file_and_by_folder(tmp_path: Path) -> None:
    """And both are told in what was read."""
    write(tmp_path / "one.yml", "one")
    write(tmp_path / "more" / "two.yml", "two")
    done = run(tmp_path, "lint", "one.yml", "more")
    assert done.stdout.endswith("read: one.yml, more\n")
    assert "policies: 2" in done.stdout


def test_a_name_that_is_also_a_path_is_refused(tmp_path: Path) -> None:
    """Neither is guessed; the error says how each is written, and both ways work."""
    write(tmp_path / "retired-ports" / "mine.yml", "mine")
    done = run(tmp_path, "lint", "retired-ports")
    assert done.returncode == 2
    file = shipped_policies()["retired-ports"]
    assert f"write ./retired-ports for the path, or {file} for the policy" in done.stderr
    assert run(tmp_path, "lint", "./retired-ports").returncode == 0
    assert run(tmp_path, "lint", str(file)).returncode == 0


def test_a_link_to_nothing_is_a_path_too(tmp_path: Path) -> None:
    """It was put there to be used, and must not turn into the shipped policy."""
    (tmp_path / "retired-ports").symlink_to("gone")
    assert run(tmp_path, "lint", "retired-ports").returncode == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("retired-port", "did you mean retired-ports?"),
        ("zzzzzz", "shipped policies: "),
        ("zzzzzz.yml", "zzzzzz.yml: cannot be read: No such file or directory"),
        ("./zzzzzz", "cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("command", [["lint"], ["audit", "-q", "-p"], ["explain", "609", "-p"]])
def test_what_is_not_there_is_told(
    command: list[str], name: str, said: str, tmp_path: Path
) -> None:
    """With the nearest names, and nothing is judged."""
    done = run(tmp_path, *command, name)
    assert done.returncode == 2
    assert said in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", " "])
def test_a_policy_without_a_name_is_an_error(tmp_path: Path, name: str) -> None:
    """An empty variable of a script must not stand for whatever policies lie here."""
    write(tmp_path / "mine.yml", "mine")
    done = run(tmp_path, "audit", "-p", name)
    assert done.returncode == 2
    assert "an empty policy name was given" in done.stderr
