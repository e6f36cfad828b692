"""How a report looks is told on the command line, and checked before anyone is looked at."""

import subprocess
import sys
from pathlib import Path

import pytest


def audit(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """Audit this machine with the probe."""
    command = [sys.executable, "-m", "portproof", "audit", "-q", "--via", "probe", "-o", folder]
    return subprocess.run(
        [*map(str, command), *map(str, options)], check=False, capture_output=True, text=True
    )


def test_report_has_the_title_logo_footer_and_templates_asked_for(tmp_path: Path) -> None:
    """All four options reach the report, and the one that is rendered from the folder later."""
    theme, logo = tmp_path / "theme", tmp_path / "logo.svg"
    theme.mkdir()
    (theme / "warnings.html").write_text("<p>our own part</p>")
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    looks = ("--template", theme, "--title", "Ours", "--logo", logo, "--footer", "At the foot")
    done = audit(tmp_path / "out", *looks)
    assert done.returncode != 2, done.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    for part in ("<span>Ours</span>", "data:image/svg+xml", "At the foot", "our own part"):
        assert part in page
    again = ["report", str(tmp_path / "out"), "-o", str(tmp_path / "new"), "--title", "Ours again"]
    subprocess.run([sys.executable, "-m", "portproof", *again], check=True, capture_output=True)
    assert "<span>Ours again</span>" in (tmp_path / "new" / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--template", "none"), "--template: there is no folder none"),
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
