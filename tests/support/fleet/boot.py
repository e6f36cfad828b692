"""The first process of a host: it makes the host out of its namespaces and becomes its SSH server.

It runs inside new network, PID, mount and UTS namespaces, with the path of a JSON document that
``fleet.py`` writes. What a host may change is its own: /run, /tmp, /home and /root are empty file
systems in memory, and /etc has the users of the fleet over the machine's files.
"""

import ctypes
import json
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from support.fleet.listen import hold_all

LIBC = ctypes.CDLL(None, use_errno=True)
BIND, REMOUNT, READ_ONLY = 0x1000, 0x20, 0x1
OWN = ("/run", "/tmp", "/home", "/root", "/var/tmp")  # noqa: S108 - mount points, not files
FLEET = "/srv"


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount a file system; the system call is of the same name."""
    words = [word.encode() or None for word in (source, target, kind)]
    if LIBC.mount(*words, ctypes.c_ulong(flags), data.encode() or None):
        error = ctypes.get_errno()
        raise OSError(error, f"mount {target}: {os.strerror(error)}")


def furnish(host: dict[str, Any]) -> None:
    """Give the host its file systems."""
    mount(host["fleet"], FLEET, flags=BIND)
    mount("overlay", "/etc", "overlay", data=f"lowerdir={FLEET}/etc:/etc")
    programs = f"{FLEET}/hosts/{host['name']}/bin"
    mount("overlay", "/usr/local/bin", "overlay", data=f"lowerdir={programs}:/usr/local/bin")
    for folder in OWN:
        mount("tmpfs", folder, "tmpfs", data="mode=1777" if "tmp" in folder else "mode=755")
    Path("/run/sshd").mkdir()
    for user, uid in host["homes"].items():
        home = Path("/home", user)
        home.mkdir(mode=0o755)
        os.chown(home, uid, uid)
    Path("/home/loud/.bashrc").write_text('echo "Welcome to $(hostname)"; echo "{[ready" >&2\n')
    for path in host["hide"]:
        mount("/dev/null", path, flags=BIND)
    if host["hidden"]:
        mount("proc", "/proc", "proc", REMOUNT, "hidepid=2")


def cut_off() -> None:
    """Reset the first connection to the SSH server's port, before there is one."""
    with socket.create_server(("0.0.0.0", 22)) as listening:
        first, _ = listening.accept()
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first.close()


def serve(host: dict[str, Any]) -> None:
    """Become the SSH server, or wait for the end where the host has none."""
    if host["flaky"]:
        cut_off()
    os.chdir("/")
    os.environ.clear()
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if not host["serves"]:
        os.execvp("sleep", ["sleep", "86400"])  # noqa: S606 - it becomes that program
    config = f"{FLEET}/hosts/{host['name']}/sshd_config"
    os.execv("/usr/sbin/sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", config])  # noqa: S606 - likewise


def main() -> None:
    """Make the host that the document describes."""
    host = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    socket.sethostname(host["name"])
    furnish(host)
    log = os.open(f"{FLEET}/hosts/{host['name']}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if os.fork() == 0:
        hold_all(host["opened"], Path(FLEET, "hosts", host["name"], "ready"))
    serve(host)


if __name__ == "__main__":
    main()
