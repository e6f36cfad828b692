"""docs/cli.md is up to date."""

import subprocess
import sys

from support.paths import ROOT

DOCS = ROOT / "docs"


def test_the_cli_reference_is_what_help_says() -> None:
    """docs/cli.md is up to date."""
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "cli_reference.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert made.stdout == (DOCS / "cli.md").read_text(encoding="utf-8")
