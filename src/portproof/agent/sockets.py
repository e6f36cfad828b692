"""Reads a Linux machine through /proc and answers in the rows of osquery's tables.

It needs only Python 3.6 and nothing else of portproof, so that the file that is imported here can
be sent to a host. ``embedded.Collected`` tells what is in what ``collect`` returns.

The files are described in proc(5). The rows follow osquery (process_open_sockets.cpp, processes.cpp
and filesystem/linux/proc.cpp), except that a socket which several processes hold has a row for
each, and that what osquery passes over in silence is in ``incomplete``.
"""

import os
import sys
from _socket import inet_ntop  # loading `socket` takes longer than reading most machines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Row = list[str | int | None]
    Table = tuple[list[str], Callable[["View"], list[Row]]]

_INET, _INET6, _UNIX, _PACKET, _TCP = 2, 10, 1, 17, 6
_INTERNET = (("icmp", 1), ("tcp", _TCP), ("udp", 17), ("udplite", 136), ("raw", 255))
_FILES = [(name, _INET, protocol) for name, protocol in _INTERNET]
_FILES += [(name + "6", _INET6, protocol) for name, protocol in _INTERNET]
_FILES += [("unix", _UNIX, 0), ("packet", _PACKET, 0)]
_STATES = "UNKNOWN ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSED".split()
_STATES += "CLOSE_WAIT LAST_ACK LISTEN CLOSING".split()
_GONE = (FileNotFoundError, NotADirectoryError, ProcessLookupError)
_SIZES = (b"\nVmRSS:", b"\nVmSize:")
_KERNEL_THREAD, _SYS_PTRACE = 1 << 21, 1 << 19
_SHORT, _LONG = 1 << 12, 1 << 26
_MOST_THREADS = 100_000


class View:
    """One pass over a proc file system, and what could not be read in it."""

    def __init__(self, proc: str, extra: "list[str]") -> None:
        self.proc, self.extra, self.threads = proc, extra, 0
        self.faults: list[str] = []
        self.uids: set[int] = set()
        self.idle: set[str] = set()
        self.single: set[str] = set()
        self._pids: list[str] | None = None
        self._sockets: list[Row] | None = None

    def pids(self) -> "list[str]":
        """Every visible process, in osquery's order, which is that of text."""
        if self._pids is None:
            self._pids = sorted(name for name in os.listdir(self.proc) if name.isdigit())
            _check(self)
        return self._pids

    def namespace(self, pid: str, kind: str) -> "str | None":
        """The inode of a namespace; None when we may not know it, "" when the process ended."""
        try:
            link = os.readlink(self.proc + "/" + pid + "/ns/" + kind)
        except _GONE:
            return ""
        except OSError:
            return None
        return link[len(kind) + 2 : -1] if link.startswith(kind + ":[") else None

    def text(self, name: str) -> str:
        """A whole file below this proc as text, or "" when it cannot be read."""
        try:
            return _text(_read(self.proc + "/" + name, _LONG))
        except OSError:
            return ""

    def sockets(self) -> "list[Row]":
        """The rows of process_open_sockets, read once."""
        if self._sockets is None:
            listed = _listed(self)
            owners = _owners(self, frozenset(row[0] for row in listed))
            pairs = [(row, owners.get(row[0], [[-1, -1]])) for row in listed]
            self._sockets = [[*owner, *row] for row, holders in pairs for owner in holders]
        return self._sockets


def collect(
    names: "Iterable[str]", proc: str = "/proc", more: "Mapping[str, Table] | None" = None
) -> "dict[str, object]":
    """Read tables of this machine; raises nothing for what the machine does.

    ``names`` are tables, and columns as ``table.column``: of a table that is only named by columns
    these are told and no others. Those of ``_EXTRA``, which are costly, are read only when named.
    ``more`` adds tables to those of this file.
    """
    asked = set(names)
    view = View(proc, [name for name in _EXTRA if "processes." + name in asked])
    known = dict(processes=(_PROCESSES + view.extra, _processes), **_TABLES, **(more or {}))
    tables = {name.partition(".")[0] for name in asked}
    found = {}
    missing = dict.fromkeys(tables.difference(known), "the probe does not have this table")
    for name in [name for name in known if name in tables]:
        columns, reader = known[name]
        try:
            found[name] = _told(name, columns, reader(view), asked)
        except (OSError, ValueError, IndexError) as error:
            missing[name] = str(error)
    return {
        "probe": 1,
        "platform": "linux",
        "euid": os.geteuid(),
        "host_namespace": view.namespace("1", "net") or "0",
        "tables": found,
        "incomplete": view.faults[:100],
        "missing": missing,
    }


