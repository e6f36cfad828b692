"""Who is behind processes of a Linux machine, for listeners that should not be there.

The files are described in proc(5). Everything is bounded: processes, seconds, and bytes of each
file; what was left out is said. Of a process's environment only two names are looked at, and
nothing of it is kept.
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

    Told = dict[str, Any]

_MOST, _PARENTS, _SECONDS = 50, 8, 15.0
_HASHED = 64 << 20
_COMMAND, _PARENT_COMMAND, _LONG, _ENVIRONMENT = 1000, 200, 1 << 22, 1 << 17
_DELETED, _MEMORY = " (deleted)", "/memfd:"
_KERNEL_THREAD = 1 << 21
_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
_HEX_ID = 64


class Asked:
    """One process that is asked about: where it is in /proc, and what was found so far."""

    def __init__(self, look: "Look", pid: int) -> None:
        self.look, self.pid = look, pid
        self.base = f"{look.proc}/{pid}"
        self.missing: list[str] = []
        self.told: Told = {"process": {"pid": pid}, "missing": self.missing}
        self.stat: list[str] = []
        self.path = self.chroot = ""
        self.prefix = look.root
        self.foreign = False
        self.hashes: dict[str, str] = {}

    def fill(self) -> None:
        """Find out every part; one that fails is missing, and the others are found."""
        for what, part in _PARTS:
            if self.look.late():
                self.missing.append(f"time was up before {what} could be looked at")
                continue
            try:
                part(self)
            except OSError as error:
                if not Path(self.base).exists():
                    self.missing.append(f"process {self.pid} had ended when {what} was looked at")
                    return
                self.missing.append(f"{what} could not be read: {error.strerror or error}")
            except (ValueError, IndexError, KeyError):
                self.missing.append(f"{what} could not be understood")


class Look:
    """One round of questions, and what they share: the clock, hashes and socket units."""

    def __init__(self, proc: str, root: str, seconds: float) -> None:
        self.proc, self.root = proc, root.rstrip("/")
        self._end = time.monotonic() + seconds
        self.hashed: dict[tuple[int, ...], dict[str, str]] = {}
        self._units: list[dict[str, object]] | None = None

    def late(self) -> bool:
        """Whether the time for the whole round is over."""
        return time.monotonic() > self._end

    def units(self) -> "list[dict[str, object]]":
        """The socket units of the machine, read once."""
        if self._units is None:
            self._units = socket_units(self.root)
        return self._units


def explain(
    pids: "Iterable[int]", proc: str = "/proc", root: str = "/", seconds: float = _SECONDS
) -> "Told":
    """Tell who is behind processes; raises nothing for what the machine does.

        {"why": 1, "found": {"812": {"process": {"pid": 812, ...}, "missing": [...]}},
         "left_out": []}

    Each value of ``found`` has the fields of ``portproof.model.why.Why``.

    Args:
        pids: The processes; those beyond 50 are left out.
        proc: Where the machine's proc file system is mounted.
        root: Where its root is.
        seconds: The time for all of it, 15 at most.
    """
    wanted = list(dict.fromkeys(pids))
    look = Look(proc, root, min(seconds, _SECONDS))
    asked = [Asked(look, pid) for pid in wanted[:_MOST]]
    for each in asked:
        each.fill()
    _packages(look, [each for each in asked if each.path])
    found = {str(each.pid): each.told for each in asked}
    return {"why": 1, "found": found, "left_out": wanted[_MOST:]}


def _process(asked: Asked) -> None:
    """Name, command line, owner and start."""
    _, asked.stat = stat_of(asked.base)
    process = asked.told["process"]
    process.update(program_of(asked.look.proc, asked.pid, _COMMAND))
    status = status_of(asked.base)
    process.update(name=status["Name"], uid=int(status["Uid"].split()[0]))
    times = regular_file(asked.look.proc + "/stat", _LONG).partition(b"\nbtime ")[2].split()
    if times:
        process["started"] = int(times[0]) + int(asked.stat[19]) // os.sysconf("SC_CLK_TCK")


def _folder(asked: Asked) -> None:
    folder = link_of(asked.base + "/cwd")
    asked.told["process"]["cwd"] = words(_as_it_sees(asked, folder))


def _root(asked: Asked) -> None:
    """Decide where the process's files are: below its own root if that is not the machine's."""
    asked.chroot = link_of(asked.base + "/root").rstrip("/")
    theirs = identity_of(asked.base + "/root/.")
    if theirs is not None and theirs != identity_of(asked.look.root + "/."):
        asked.prefix, asked.foreign = asked.base + "/root", True


def _user(asked: Asked) -> None:
    """The user's name, by the process's own list of users or by the machine's directory."""
    process = asked.told["process"]
    uid = process["uid"]
    lines = words(regular_file(asked.prefix + "/etc/passwd", _LONG)).split("\n")
    users = [fields[0] for fields in (line.split(":") for line in lines) if str(uid) in fields[2:3]]
    if not users and not asked.prefix:
        try:
            users = [words(pwd.getpwuid(uid).pw_name)]
        except (KeyError, OverflowError):
            return
    process["user"] = "".join(users[:1])


