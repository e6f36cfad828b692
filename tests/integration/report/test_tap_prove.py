"""Perl's harness reads the TAP output."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from portproof.result.result import AuditResult
from support.report.formats import interrupted, nothing_judged, rendered
from support.report.results import all_pass, hostile, mixed


def prove(folder: Path, result: AuditResult) -> subprocess.CompletedProcess[str]:
    """What Perl's harness says of the file."""
    file = folder / "audit.tap"
    file.write_text(rendered("tap", result), encoding="utf-8")
    command = ["prove", "--verbose", "--exec", "cat", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.needs("prove")
@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (all_pass, 0, "Result: PASS"),
        (mixed, 1, "Failed 12/72 subtests"),
        (nothing_judged, 255, "Bailout called.  Further testing stopped:  Nothing was judged"),
        (interrupted, 255, "stopped:  The audit was interrupted"),
    ],
)
def test_perls_harness_says_the_same(tmp_path: Path, make: Any, code: int, says: str) -> None:  # noqa: ANN401 - one of the results above
    """It passes what is proven, fails what is not, and passes nothing that is no success."""
    done = prove(tmp_path, make())
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done.stdout


@pytest.mark.needs("prove")
def test_perls_harness_understands_hostile_names(tmp_path: Path) -> None:
    """No parse error, and as many failures as there are verdicts to fail."""
    result = hostile()
    whole = AuditResult(all_pass().run, result.rules, result.hosts)
    counts = whole.totals.verdicts
    done = prove(tmp_path, whole)
    assert f"Failed {counts['fail'] + counts['unproven']}/{sum(counts.values())}" in done.stdout
    assert "Parse errors" not in done.stdout