def _told(
    table: str, columns: "list[str]", rows: "list[Row]", asked: "set[str]"
) -> "dict[str, object]":
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("rows are not as long as its columns")
    kept = [at for at, column in enumerate(columns) if table + "." + column in asked]
    if table not in asked and len(kept) < len(columns):
        columns, rows = [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]
    return {"columns": columns, "rows": rows}


def _check(view: View) -> None:
    """Make sure that this is procfs and that it shows the processes of others."""
    if "1" not in view.pids():
        view.faults.append(f"{view.proc}: process 1 is hidden, so others may be too")
    mounts = [line.split(" ") for line in view.text("self/mountinfo").split("\n")]
    mount = " ".join([" ".join(fields) for fields in mounts if fields[4:5] == [view.proc]][-1:])
    mode = mount.partition("hidepid=")[2].partition(",")[0] or "0"
    mask = view.text("self/status").partition("\nCapEff:")[2].split()[:1]
    if " - proc " not in mount:
        view.faults.append(f"{view.proc}: not known to be a proc file system")
    elif mode not in ("0", "off") and not any(int(bits, 16) & _SYS_PTRACE for bits in mask):
        view.faults.append(f"{view.proc}: mounted with hidepid={mode}, so processes are hidden")


def _read(path: str, limit: int = _SHORT) -> bytes:
    """Up to ``limit`` bytes of a file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        part = os.read(handle, _SHORT)
        if limit == _SHORT:
            return part  # a file about one process comes whole in one piece
        data = bytearray(part)
        while part and len(data) < limit:
            part = os.read(handle, _SHORT)
            data += part
        return bytes(data)
    finally:
        os.close(handle)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _link(path: str, folder: "int | None" = None) -> str:
    try:
        return os.readlink(path, dir_fd=folder)
    except OSError:
        return ""


def _identity(path: str) -> "tuple[int, ...] | None":
    """Device and inode of a file: () when it does not exist, None when we may not know."""
    try:
        found = os.stat(path)
    except _GONE:
        return ()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _listed(view: View) -> "list[Row]":
    """The sockets of every network namespace that a visible thread is in, without owners.

    A namespace that we may not know counts as "0", as in osquery. The files below net/ have inodes
    of their own in each: they tell what to read once only, and whether one was never read.
    """
    listed: list[Row] = []
    read: dict[object, list[Row]] = {}
    done = {""}
    unknown: dict[object, str] = {}
    for task, found in _tasks(view):
        if found in done:
            continue
        net = view.proc + "/" + task + "/net/"
        place = _identity(net + "dev") or net
        if found is None:
            unknown.setdefault(place, net)
        namespace = found or "0"
        rows = read.get(place)
        if rows is None and namespace not in done:
            rows = _sockets_of(view, net)
        if rows is not None and namespace not in done:
            read[place] = rows
            done.add(namespace)
            listed += [[*row, namespace] for row in rows]
    missed = [net for place, net in unknown.items() if place not in read]
    view.faults += [f"{net}: not read" for net in missed if _identity(net + "dev") != ()]
    return listed


def _tasks(view: View) -> "Iterator[tuple[str, str | None]]":
    """Every process and its other threads, each with its network namespace; see ``namespace``.

    A thread may be in another than its process's first thread is, and may outlive that one, which
    /proc/PID shows. To ask each process is dear: those that had one thread are not asked.
    """
    for pid in view.pids():
        first = view.namespace(pid, "net")
        yield pid, first
        if first == "" or pid not in view.single:
            threads = [(name, view.namespace(name, "net")) for name in _threads(view, pid)]
            yield from threads
            # One without a namespace is ending, and has closed its files; a new one may hold some.
            if first == "" and set(_threads(view, pid)).difference(dict(threads)):
                view.faults.append(f"{view.proc}/{pid}/task: threads not read")


def _threads(view: View, pid: str) -> "list[str]":
    """The threads of a process but its first: none when they are too many, which is a fault."""
    path = view.proc + "/" + pid + "/task"
    try:
        found = [pid + "/task/" + name for name in os.listdir(path) if name != pid]
    except _GONE:
        return []
    except OSError as error:
        view.faults.append(f"{path}: {error.strerror}")
        return []
    view.threads += len(found)
    if view.threads > _MOST_THREADS:
        view.faults.append(f"{path}: over {_MOST_THREADS} threads")
        return []
    return found


def _sockets_of(view: View, net: str) -> "list[Row] | None":
    """Read one network namespace; None when the process ended while it was read."""
    rows: list[Row] = []
    faults, absent = [], []
    for name, family, protocol in _FILES:
        try:
            found, why = _parse(_read(net + name, _LONG), family, protocol)
        except OSError as error:
            found, why = [], str(error.strerror)
            absent += [name] if isinstance(error, _GONE) else []
        rows += found
        faults += [f"{net}{name}: {why}"] if why and name not in absent else []
    if absent and _identity(net + "dev") == ():
        return None
    # TCP and UDP are always there, and IPv6's where there is IPv6; the rest is optional.
    required = "tcp udp" if _identity(net + "if_inet6") == () else "tcp udp tcp6 udp6"
    faults += [f"{net}{name}: no such file" for name in absent if name in required.split()]
    view.faults += faults
    return rows


def _parse(data: bytes, family: int, protocol: int) -> "tuple[list[Row], str]":
    """The sockets of one file, and what is wrong with the file (or "")."""
    lines = data.split(b"\n")
    cut = lines.pop() or len(data) >= _LONG
    if not lines or lines.pop(0).split()[:1] not in ([b"sl"], [b"sk"], [b"Num"]):
        return [], "not a table of sockets"
    rows, bad = [], 0
    names: dict[bytes, str] = {}
    for line in lines:
        if family == _UNIX and line.find(b": ") not in (8, 16):
            continue  # the rest of a path with a line feed, which osquery cuts at blanks as well
        try:
            rows.append(_row(line.split(), family, protocol, names))
        except (ValueError, IndexError):
            bad += 1
    why = f"{bad} malformed lines" if bad else "cut off"
    return rows, why if bad or cut else ""


def _row(fields: "list[bytes]", family: int, protocol: int, names: "dict[bytes, str]") -> "Row":
    """The columns of a socket from ``socket`` to ``state``."""
    if family == _UNIX:
        path = _text(b"".join(fields[7:8]))
        return [int(fields[6]), family, int(fields[2]), "", "", 0, 0, path, ""]
    if family == _PACKET:
        return [int(fields[8]), family, int(fields[3], 16), "", "", 0, 0, "", "NONE"]
    local, port = fields[1].split(b":")
    peer, peer_port = fields[2].split(b":")
    if (len(port), len(peer_port)) != (4, 4):
        raise ValueError(fields)
    ends = [names.get(end) or _address(end, family, names) for end in (local, peer)]
    number = int(fields[3], 16)
    state = _STATES[number if number < len(_STATES) else 0] if protocol == _TCP else ""
    return [int(fields[9]), family, protocol, *ends, int(port, 16), int(peer_port, 16), "", state]


def _address(field: bytes, family: int, names: "dict[bytes, str]") -> str:
    """Decode an address, which is 32-bit numbers in this machine's byte order."""
    if len(field) != (8 if family == _INET else 32):
        raise ValueError(field)
    words = [int(field[at : at + 8], 16) for at in range(0, len(field), 8)]
    packed = b"".join([word.to_bytes(4, sys.byteorder) for word in words])
    names[field] = inet_ntop(family, packed)
    return names[field]


