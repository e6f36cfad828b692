"""A local audit with the probe, report included, on a machine with 200 processes more.

The figure is processor time of the whole process, by the kernel's own account.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROCESSES = 200
ROUNDS = 5
LIMIT = 1.0


def seconds(folder: Path) -> float:
    """Processor seconds of one audit."""
    audit = ["-m", "portproof", "audit", "--quiet", "--via", "probe"]
    command = [sys.executable, *audit, "-o", str(folder)]
    running = subprocess.Popen(command)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode == 2:  # noqa: PLR2004 - the exit code of an error
        sys.exit("the audit failed")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the median and the limit."""
    with contextlib.ExitStack() as stack:
        for _ in range(PROCESSES):
            sleeper = stack.enter_context(subprocess.Popen(["sleep", "600"]))
            stack.callback(sleeper.kill)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        spent = statistics.median(seconds(scratch / str(n)) for n in range(ROUNDS))
    print(f"local audit: {spent:.2f} s CPU with {PROCESSES} processes (limit {LIMIT} s)")


if __name__ == "__main__":
    main()
