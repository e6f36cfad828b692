"""CPU of the embedded probe against ``ss -tulpn``, as whole processes, on a machine with listeners.

    python benchmarks/probe_vs_ss.py [interpreter]

200 processes each listen on a port, in namespaces of their own, so that nothing else on the machine
is counted (``ss`` reads one network namespace, the probe reads all). Both programs run in turn,
fifteen times; the figures are medians of user and system time together. The probe tells more: every
state and unix socket, all processes and the users. The interpreter is by default the system's own,
as on a host that the probe is sent to. The target is a ratio of 3.0. Needs root.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ALONE = ["unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child"]
LISTENERS = 200
ROUNDS = 15
TARGET = 3.0
FOLDER = Path(__file__).parents[1] / "src" / "portproof"
TABLES = ["process_open_sockets", "processes", "users"]
READ = f"""
import sys
sys.path.insert(0, {str(FOLDER)!r})
from agent.frame import encode
from agent.tables import collect
sys.stdout.buffer.write(encode(collect({TABLES})))
"""
"""Reads as a local audit does, which finds the modules compiled after its first time."""


@contextlib.contextmanager
def listeners(count: int) -> Iterator[None]:
    """Have ``count`` processes listen, each on a port of its own."""
    pids = []
    try:
        for _ in range(count):
            with socket.create_server(("", 0)):
                pid = os.fork()
                if pid == 0:
                    signal.pause()
                pids.append(pid)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def cost(command: list[str]) -> tuple[float, float]:
    """CPU and wall time of a whole process in milliseconds."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"{command[0]} failed")
    return 1000 * (usage.ru_utime + usage.ru_stime), 1000 * wall


def measure(interpreter: str) -> None:
    """Measure, and say how far the target was met."""
    commands = {
        "ss": ["ss", "-tulpn"],
        "probe": [interpreter, "-I", "-S", "-c", READ],
    }
    with listeners(LISTENERS):
        costs = [{name: cost(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    cpu = {name: median(each[name][0] for each in costs) for name in commands}
    wall = {name: median(each[name][1] for each in costs) for name in commands}
    for name, command in commands.items():
        print(f"{name:6} {cpu[name]:6.1f} ms CPU {wall[name]:6.1f} ms wall  {command[0]}")
    print(f"ratio of CPU {cpu['probe'] / cpu['ss']:.2f}, target {TARGET}")


def main() -> None:
    """Measure in namespaces of our own."""
    if sys.argv[1:2] == ["alone"]:
        measure(sys.argv[2])
        return
    system = shutil.which("python3", path="/usr/bin") or sys.executable
    interpreter = sys.argv[1] if len(sys.argv) > 1 else system
    subprocess.run([*ALONE, sys.executable, __file__, "alone", interpreter], check=True)


if __name__ == "__main__":
    main()
