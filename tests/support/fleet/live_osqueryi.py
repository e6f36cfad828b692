"""The stand-in for osqueryi over the tables of the host it runs on, read from /proc by itself.

It shares nothing with portproof's own probe, so that what both find can be compared. A file
``habit`` in the host's folder names a habit of the stand-in's; ``plain`` is the default.
"""

import os
import re
import socket
import struct
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

STATES = {"0A": "LISTEN", "01": "ESTABLISHED", "07": "CLOSED"}
TABLES = (("tcp", 2, 6), ("tcp6", 10, 6), ("udp", 2, 17), ("udp6", 10, 17))


def standin() -> ModuleType:
    """Load the stand-in, which has no suffix."""
    path = Path(__file__).parent
    sys.path.insert(0, str(path))
    sys.dont_write_bytecode = True
    loader = SourceFileLoader("osqueryi", str(path / "osqueryi"))
    spec = spec_from_loader("osqueryi", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def address(text: str) -> tuple[str, int]:
    """Decode an address and port as /proc/net shows them."""
    digits, port = text.split(":")
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return socket.inet_ntop(family, packed), int(port, 16)


def owners() -> dict[str, tuple[int, int]]:
    """Who holds a socket, by its inode: the process and the descriptor.

    Osquery names one process, the last by the text of its number.
    """
    found = {}
    for link in sorted(Path("/proc").glob("[0-9]*/fd/*"), key=lambda each: each.parts[2]):
        try:
            target = link.readlink().name
        except OSError:
            continue
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            found[match[1]] = (int(link.parts[2]), int(link.name))
    return found


def holders() -> list[dict[str, str | int]]:
    """The rows of file for descriptors that are sockets."""
    rows: list[dict[str, str | int]] = []
    for link in Path("/proc").glob("[0-9]*/task/*/fd/*"):
        try:
            target = link.readlink().name
        except OSError:
            continue
        if match := re.fullmatch(r"socket:\[(\d+)\]", target):
            rows.append({"path": str(link), "inode": match[1], "type": "socket"})
    return rows


def sockets() -> list[dict[str, str | int]]:
    """The rows of process_open_sockets."""
    held, rows = owners(), []
    space = namespace()
    for name, family, protocol in TABLES:
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            fields = line.split()
            local, peer = address(fields[1]), address(fields[2])
            pid, fd = held.get(fields[9], (-1, -1))
            row: dict[str, str | int] = {"pid": pid, "fd": fd, "socket": fields[9]}
            row |= {"family": family, "protocol": protocol, "net_namespace": space}
            row |= {"local_address": local[0], "local_port": local[1]}
            row |= {"remote_address": peer[0], "remote_port": peer[1]}
            row["state"] = STATES.get(fields[3], "CLOSE_WAIT") if protocol == 6 else ""
            rows.append(row)
    return rows


def namespace(kind: str = "net", pid: str = "1") -> str:
    """A namespace of a process, by default the network namespace of the host's first one."""
    try:
        return re.sub(r"\D", "", Path("/proc", pid, "ns", kind).readlink().name)
    except OSError:
        return "0"


def namespaces() -> list[dict[str, str | int]]:
    """The rows of process_namespaces."""
    pids = [folder.name for folder in Path("/proc").glob("[0-9]*")]
    return [
        {"pid": pid, "net_namespace": namespace("net", pid), "pid_namespace": namespace("pid", pid)}
        for pid in pids
    ]


def program(folder: Path) -> dict[str, str | int]:
    """The program of a process, and whether it is on disk (processes.cpp, getOnDisk)."""
    try:
        path = str((folder / "exe").readlink())
    except OSError:
        return {"path": "", "on_disk": -1}
    gone = path.endswith(" (deleted)") and not Path(path).exists()
    return {"path": path.removesuffix(" (deleted)") if gone else path, "on_disk": int(not gone)}


def packages() -> list[dict[str, str | int]]:
    """The rows of deb_packages, of which the host's Debian has many."""
    entries = Path("/var/lib/dpkg/status").read_text(errors="replace").split("\n\n")
    found = [
        dict(re.findall(r"^(Package|Version|Status): (.*)$", e, re.MULTILINE)) for e in entries
    ]
    return [
        {"name": each["Package"], "version": each.get("Version", ""), "status": each["Status"]}
        for each in found
        if {"Package", "Status"} <= each.keys()
    ]


def processes() -> list[dict[str, str | int]]:
    """The rows of processes."""
    rows: list[dict[str, str | int]] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "status").read_text(errors="surrogateescape")
            cmdline = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
        status = dict(re.findall(r"^(\w+):\t(.*)$", text, re.MULTILINE))
        ids = status["Uid"].split()
        row: dict[str, str | int] = {"pid": folder.name, "uid": ids[0], "euid": ids[1]}
        row |= {"name": status["Name"], "cmdline": cmdline, "parent": status["PPid"]}
        rows.append(row | program(folder))
    return rows


def users() -> list[dict[str, str | int]]:
    """The rows of users."""
    lines = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    return [{"username": line[0], "uid": line[2], "gid": line[3]} for line in lines]


def main() -> int:
    """Answer the question as the stand-in would."""
    tables = {
        "osquery_info": [{"pid": os.getpid(), "version": "5.23.0"}],
        "process_namespaces": namespaces(),
        "process_open_sockets": sockets(),
        "processes": processes(),
        "users": users(),
        "deb_packages": packages(),
        "osquery_flags": [{"name": "read_max", "value": "52428800"}],
        "file": holders(),
    }
    habit = Path("/srv/hosts", socket.gethostname(), "habit")
    named = habit.read_text().strip() if habit.exists() else "plain"
    return int(standin().HABITS[named](tables, sys.argv[-1]))


if __name__ == "__main__":
    sys.exit(main())