def _owners(view: View, inodes: "frozenset[object]") -> "dict[object, list[Row]]":
    """For each socket the processes that hold it, each with its lowest descriptor."""
    owners: dict[object, list[Row]] = {}
    for pid in sorted(set(view.pids()) - view.idle):
        for inode, number in _held(view.proc + "/" + pid + "/fd").items():
            if inode in inodes:
                owners.setdefault(inode, []).append([int(pid), number])
    return owners


def _held(folder: str) -> "dict[int, int]":
    """The sockets among a process's descriptors: none where we may not look, as in osquery."""
    held: dict[int, int] = {}
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            for name in os.listdir(handle):
                link = _link(name, handle)
                if link[:8] == "socket:[":
                    inode = int(link[8:-1])
                    held[inode] = min(int(name), held.get(inode, int(name)))
        finally:
            os.close(handle)
    except OSError:
        return held
    return held


def _processes(view: View) -> "list[Row]":
    boot = view.text("stat").partition("\nbtime ")[2].split()[:1]
    tick = os.sysconf("SC_CLK_TCK")
    rows: list[Row] = []
    for pid in view.pids():
        base = view.proc + "/" + pid
        try:
            extra = [_EXTRA[name](base) for name in view.extra]
            rows.append([int(pid), *_process(base, boot, tick), *extra])
        except _GONE:
            continue
        except OSError as error:
            view.faults.append(f"{base}: {error.strerror}")
        except (ValueError, IndexError):
            view.faults.append(f"{base}: malformed stat or status")
    view.uids.update(row[2] for row in rows if isinstance(row[2], int))
    # Without memory it is a thread of the kernel, or has ended: it holds no descriptors.
    view.idle.update(str(row[0]) for row in rows if row[9] is None)
    view.single.update(str(row[0]) for row in rows if row[20] == 1)
    return rows


