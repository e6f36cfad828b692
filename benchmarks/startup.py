"""``portproof --help`` against ``python -c pass``: whole processes, alternating, medians."""

import statistics
import subprocess
import sys
import time

ROUNDS = 15
LIMIT = 4.0


def seconds(*args: str) -> float:
    """Wall seconds of one process."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *args], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Print both medians and their ratio."""
    pairs = [(seconds("-m", "portproof", "--help"), seconds("-c", "pass")) for _ in range(ROUNDS)]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(help_ / pass_ for help_, pass_ in pairs)
    print(f"startup: --help {ours * 1000:.0f} ms, python -c pass {bare * 1000:.0f} ms")
    print(f"startup: {ratio:.2f} x python -c pass (limit {LIMIT})")


if __name__ == "__main__":
    main()
