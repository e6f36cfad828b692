"""Tells where a look is made from, and what limits it: namespaces, capabilities, containers."""

import os
import re

from .files import file_identity, read_file

_PIDS = "pid:[4026531836]"  # PROC_PID_INIT_INO in include/linux/proc_ns.h
_IDS = [b"0", b"0", b"4294967295"]  # every user is itself: user_namespaces(7)
_NEEDED = (("CAP_DAC_READ_SEARCH", 1 << 2), ("CAP_SYS_PTRACE", 1 << 19))
_MARKS = (("/.dockerenv", "docker"), ("/run/.containerenv", "podman"))
_NAME = re.compile(b"[A-Za-z0-9-]{1,40}").fullmatch


def place(proc: str = "/proc") -> "dict[str, object]":
    """Return what limits this process.

    Returns:
        ``user_namespace`` and ``process_namespace``, whether these are others than the machine's
        first; ``lacks``, the capabilities that reading other processes may need; ``other_root``,
        whether the files are others than process 1's, or None if that may not be known; and
        ``container``, the kind of container that this is, or "" if it is none.
    """
    return {
        "user_namespace": _text(proc + "/self/uid_map").split() not in ([], _IDS),
        "process_namespace": _link(proc + "/self/ns/pid") not in ("", _PIDS),
        "lacks": _lacking(_text(proc + "/self/status")),
        "other_root": _has_other_root(proc),
        "container": _container(proc),
    }


def _lacking(status: bytes) -> "list[str]":
    mask = status.partition(b"\nCapEff:")[2].split()[:1]
    return [name for name, bit in _NEEDED for bits in mask if not int(bits, 16) & bit]


def _has_other_root(proc: str) -> "bool | None":
    root = file_identity(proc + "/1/root/")
    return root != file_identity("/") if root else None


def _container(proc: str) -> str:
    """Return the kind of container, by what its manager leaves in it, or "" outside of any.

    Marks alone do not count: a virtual machine may be made of a container's files. Sources:
    systemd.io/CONTAINER_INTERFACE, docker's and podman's own marks.
    """
    if _link(proc + "/self/ns/pid") in ("", _PIDS):
        return ""
    told = [_text("/run/systemd/container").strip()]
    environment = _text(proc + "/1/environ").split(b"\0")
    told += [part[10:] for part in environment if part[:10] == b"container="]
    names = [name.decode("ascii") for name in told if _NAME(name)]
    names += [kind for path, kind in _MARKS if file_identity(path)]
    return [*names, "container"][0]


def _text(path: str) -> bytes:
    try:
        return read_file(path)
    except OSError:
        return b""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
