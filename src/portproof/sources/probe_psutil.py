"""Read the probe's tables with psutil where there is no /proc.

Values follow osquery on each platform (osquery/tables/system/darwin/process_open_descriptors.cpp,
osquery/tables/networking/windows/process_open_sockets.cpp). Two things are told less well than by
osquery: a dual-stack socket of macOS appears as ``::`` alone, and on Windows a process has no user
and there is no table of users.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

import psutil

PsutilRow = list[str | int | None]

_PLATFORM: Final = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
_ON_WINDOWS: Final = _PLATFORM == "windows"
_UNIX: Final = 1
_INET: Final = 2
_INET6: Final = 23 if _ON_WINDOWS else 10
_TCP: Final = 6
_UDP: Final = 17
_KIND: Final = "inet" if _ON_WINDOWS else "all"
_STATES: Final = {
    psutil.CONN_SYN_RECV: "SYN_RCVD" if _ON_WINDOWS else "SYN_RECV",
    psutil.CONN_CLOSE: "CLOSED",
    psutil.CONN_NONE: None if _ON_WINDOWS else "",
}
"""TCP states whose names differ between psutil and osquery."""
_LONGEST_TEXT: Final = 4096
_SOCKETS: Final = [
    "pid",
    "fd",
    "socket",
    "family",
    "protocol",
    "local_address",
    "remote_address",
    "local_port",
    "remote_port",
    "path",
    "state",
]
_LISTENING: Final = ["pid", "port", "protocol", "family", "address", "fd", "socket", "path"]
_PROCESSES: Final = [
    "pid",
    "name",
    "path",
    "cmdline",
    "on_disk",
    "uid",
    "euid",
    "suid",
    "gid",
    "egid",
    "sgid",
    "resident_size",
    "total_size",
    "start_time",
    "parent",
    "threads",
]
_USERS: Final = [
    "uid",
    "gid",
    "uid_signed",
    "gid_signed",
    "username",
    "description",
    "directory",
    "shell",
]
_ATTRIBUTES: Final = [
    name
    for name in [
        "name",
        "exe",
        "cmdline",
        "uids",
        "gids",
        "memory_info",
        "create_time",
        "ppid",
        "num_threads",
    ]
    if hasattr(psutil.Process, name)
]


_End = tuple[str, int] | tuple[()] | str


class _PsutilSocket(Protocol):
    """A socket as psutil returns it, for one process or for all."""

    @property
    def fd(self) -> int: ...
    @property
    def family(self) -> int: ...
    @property
    def type(self) -> int: ...
    @property
    def laddr(self) -> _End: ...
    @property
    def raddr(self) -> _End: ...
    @property
    def status(self) -> str: ...


class PsutilView:
    """One pass over the machine, and what could not be read in it."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._sockets: list[PsutilRow] | None = None

    def sockets(self) -> list[PsutilRow]:
        """Return the rows of process_open_sockets, read once."""
        if self._sockets is None:
            self._sockets = [_socket(pid, found) for pid, found in _connections(self)]
        return self._sockets


def collect(names: Iterable[str]) -> dict[str, object]:
    """Read the named tables of this machine, as ``probe.collect`` does on Linux.

    Without root macOS does not tell the sockets of other users: that is in ``incomplete``, and
    shows in ``euid``.
    """
    view = PsutilView()
    tables = {name.partition(".")[0] for name in names}
    found = {}
    missing = dict.fromkeys(tables.difference(_TABLES), "the probe does not have this table")
    for name in sorted(tables.intersection(_TABLES)):
        columns, reader = _TABLES[name]
        try:
            found[name] = {"columns": columns, "rows": reader(view)}
        except (OSError, psutil.Error, ImportError) as error:
            missing[name] = str(error)
    return {
        "probe": 1,
        "platform": _PLATFORM,
        "euid": None if _ON_WINDOWS else os.geteuid(),
        "elevated": _is_elevated(),
        "host_namespace": "",
        "tables": found,
        "incomplete": view.faults,
        "missing": missing,
    }


def _is_elevated() -> bool | None:
    """Return whether Windows lets us act as an administrator (shell32's IsUserAnAdmin)."""
    if sys.platform != "win32":
        return None
    return bool(ctypes.windll.shell32.IsUserAnAdmin())


