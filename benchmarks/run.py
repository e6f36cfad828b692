"""Runs every benchmark, one after the other. ``make bench``."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run each script beside this one; the worst exit code is ours."""
    own = Path(__file__)
    scripts = sorted(file for file in own.parent.glob("*.py") if file != own)
    codes = []
    for script in scripts:
        print(f"\n== {script.stem}", flush=True)
        codes.append(subprocess.run([sys.executable, script], check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
