"""A machine of the test's own: network, PID, mount and UTS namespaces with process 1 in them.

What is audited inside is a real host to portproof: its process 1 is in its own network namespace,
its /proc shows its own processes, and it listens on what the test opened and nothing else.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HOSTNAME = "testhost"
PORTPROOF = (sys.executable, "-m", "portproof")

_HOLD = """
import socket, time
with socket.socket(socket.AF_UNIX) as held:
    print("ready", flush=True)
    time.sleep(600)
"""
"""Every real machine has a process that holds a socket, which is the witness of checks."""

_LISTEN = """
import os, socket, sys, time
protocol, address, port, name = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
s = socket.socket(family, kind)
s.bind((address, int(port)))
if protocol == "tcp":
    s.listen()
with open("/proc/self/comm", "w") as comm:
    comm.write(name)
print("ready", flush=True)
time.sleep(600)
"""


class Machine:
    """A running machine."""

    def __init__(self, pid: int, stack: contextlib.ExitStack) -> None:
        self._pid = pid
        self._stack = stack

    def command(self, *args: str | Path) -> list[str]:
        """A command line that runs ``args`` on the machine, in the current folder."""
        enter = ["nsenter", "--target", str(self._pid), "--net", "--pid", "--mount", "--uts"]
        return [*enter, f"--wdns={Path.cwd()}", "--", *map(str, args)]

    def run(
        self, *args: str | Path, cwd: Path | None = None, user: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine to its end, as root or as ``user`` by id."""
        script = 'cd "$0" && exec "$@"'
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        inside = ["sh", "-c", script, str(cwd or Path.cwd()), *drop, *map(str, args)]
        return subprocess.run(
            self.command(*inside), check=False, capture_output=True, text=True, timeout=60
        )

    def portproof(
        self, *args: str | Path, cwd: Path, user: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line on the machine."""
        return self.run(*PORTPROOF, *args, cwd=cwd, user=user)

    def listen(self, protocol: str, address: str, port: int, name: str = "listener") -> None:
        """Open a listener that stays until the machine ends."""
        self.start(_LISTEN, protocol, address, str(port), name)

    def start(self, program: str, *args: str) -> None:
        """Start a Python program that says when it is ready and stays until the machine ends."""
        inside = [sys.executable, "-c", program, *args]
        started = self._stack.enter_context(
            subprocess.Popen(self.command(*inside), stdout=subprocess.PIPE, text=True)
        )
        self._stack.callback(started.kill)
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    """Start a machine with loopback up and nothing listening; it ends with everything on it."""
    unshare = ["unshare", "--net", "--pid", "--mount", "--uts", "--fork", "--mount-proc"]
    first = ["sh", "-c", f"hostname {HOSTNAME}; ip link set lo up; echo ready; exec sleep 600"]
    with contextlib.ExitStack() as stack:
        outer = stack.enter_context(
            subprocess.Popen([*unshare, "--kill-child", *first], stdout=subprocess.PIPE, text=True)
        )
        stack.callback(outer.kill)
        assert outer.stdout is not None
        assert outer.stdout.readline() == "ready\n"
        made = Machine(_child(outer.pid), stack)
        made.start(_HOLD)
        yield made


def _child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(100):
        if found := children.read_text(encoding="ascii").split():
            return int(found[0])
        time.sleep(0.01)
    raise AssertionError(f"process {pid} started nothing")


def everyone_may_enter(path: Path) -> None:
    """Open a temporary folder, and those above it, to the users a test switches to."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
