"""Find out what processes of a Linux machine belong to: program, user, unit, container, package.

The files are described in proc(5). The number of processes, the time and the bytes of each file are
bounded; whatever is left out is reported. Only two variables of a process's environment are
examined, and none is kept.
"""

import os
import pwd
import stat
import time
from pathlib import Path

from .files import regular_file
from .frame import encode
from .package_owners import PackageSearch
from .process_files import (
    digests,
    identity_of,
    link_of,
    passed_to,
    program_of,
    sockets_of,
    stat_of,
    status_of,
    terminal_name,
    words,
)
from .units import (
    container_of,
    image_of,
    socket_of,
    socket_units,
    unit_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, BinaryIO

    Facts = dict[str, Any]

_MOST, _PARENTS, _SECONDS = 50, 8, 15.0
_HASHED = 64 << 20
_COMMAND, _PARENT_COMMAND, _LONG, _ENVIRONMENT = 1000, 200, 1 << 22, 1 << 17
_DELETED, _MEMORY = " (deleted)", "/memfd:"
_KERNEL_THREAD = 1 << 21
_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
_HEX_ID = 64


class Subject:
    """A process to explain: its folder in /proc, and what has been found so far."""

    def __init__(self, machine: "Machine", pid: int) -> None:
        self.machine, self.pid = machine, pid
        self.base = f"{machine.proc}/{pid}"
        self.missing: list[str] = []
        self.facts: Facts = {"process": {"pid": pid}, "missing": self.missing}
        self.stat: list[str] = []
        self.path = self.chroot = ""
        self.prefix = machine.root
        self.foreign = False
        self.hashes: dict[str, str] = {}

    def fill(self) -> None:
        """Find out every part; name each part that fails in ``missing``."""
        for what, part in _PARTS:
            if self.machine.late():
                self.missing.append(f"time was up before {what} could be read")
                continue
            try:
                part(self)
            except OSError as error:
                if not Path(self.base).exists():
                    self.missing.append(f"process {self.pid} had ended before {what} was read")
                    return
                self.missing.append(f"{what} could not be read: {error.strerror or error}")
            except (ValueError, IndexError, KeyError):
                self.missing.append(f"{what} could not be understood")


class Machine:
    """The machine: what its processes share, and how much time is left."""

    def __init__(self, proc: str, root: str, seconds: float) -> None:
        self.proc, self.root = proc, root.rstrip("/")
        self._end = time.monotonic() + seconds
        self.hashed: dict[tuple[int, ...], dict[str, str]] = {}
        self._units: list[dict[str, object]] | None = None

    def late(self) -> bool:
        """Return whether the time for the whole round is over."""
        return time.monotonic() > self._end

    def units(self) -> "list[dict[str, object]]":
        """Return the socket units of the machine, read once."""
        if self._units is None:
            self._units = socket_units(self.root)
        return self._units


def explain(
    pids: "Iterable[int]", proc: str = "/proc", root: str = "/", seconds: float = _SECONDS
) -> "Facts":
    """Explain processes. Report whatever cannot be read; raise no error for it.

        {"why": 1, "found": {"812": {"process": {"pid": 812, ...}, "missing": [...]}},
         "left_out": []}

    Each value of ``found`` has the fields of ``portproof.model.why.Why``.

    Args:
        pids: The processes; those beyond 50 are left out.
        proc: Where the machine's proc file system is mounted.
        root: Its root folder.
        seconds: The time limit for all of it, at most 15.
    """
    wanted = list(dict.fromkeys(pids))
    machine = Machine(proc, root, min(seconds, _SECONDS))
    subjects = [Subject(machine, pid) for pid in wanted[:_MOST]]
    for each in subjects:
        each.fill()
    _packages(machine, [each for each in subjects if each.path])
    found = {str(each.pid): each.facts for each in subjects}
    return {"why": 1, "found": found, "left_out": wanted[_MOST:]}


def _process(subject: Subject) -> None:
    """Find out name, command line, owner and start time."""
    _, subject.stat = stat_of(subject.base)
    process = subject.facts["process"]
    process.update(program_of(subject.machine.proc, subject.pid, _COMMAND))
    status = status_of(subject.base)
    process.update(name=status["Name"], uid=int(status["Uid"].split()[0]))
    times = regular_file(subject.machine.proc + "/stat", _LONG).partition(b"\nbtime ")[2].split()
    if times:
        process["started"] = int(times[0]) + int(subject.stat[19]) // os.sysconf("SC_CLK_TCK")


def _folder(subject: Subject) -> None:
    folder = link_of(subject.base + "/cwd")
    subject.facts["process"]["cwd"] = words(_as_it_sees(subject, folder))


def _root(subject: Subject) -> None:
    """Find out the root folder of the process, in which its files are."""
    subject.chroot = link_of(subject.base + "/root").rstrip("/")
    theirs = identity_of(subject.base + "/root/.")
    if theirs is not None and theirs != identity_of(subject.machine.root + "/."):
        subject.prefix, subject.foreign = subject.base + "/root", True


def _user(subject: Subject) -> None:
    """Find out the user's name from /etc/passwd in the process's root or the machine's users."""
    process = subject.facts["process"]
    uid = process["uid"]
    lines = words(regular_file(subject.prefix + "/etc/passwd", _LONG)).split("\n")
    users = [fields[0] for fields in (line.split(":") for line in lines) if str(uid) in fields[2:3]]
    if not users and not subject.prefix:
        try:
            users = [words(pwd.getpwuid(uid).pw_name)]
        except (KeyError, OverflowError):
            return
    process["user"] = "".join(users[:1])


def _executable(subject: Subject) -> None:
    """Examine the executable. It is opened through /proc, which works even if it was deleted."""
    if int(subject.stat[6]) & _KERNEL_THREAD:
        subject.missing.append(f"process {subject.pid} is a kernel thread and has no executable")
        return
    link = link_of(subject.base + "/exe")
    gone = link.endswith(_DELETED)
    path = subject.path = _as_it_sees(subject, link[: -len(_DELETED)] if gone else link)
    told = subject.facts["executable"] = {"path": words(path)}
    subject.facts["process"]["path"] = words(path)
    told["on_disk"] = _place(subject, path, gone)
    handle = os.open(subject.base + "/exe", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        told.update(modified=int(facts.st_mtime), size=facts.st_size, owner=facts.st_uid)
        told["world_writable"] = bool(facts.st_mode & stat.S_IWOTH)
        told["link"] = _other_name(subject, path, (facts.st_dev, facts.st_ino))
        subject.hashes = _hashes(subject, file, facts)
    told["sha256"] = subject.hashes.get("sha256", "")


def _as_it_sees(subject: Subject, path: str) -> str:
    """Return a path as the process sees it; /proc shows it relative to our root."""
    inside = subject.chroot and path.startswith(subject.chroot + "/")
    return path[len(subject.chroot) :] if inside else path


def _place(subject: Subject, path: str, gone: bool) -> str:
    if path.startswith(_MEMORY):
        return "memory"
    places = [subject.base + "/root" + path, subject.machine.root + path]
    there = [found for found in map(identity_of, places) if found is not None]
    running = identity_of(subject.base + "/exe")
    if running in there or (there and not gone):
        return "there"
    if gone:
        return "replaced" if there else "deleted"
    return "unknown"


def _other_name(subject: Subject, path: str, running: "tuple[int, ...]") -> str:
    """Return another name of the executable that matches the process's name, or ""."""
    name = subject.facts["process"]["name"]
    called = subject.facts["process"]["cmdline"].partition(" ")[0].rpartition("/")[2]
    names = [each for each in (name, called) if each[:15] == name and name and "/" not in each]
    if path.rpartition("/")[2][:15] == name:
        return ""
    places = [
        f"{folder}/{name}" for folder in (str(Path(path).parent), *_FOLDERS) for name in names
    ]
    return next((place for place in places if identity_of(subject.prefix + place) == running), "")


def _hashes(subject: Subject, file: "BinaryIO", facts: os.stat_result) -> "dict[str, str]":
    if facts.st_size > _HASHED:
        size = facts.st_size >> 20
        subject.missing.append(
            f"its executable is not hashed: it has {size} MiB, and the limit is 64"
        )
        return {}
    key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
    if key not in subject.machine.hashed:
        subject.machine.hashed[key] = digests(file, subject.machine.late)
    if not subject.machine.hashed[key]:
        subject.missing.append("time was up before its executable was hashed")
    return subject.machine.hashed[key]


def _parents(subject: Subject) -> None:
    parents: list[Facts] = subject.facts.setdefault("parents", [])
    parent = int(subject.stat[1])
    seen = {subject.pid}
    while parent > 0 and parent not in seen:
        if len(parents) == _PARENTS:
            subject.missing.append(f"more than {_PARENTS} parents are not followed")
            return
        seen.add(parent)
        parents.append(program_of(subject.machine.proc, parent, _PARENT_COMMAND))
        parent = int(stat_of(f"{subject.machine.proc}/{parent}")[1][1])


def _cgroup(subject: Subject) -> None:
    """Find out unit and container. Leave out a unit that a runtime created for a container."""
    text = words(regular_file(subject.base + "/cgroup", _LONG))
    container = container_of(text)
    unit = unit_of(text)
    if container:
        subject.facts["container"] = container
        if len(container["id"]) == _HEX_ID:
            container.update(image_of(subject.machine.root, container["id"]))
        if not container.get("image"):
            subject.missing.append(
                f"the image of container {container['id'][:80]} could not be found"
            )
    if unit and not (container and container["id"] in unit):
        subject.facts["unit"] = {"name": unit}


def _activation(subject: Subject) -> None:
    """Find out whether systemd opened the socket, and where systemd itself listens."""
    process = subject.facts["process"]
    if subject.pid == 1 and process["name"] == "systemd":
        subject.facts["sockets"] = subject.machine.units()
    unit = subject.facts.get("unit")
    if unit is None or not unit["name"].endswith(".service"):
        return
    handed_over = passed_to(subject.base, subject.pid, _ENVIRONMENT)
    unit["activated"] = handed_over or _held_by_systemd(subject)
    if unit["activated"]:
        unit["socket"] = socket_of(subject.machine.units(), unit["name"])
        if not unit["socket"]:
            subject.missing.append(f"no socket unit was found that starts {unit['name']}")


def _held_by_systemd(subject: Subject) -> bool:
    """Return whether process 1 is systemd and also holds one of the process's sockets."""
    first = subject.machine.proc + "/1"
    return stat_of(first)[0] == "systemd" and bool(sockets_of(first) & sockets_of(subject.base))


def _session(subject: Subject) -> None:
    leader, terminal = int(subject.stat[3]), int(subject.stat[4])
    session: Facts = {"terminal": terminal_name(terminal)}
    subject.facts["session"] = session
    if leader > 0 and Path(f"{subject.machine.proc}/{leader}/stat").exists():
        session["leader"] = program_of(subject.machine.proc, leader, _PARENT_COMMAND)


_PARTS: "list[tuple[str, Callable[[Subject], None]]]" = [
    ("the process", _process),
    ("its root folder", _root),
    ("the folder it works in", _folder),
    ("its user", _user),
    ("its executable", _executable),
    ("its chain of parents", _parents),
    ("its unit and container", _cgroup),
    ("its socket activation", _activation),
    ("its terminal and session", _session),
]


def _packages(machine: Machine, subjects: "list[Subject]") -> None:
    """Find the packages of all executables, one pass for each root."""
    for prefix in sorted({each.prefix for each in subjects}):
        here = [each for each in subjects if each.prefix == prefix]
        search = PackageSearch(prefix, [each.path for each in here], machine.late)
        search.run(here[0].foreign)
        for each in here:
            _package(each, search)


def _package(subject: Subject, search: "PackageSearch") -> None:
    found = search.found.get(subject.path)
    subject.missing.extend(search.missing)
    if found is None:
        subject.facts["unowned_by"] = search.asked
        return
    digest = found["digest"]
    package = {key: value for key, value in found.items() if key != "digest"}
    subject.facts["package"] = package
    hashes = subject.hashes
    if subject.facts["executable"].get("on_disk") == "replaced":
        hashes = _hashes_of(subject, subject.prefix + subject.path)
    if isinstance(digest, tuple) and digest[0] in hashes:
        package["unchanged"] = hashes[digest[0]] == digest[1]


def _hashes_of(subject: Subject, path: str) -> "dict[str, str]":
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return _hashes(subject, file, os.fstat(file.fileno()))
    except OSError:
        return {}


def tell(pids: "Iterable[str]", seconds: float) -> None:
    """Print the result of ``explain`` as one line of JSON."""
    document = encode(explain(map(int, pids), seconds=seconds)) + b"\n"
    while document:
        document = document[os.write(1, document) :]


def answer(line: str) -> None:
    """Explain in this process. ``line`` contains the seconds and the process ids."""
    seconds, *pids = line.split()
    tell(pids, float(seconds))
