"""The examples of docs/api.md run."""

import re
import subprocess
import sys
from pathlib import Path

from support.paths import ROOT

PAGE = ROOT / "docs" / "api.md"


def examples() -> list[str]:
    """The examples of docs/api.md, in order."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_run(tmp_path: Path) -> None:
    """One after the other, in an empty folder, as a reader would type them."""
    code = "\n".join(examples())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
