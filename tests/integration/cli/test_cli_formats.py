"""``--format`` and ``--fail-on`` as a user gives them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portproof.cli import main
from portproof.cli.show import Line, show
from portproof.report.contract import format_names, load_format
from support.machine import Machine, machine
from support.readers import READERS

ALL = [part for name in format_names() for part in ("--format", name)]
POLICY = (
    "policy: own\ntitle: Own\nrules:\n"
    "  - {id: high, closed: 609, severity: high}\n"
    "  - {id: low, closed: 610, severity: low}\n"
)


@pytest.fixture(scope="module")
def busy() -> Iterator[Machine]:
    """A machine with a listener on 610, which is of low severity here."""
    with machine() as started:
        started.listen("tcp", "0.0.0.0", 610, name="npmp")
        yield started


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a policy."""
    (tmp_path / "own.yml").write_text(POLICY, encoding="utf-8")
    return tmp_path


@pytest.mark.needs("namespaces")
def test_every_format_is_written_and_agrees(busy: Machine, here: Path) -> None:
    """All in the folder and in the manifest, with the same totals, from a real look."""
    done = busy.portproof("audit", "-p", "own.yml", "-o", "out", *ALL, cwd=here)
    assert done.returncode == 1, done.stderr
    manifest = json.loads((here / "out" / "manifest.json").read_text(encoding="utf-8"))
    counts = json.loads((here / "out" / "audit.json").read_text(encoding="utf-8"))["totals"]
    for name in format_names():
        file = load_format(name).FILE
        assert file in manifest["files"]
        with (here / "out" / file).open(encoding="utf-8", newline="") as text:
            told = READERS[name](text.read())
        assert told == {verdict: counts["verdicts"][verdict] for verdict in told}


@pytest.mark.needs("namespaces")
def test_a_resumed_audit_keeps_its_formats_and_its_gate(busy: Machine, here: Path) -> None:
    """They are part of what was asked for."""
    asked = ["--format", "tap", "--fail-on", "severity>=high"]
    first = busy.portproof("audit", "-p", "own.yml", "-o", "out", *asked, cwd=here)
    (here / "out" / "manifest.json").unlink()
    (here / "out" / "audit.tap").unlink()
    second = busy.portproof("audit", "--resume", "out", cwd=here)
    assert (here / "out" / "audit.tap").exists()
    for done in (first, second):
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == (
            "1 failure and 0 unproven did not gate (--fail-on severity>=high); exit code 0"
        )
    document = json.loads((here / "out" / "audit.json").read_text(encoding="utf-8"))
    assert document["exit_code"] == 1


@pytest.mark.needs("namespaces")
def test_any_condition_gates(busy: Machine, here: Path) -> None:
    """The last line names the one that did."""
    asked = ["--fail-on", "severity>=high", "--fail-on", "new"]
    done = busy.portproof("audit", "-p", "own.yml", "-o", "out", *asked, cwd=here)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("gated by --fail-on new (1 new failure: ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--format", "pdf"], "there is no format 'pdf'; the formats are csv, csv-matrix"),
        (["--format", "../json"], "there is no format '../json'"),
        (["--fail-on", "never"], "--fail-on 'never' is not a condition; conditions are fail"),
        (["--resume", "out", "--format", "tap"], "leave out --format"),
        (["--resume", "out", "--fail-on", "new"], "leave out --fail-on"),
    ],
)
def test_wrong_use_is_told_before_anything_is_looked_at(
    here: Path,
    args: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not even the inventory is read, and nothing is written."""
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "argv", ["portproof", "audit", "-i", "nowhere", *args])
    assert main() == 2
    told = capsys.readouterr().err
    assert said in told
    assert "nowhere" not in told
    assert [file.name for file in here.iterdir()] == ["own.yml"]


def test_what_a_host_says_is_no_command_to_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Runners of GitHub and Azure look for commands anywhere in a line."""
    show([Line("  db1: ##[add-mask]FA and /tmp/##vso[task.setvariable]x listen")])
    said = capsys.readouterr().out
    assert said == "  db1: # #[add-mask]FA and /tmp/# #vso[task.setvariable]x listen\n"
