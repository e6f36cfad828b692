"""How a report looks is told on the command line, and checked before anyone is looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.calling import portproof
from support.folders import POLICY, job_of, looks_of, save, write


def audit(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """Audit this machine with the probe."""
    command = [sys.executable, "-m", "portproof", "audit", "-q", "--via", "probe", "-o", folder]
    return subprocess.run(
        [*map(str, command), *map(str, options)], check=False, capture_output=True, text=True
    )


def own_looks(folder: Path) -> tuple[str | Path, ...]:
    """All four options, with a template and a logo of our own."""
    theme, logo = folder / "theme", folder / "logo.svg"
    theme.mkdir()
    (theme / "warnings.html").write_text("<p>our own part</p>")
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return "--template", theme, "--title", "Ours", "--logo", logo, "--footer", "At the foot"


def lacking(folder: Path) -> list[str]:
    """What a folder's report does not have of that."""
    page = (folder / "report.html").read_text()
    parts = ("<span>Ours</span>", "data:image/svg+xml", "At the foot", "our own part")
    return [part for part in parts if part not in page]


def test_report_has_the_title_logo_footer_and_templates_asked_for(tmp_path: Path) -> None:
    """All four options reach the report, and the one that is rendered from the folder later."""
    done = audit(tmp_path / "out", *own_looks(tmp_path))
    assert done.returncode != 2, done.stderr
    assert lacking(tmp_path / "out") == []
    again = ["report", str(tmp_path / "out"), "-o", str(tmp_path / "new"), "--title", "Ours again"]
    subprocess.run([sys.executable, "-m", "portproof", *again], check=True, capture_output=True)
    assert "<span>Ours again</span>" in (tmp_path / "new" / "report.html").read_text()


@pytest.fixture
def what_if(tmp_path: Path) -> tuple[Path | str, ...]:
    """A command line that judges a whole folder by another policy."""
    write(tmp_path / "out", job_of(), looks_of())
    save(tmp_path / "other.yml", {**POLICY, "rules": POLICY["rules"][:1]})
    return "evaluate", tmp_path / "out", "-p", tmp_path / "other.yml"


def test_what_if_writes_its_report_with_all_four(
    tmp_path: Path, what_if: tuple[Path | str, ...]
) -> None:
    """``evaluate -o`` writes an audit's folder, and so its report looks as asked."""
    done = portproof(*what_if, "-o", tmp_path / "new", *own_looks(tmp_path))
    assert done.code != 2, done.err
    assert lacking(tmp_path / "new") == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--title", "Ours", "--footer", ""),
            "without -o, no report is written; leave out --title,",
        ),
        (("-o", "new", "--template", "none"), "--template: the folder none does not exist"),
        (("-o", "new", "--logo", "other.yml"), "other.yml: a logo is a file of type"),
    ],
)
def test_what_if_refuses_what_does_nothing_or_cannot_be_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what_if: tuple[Path | str, ...],
    options: tuple[str, ...],
    told: str,
) -> None:
    """Exit code 2 before anything is judged or written."""
    monkeypatch.chdir(tmp_path)
    done = portproof(*what_if, *options)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--template", "none"), "--template: the folder none does not exist"),
        (("--template", "."), "bars.html:1: "),
        (("--logo", "bars.html"), "bars.html: a logo is a file of type"),
    ],
)
def test_what_cannot_be_used_is_told_before_anyone_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str], told: str
) -> None:
    """Exit code 2, one line with the file, and no folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars.html").write_text("{% endfor %}")
    done = audit(tmp_path / "out", *options)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_template_that_fails_leaves_the_evidence_and_nothing_half_written(tmp_path: Path) -> None:
    """What only shows with a result is told with its line; the folder keeps what was collected."""
    theme = tmp_path / "theme"
    theme.mkdir()
    (theme / "run.html").write_text("one\n{{ report.nonsense }}")
    done = audit(tmp_path / "out", "--template", theme)
    assert done.returncode == 2
    assert f"{theme / 'run.html'}:2: " in done.stderr
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "evidence.jsonl",
        "request.json",
    ]
    again = subprocess.run(
        [sys.executable, "-m", "portproof", "audit", "-q", "--resume", tmp_path / "out"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert again.returncode != 2, again.stderr
    assert (tmp_path / "out" / "report.html").exists()