def _process(base: str, boot: "list[str]", tick: int) -> "Row":
    """The columns of a process after ``pid``; ValueError or IndexError for malformed files."""
    head, _, tail = _read(base + "/stat").rpartition(b") ")
    stat = tail.split(None, 20)
    if int(stat[6]) & _KERNEL_THREAD:
        row: Row = [_text(head.partition(b"(")[2]), *[0] * 6, None, None, "", "", -1]
    else:
        status = _read(base + "/status")
        uid, euid, suid, _, _, *groups = status.partition(b"\nUid:")[2].split(None, 8)[:8]
        ids = map(int, (uid, groups[0], euid, groups[1], suid, groups[2]))
        sizes = [status.partition(name)[2].split(None, 1)[:1] for name in _SIZES]
        row = [_text(status.partition(b"\n")[0][5:].strip()), *ids]
        row += [int(size[0]) * 1024 if size else None for size in sizes]
        row += [_text(_read(base + "/cmdline").replace(b"\0", b" ").strip()), *_program(base)]
    start = int(boot[0]) + int(stat[19]) // tick if boot else -1
    row += [0, int(stat[11]) * 1000 // tick, int(stat[12]) * 1000 // tick, start]
    return [*row, _text(stat[0]), int(stat[1]), int(stat[2]), int(stat[17]), int(stat[16])]


def _program(base: str) -> "Row":
    """A process's program, and whether it is on disk in the process's own root: 1, 0 or -1."""
    path = _link(base + "/exe")
    there = _identity(base + "/root/" + path.lstrip("/")) if path else None
    if path.endswith(" (deleted)") and (not there or there != _identity(base + "/exe")):
        return [_text(os.fsencode(path[:-10])), 0]
    return [_text(os.fsencode(path)), -1 if there is None else int(bool(there))]


_SOCKETS = "pid fd socket family protocol local_address remote_address local_port".split()
_SOCKETS += "remote_port path state net_namespace".split()
_PROCESSES = "pid name uid gid euid egid suid sgid resident_size total_size cmdline path".split()
_PROCESSES += "on_disk wired_size user_time system_time start_time state parent pgroup".split()
_PROCESSES += ["threads", "nice"]
_TABLES: "dict[str, Table]" = {"process_open_sockets": (_SOCKETS, View.sockets)}
_EXTRA: "dict[str, Callable[[str], str]]" = {
    "cgroup_path": lambda base: _text(_read(base + "/cgroup").split(b"\n")[0].split(b":", 2)[-1]),
    "cwd": lambda base: _text(os.fsencode(_link(base + "/cwd"))),
    "root": lambda base: _text(os.fsencode(_link(base + "/root"))),
}
