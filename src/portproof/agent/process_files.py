"""Read details of a process from /proc, which is described in proc(5)."""

import hashlib
import os
from pathlib import Path

from .files import GONE, regular_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

_SHORT, _CHUNK = 4096, 1 << 20
_HASHES = ("sha256", "md5", "sha1")
_TTY, _SLAVES = 4, range(136, 144)


def words(data: "bytes | str") -> str:
    """Return any bytes as text that can be shown and stored."""
    return os.fsencode(data).decode("utf-8", "backslashreplace")


def status_of(base: str) -> "dict[str, str]":
    """Return the fields of a process's ``status``."""
    text = words(regular_file(base + "/status", _SHORT))
    lines = [line.partition(":") for line in text.split("\n")]
    return {key: value.strip() for key, _, value in lines}


def stat_of(base: str) -> "tuple[str, list[str]]":
    """Return the name of a process and the fields of its ``stat`` from its state (field 3) on."""
    head, _, tail = regular_file(base + "/stat", _SHORT).rpartition(b") ")
    return words(head.partition(b"(")[2]), tail.decode("ascii", "replace").split()


def link_of(path: str) -> str:
    """Return the target of a link."""
    return os.readlink(path)


def program_of(proc: str, pid: int, longest: int) -> "dict[str, object]":
    """Return id, name, path and command line of a process; the path is "" if it may not be read.

    ``longest`` is the maximum number of bytes of its command line.
    """
    base = f"{proc}/{pid}"
    told: dict[str, object] = {"pid": pid, "name": stat_of(base)[0]}
    try:
        told["path"] = words(link_of(base + "/exe"))
    except OSError:
        told["path"] = ""
    command = regular_file(base + "/cmdline", longest).replace(b"\0", b" ").strip()
    return dict(told, cmdline=words(command))


def identity_of(path: str) -> "tuple[int, ...] | None":
    """Return device and inode of a file, or None if it does not exist; raise any other error."""
    try:
        found = Path(path).stat()
    except GONE:
        return None
    return found.st_dev, found.st_ino


def sockets_of(base: str) -> "set[str]":
    """Return the sockets among a process's descriptors, as ``socket:[INODE]``."""
    links = set()
    for each in Path(base, "fd").iterdir():
        try:
            links.add(link_of(str(each)))
        except OSError:
            continue
    return {link for link in links if link.startswith("socket:[")}


def passed_to(base: str, pid: int, longest: int) -> bool:
    """Return whether systemd passed sockets to this very process (sd_listen_fds(3)).

    Only the two variables that say so are examined, and nothing of the environment is kept.
    """
    pairs = regular_file(base + "/environ", longest).split(b"\0")
    names = (b"LISTEN_FDS=", b"LISTEN_PID=")
    values = dict(pair.split(b"=", 1) for pair in pairs if pair[: len(names[0])] in names)
    count, process = values.get(b"LISTEN_FDS", b"0"), values.get(b"LISTEN_PID", b"")
    numbers = status_of(base).get("NSpid", str(pid)).split()
    return count.isdigit() and int(count) > 0 and process.decode("ascii", "replace") in numbers


def terminal_name(number: int) -> str:
    """Return the name of a terminal from its device number (proc(5), tty_nr; devices.txt)."""
    major, minor = number >> 8 & 0xFFF, (number & 0xFF) | (number >> 12 & 0xFFF00)
    if major in _SLAVES:
        return f"pts/{(major - _SLAVES[0]) * 256 + minor}"
    if major == _TTY:
        return f"tty{minor}"
    return f"terminal {major}:{minor}" if number else ""


def digests(file: "BinaryIO", late: "Callable[[], bool]") -> "dict[str, str]":
    """Return a file's hashes that package managers use; empty if time was up before its end."""
    hashes = {}
    for name in _HASHES:
        try:
            hashes[name] = hashlib.new(name)
        except ValueError:  # a system may forbid the old ones
            continue
    for chunk in iter(lambda: file.read(_CHUNK), b""):
        if late():
            return {}
        for each in hashes.values():
            each.update(chunk)
    return {name: each.hexdigest() for name, each in hashes.items()}
