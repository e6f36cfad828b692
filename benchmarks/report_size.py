"""The report of large fleets: bytes, processor time and memory, and how quick it is to use.

1 % of the verdicts fail, each with who is behind it. Memory is the peak of the whole process with
the result in it. Chromium's figures are medians of fresh pages; without Chromium or Node they are
left out. What else the machine did meanwhile is told by its load.
"""

import json
import os
import resource
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from portproof.content.shipped import shipped
from portproof.report.contract import Theme
from portproof.report.html.page import render

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "tests" / "renderers"
MEASURE = ROOT / "tests" / "browser" / "measure.mjs"
MEGABYTE = 1_000_000
ROUNDS = 3
SIZES = {  # hosts and rules: megabytes, CPU seconds, megabytes of memory, ms to paint, to search
    (10_000, 20): (2, 30, 1000, 1000, 300),
    (100_000, 50): (10, 30, 1000, 1000, 300),
}


def written(hosts: int, rules: int, file: Path) -> None:
    """Write one report in this process, and print what it cost."""
    sys.path.insert(0, str(SAMPLES))
    result = runpy.run_path(str(SAMPLES / "samples.py"))["fleet"](hosts, rules)
    begun = time.process_time()
    with file.open("w", encoding="utf-8") as page:
        page.writelines(render(result, Theme((shipped("reports"),))))
    spent = time.process_time() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    size, most_cpu, most_memory, *_ = SIZES[hosts, rules]
    told = f"report: {hosts:,} x {rules}"
    print(f"{told}: {file.stat().st_size / MEGABYTE:.1f} MB (limit {size})")
    print(f"{told}: {spent:.1f} s CPU (limit {most_cpu})")
    print(f"{told}: {memory / MEGABYTE:.0f} MB of memory (limit {most_memory})", flush=True)


def used(hosts: int, rules: int, file: Path) -> None:
    """Time the report in Chromium, and print the medians."""
    command = ["node", str(MEASURE), str(file), str(ROUNDS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    times: dict[str, int] = json.loads(done.stdout)
    *_, paint, search = SIZES[hosts, rules]
    slowest = max(time for name, time in times.items() if name.startswith("search"))
    told = f"report: {hosts:,} x {rules}"
    print(f"{told}: first paint after {times['paint']} ms (limit {paint})")
    print(f"{told}: tables after {times['ready']} ms")
    print(f"{told}: slowest search {slowest} ms (limit {search})")
    views = {name: time for name, time in times.items() if name.startswith("view")}
    print(f"{told}: {', '.join(f'{name} {time} ms' for name, time in views.items())}", flush=True)


def main() -> None:
    """Write each size in a process of its own, then look at it."""
    if len(sys.argv) > 1:
        written(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
        return
    browser = shutil.which("node") and shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder:
        for hosts, rules in SIZES:
            file = Path(folder) / f"{hosts}.html"
            given = [str(hosts), str(rules), str(file)]
            subprocess.run([sys.executable, __file__, *given], check=True)
            if browser and (MEASURE.parent / "node_modules").is_dir():
                used(hosts, rules, file)
    print(f"report: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