def _executable(asked: Asked) -> None:
    """The file that runs: opened through /proc, so that it is the right one, deleted or not."""
    if int(asked.stat[6]) & _KERNEL_THREAD:
        asked.missing.append(f"process {asked.pid} is a thread of the kernel: it has no executable")
        return
    link = link_of(asked.base + "/exe")
    gone = link.endswith(_DELETED)
    path = asked.path = _as_it_sees(asked, link[: -len(_DELETED)] if gone else link)
    told = asked.told["executable"] = {"path": words(path)}
    asked.told["process"]["path"] = words(path)
    told["on_disk"] = _place(asked, path, gone)
    handle = os.open(asked.base + "/exe", os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        told.update(modified=int(facts.st_mtime), size=facts.st_size, owner=facts.st_uid)
        told["world_writable"] = bool(facts.st_mode & stat.S_IWOTH)
        told["link"] = _other_name(asked, path, (facts.st_dev, facts.st_ino))
        asked.hashes = _hashes(asked, file, facts)
    told["sha256"] = asked.hashes.get("sha256", "")


def _as_it_sees(asked: Asked, path: str) -> str:
    """A path as the process itself sees it: /proc writes it from our root, also in a chroot(2)."""
    inside = asked.chroot and path.startswith(asked.chroot + "/")
    return path[len(asked.chroot) :] if inside else path


def _place(asked: Asked, path: str, gone: bool) -> str:
    if path.startswith(_MEMORY):
        return "memory"
    places = [asked.base + "/root" + path, asked.look.root + path]
    there = [found for found in map(identity_of, places) if found is not None]
    running = identity_of(asked.base + "/exe")
    if running in there or (there and not gone):
        return "there"
    if gone:
        return "replaced" if there else "deleted"
    return "unknown"


def _other_name(asked: Asked, path: str, running: "tuple[int, ...]") -> str:
    """A name of the file that explains what the process is called, when its own does not."""
    name = asked.told["process"]["name"]
    called = asked.told["process"]["cmdline"].partition(" ")[0].rpartition("/")[2]
    names = [each for each in (name, called) if each[:15] == name and name and "/" not in each]
    if path.rpartition("/")[2][:15] == name:
        return ""
    places = [
        f"{folder}/{name}" for folder in (str(Path(path).parent), *_FOLDERS) for name in names
    ]
    return next((place for place in places if identity_of(asked.prefix + place) == running), "")


def _hashes(asked: Asked, file: "BinaryIO", facts: os.stat_result) -> "dict[str, str]":
    if facts.st_size > _HASHED:
        size = facts.st_size >> 20
        asked.missing.append(f"its executable is not hashed: it has {size} MiB, and 64 are read")
        return {}
    key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
    if key not in asked.look.hashed:
        asked.look.hashed[key] = digests(file, asked.look.late)
    if not asked.look.hashed[key]:
        asked.missing.append("time was up before its executable was hashed")
    return asked.look.hashed[key]


def _parents(asked: Asked) -> None:
    parents: list[Told] = asked.told.setdefault("parents", [])
    parent = int(asked.stat[1])
    seen = {asked.pid}
    while parent > 0 and parent not in seen:
        if len(parents) == _PARENTS:
            asked.missing.append(f"more than {_PARENTS} parents are not followed")
            return
        seen.add(parent)
        parents.append(program_of(asked.look.proc, parent, _PARENT_COMMAND))
        parent = int(stat_of(f"{asked.look.proc}/{parent}")[1][1])


def _cgroup(asked: Asked) -> None:
    """Unit and container; the unit that a runtime made for a container says nothing more."""
    text = words(regular_file(asked.base + "/cgroup", _LONG))
    container = container_of(text)
    unit = unit_of(text)
    if container:
        asked.told["container"] = container
        if len(container["id"]) == _HEX_ID:
            container.update(image_of(asked.look.root, container["id"]))
        if not container.get("image"):
            asked.missing.append(
                f"the image of container {container['id'][:80]} could not be found"
            )
    if unit and not (container and container["id"] in unit):
        asked.told["unit"] = {"name": unit}


def _activation(asked: Asked) -> None:
    """Whether systemd opened the socket; and where it listens, if it is the process itself."""
    process = asked.told["process"]
    if asked.pid == 1 and process["name"] == "systemd":
        asked.told["sockets"] = asked.look.units()
    unit = asked.told.get("unit")
    if unit is None or not unit["name"].endswith(".service"):
        return
    handed_over = passed_to(asked.base, asked.pid, _ENVIRONMENT)
    unit["activated"] = handed_over or _held_by_systemd(asked)
    if unit["activated"]:
        unit["socket"] = socket_of(asked.look.units(), unit["name"])
        if not unit["socket"]:
            asked.missing.append(f"no socket unit was found that starts {unit['name']}")


def _held_by_systemd(asked: Asked) -> bool:
    """Whether process 1, being systemd, holds one of the process's sockets too."""
    first = asked.look.proc + "/1"
    return stat_of(first)[0] == "systemd" and bool(sockets_of(first) & sockets_of(asked.base))


def _session(asked: Asked) -> None:
    leader, terminal = int(asked.stat[3]), int(asked.stat[4])
    session: Told = {"terminal": terminal_name(terminal)}
    asked.told["session"] = session
    if leader > 0 and Path(f"{asked.look.proc}/{leader}/stat").exists():
        session["leader"] = program_of(asked.look.proc, leader, _PARENT_COMMAND)


_PARTS: "list[tuple[str, Callable[[Asked], None]]]" = [
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


def _packages(look: Look, asked: "list[Asked]") -> None:
    """Look for the packages of all executables, each root's in one pass."""
    for prefix in sorted({each.prefix for each in asked}):
        here = [each for each in asked if each.prefix == prefix]
        search = PackageSearch(prefix, [each.path for each in here], look.late)
        search.run(here[0].foreign)
        for each in here:
            _package(each, search)


def _package(asked: Asked, search: "PackageSearch") -> None:
    found = search.found.get(asked.path)
    asked.missing.extend(search.missing)
    if found is None:
        asked.told["unowned_by"] = search.asked
        return
    digest = found["digest"]
    package = {key: value for key, value in found.items() if key != "digest"}
    asked.told["package"] = package
    hashes = asked.hashes
    if asked.told["executable"].get("on_disk") == "replaced":
        hashes = _hashes_of(asked, asked.prefix + asked.path)
    if isinstance(digest, tuple) and digest[0] in hashes:
        package["unchanged"] = hashes[digest[0]] == digest[1]


def _hashes_of(asked: Asked, path: str) -> "dict[str, str]":
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return _hashes(asked, file, os.fstat(file.fileno()))
    except OSError:
        return {}


def tell(pids: "Iterable[str]", seconds: float) -> None:
    """Print what ``explain`` returns, in one line of JSON."""
    document = encode(explain(map(int, pids), seconds=seconds)) + b"\n"
    while document:
        document = document[os.write(1, document) :]


def answer(line: str) -> None:
    """Tell who is behind processes, in this process; ``line`` has the seconds and their ids."""
    seconds, *pids = line.split()
    tell(pids, float(seconds))
