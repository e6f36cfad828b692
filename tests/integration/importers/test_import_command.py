"""``portproof import`` as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

FLEET = """\
policies:
  - {name: First, query: SELECT 1 FROM uptime}
  - {name: Second, query: SELECT 1 FROM uptime}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Fleet file outside the repository it is imported into."""
    file = tmp_path / "source.yml"
    file.write_text(FLEET)
    return file


def test_a_user_sees_what_was_imported_and_what_was_not(source: Path, tmp_path: Path) -> None:
    """The command as it is run: results on standard output, the rest on standard error."""
    source.write_text(f"{FLEET}  - {{name: Manual, query: SELECT 1 WHERE 0;}}\n")
    portproof = [sys.executable, "-m", "portproof"]
    command = [*portproof, "import", "fleet", str(source), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "imported 2 rules and 2 checks"
    assert done.stderr.splitlines()[-1].endswith("1 part of " + str(source) + " not imported")
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert again.returncode == 2
    assert "nothing was written, because these files exist already" in again.stderr