def _connections(view: PsutilView) -> Iterator[tuple[int | None, "_PsutilSocket"]]:
    """Yield every socket with its owner, process by process if the system refuses all at once."""
    try:
        whole = psutil.net_connections(_KIND)
    except psutil.AccessDenied:
        yield from _connections_told(view)
    else:
        yield from ((found.pid, found) for found in whole)


def _connections_told(view: PsutilView) -> Iterator[tuple[int, "_PsutilSocket"]]:
    refused = 0
    for process in psutil.process_iter():
        try:
            yield from ((process.pid, found) for found in process.net_connections(_KIND))
        except psutil.AccessDenied:
            refused += 1
        except psutil.NoSuchProcess:
            continue
    view.faults.append(f"the sockets of {refused} processes: access denied")


def _socket(pid: int | None, found: "_PsutilSocket") -> PsutilRow:
    owner = -1 if pid is None else pid
    number = None if _ON_WINDOWS else found.fd
    if isinstance(found.laddr, str):
        path = _text(found.laddr)
        return [owner, number, None, _UNIX, 0, None, None, 0, 0, path, ""]
    family = _INET6 if found.family == socket.AF_INET6 else _INET
    protocol = _TCP if found.type == socket.SOCK_STREAM else _UDP
    anywhere = ("::" if family == _INET6 else "0.0.0.0", 0)  # noqa: S104 - read, not bound
    address, port = _end(found.laddr, anywhere)
    peer, peer_port = _end(found.raddr, anywhere)
    if _ON_WINDOWS and protocol == _UDP:
        peer, peer_port = "0", 0
    state = _STATES.get(found.status, found.status)
    return [owner, number, None, family, protocol, address, peer, port, peer_port, None, state]


def _end(end: _End, anywhere: tuple[str, int]) -> tuple[str, int]:
    return end if isinstance(end, tuple) and end else anywhere


def _listening(view: PsutilView) -> list[PsutilRow]:
    """Return whether osquery takes it for a listener; it ignores family 23."""
    rows: list[PsutilRow] = []
    for pid, number, _, family, protocol, address, _, port, peer, path, _ in view.sockets():
        if family == _UNIX and path:
            rows.append([pid, 0, protocol, family, None, number or 0, 0, path])
        elif family != _UNIX and not (family in (_INET, 10) and peer):
            rows.append([pid, port, protocol, family, address, number or 0, 0, None])
    return rows


def _processes(_view: PsutilView) -> list[PsutilRow]:
    infos = (process.info for process in psutil.process_iter(["pid", *_ATTRIBUTES]))
    return [_process(info) for info in infos]


def _process(info: Mapping[str, Any]) -> PsutilRow:
    """Return one process; unreadable values are NULL, or -1 where osquery uses -1."""
    path = info.get("exe") or ""
    on_disk = int(os.path.exists(path)) if path else -1  # noqa: PTH110 - false for a path that is none
    command = _text(" ".join(info.get("cmdline") or ()))
    nobody = (-1, -1, -1) if _ON_WINDOWS else (None, None, None)
    ids = [*(info.get("uids") or nobody), *(info.get("gids") or nobody)]
    memory = info.get("memory_info")
    sizes = [memory.rss, memory.vms] if memory else [None, None]
    born = info.get("create_time")
    start = -1 if born is None else int(born)
    text = [_text(info.get("name") or ""), _text(path), command]
    return [
        info["pid"],
        *text,
        on_disk,
        *ids,
        *sizes,
        start,
        info.get("ppid"),
        info.get("num_threads"),
    ]


def _users(_view: PsutilView) -> list[PsutilRow]:
    from pwd import getpwall  # noqa: PLC0415 - Windows has no such module

    rows: list[PsutilRow] = []
    for name, _, uid, gid, about, home, shell in getpwall():
        signed = [number - (1 << 32) if number >> 31 else number for number in (uid, gid)]
        rows.append([uid, gid, *signed, *map(_text, (name, about, home, shell))])
    return rows


def _text(text: str) -> str:
    """Return text of what may hold bytes that are not UTF-8, truncated."""
    return (
        text[:_LONGEST_TEXT].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    )


_TABLES: Final[dict[str, tuple[list[str], Callable[[PsutilView], list[PsutilRow]]]]] = {
    "process_open_sockets": (_SOCKETS, PsutilView.sockets),
    "listening_ports": (_LISTENING, _listening),
    "processes": (_PROCESSES, _processes),
    "users": (_USERS, _users),
}
