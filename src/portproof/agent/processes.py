"""The processes of a Linux machine. The files are described in proc(5).

The rows follow osquery (processes.cpp and filesystem/linux/proc.cpp).
"""

import os

from .files import GONE, as_text, file_identity, is_denied, link_target, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .view import Row, View

_SIZES = (b"\nVmRSS:", b"\nVmSize:")
_KERNEL_THREAD = 1 << 21

COLUMNS = "pid name uid gid euid egid suid sgid resident_size total_size cmdline path".split()
COLUMNS += "on_disk wired_size user_time system_time start_time state parent pgroup".split()
COLUMNS += ["threads", "nice"]
EXTRA: "dict[str, Callable[[str], str]]" = {
    "cgroup_path": lambda base: as_text(
        read_file(base + "/cgroup").split(b"\n")[0].split(b":", 2)[-1]
    ),
    "cwd": lambda base: as_text(os.fsencode(link_target(base + "/cwd"))),
    "root": lambda base: as_text(os.fsencode(link_target(base + "/root"))),
}
"""Expensive columns, each read from the folder of a process."""


def rows(view: "View") -> "list[Row]":
    """Return the rows of ``processes``; a process that cannot be read is a fault."""
    boot = view.text("stat").partition("\nbtime ")[2].split()[:1]
    tick = os.sysconf("SC_CLK_TCK")
    found: list[Row] = []
    for pid in view.pids():
        base = view.proc + "/" + pid
        try:
            extra = [EXTRA[name](base) for name in view.extra]
            found.append([int(pid), *_process(base, boot, tick), *extra])
        except GONE:
            continue
        except OSError as error:
            view.faults.append(f"{base}: {error.strerror}")
        except (ValueError, IndexError):
            view.faults.append(f"{base}: malformed stat or status")
    view.uids.update(row[2] for row in found if isinstance(row[2], int))
    # Without memory it is a thread of the kernel, or has ended: it holds no descriptors.
    view.idle.update(str(row[0]) for row in found if row[9] is None)
    view.single.update(str(row[0]) for row in found if row[20] == 1)
    unknown = {str(row[0]) for row in found if not row[11]}.difference(view.idle)
    view.hidden.update(pid for pid in unknown if is_denied(view.proc + "/" + pid + "/exe"))
    return found


def _process(base: str, boot: "list[str]", tick: int) -> "Row":
    """Return the columns after ``pid``; raise ValueError or IndexError for malformed files."""
    head, _, tail = read_file(base + "/stat").rpartition(b") ")
    stat = tail.split(None, 20)
    if int(stat[6]) & _KERNEL_THREAD:
        row: Row = [as_text(head.partition(b"(")[2]), *[0] * 6, None, None, "", "", -1]
    else:
        status = read_file(base + "/status")
        uid, euid, suid, _, _, *groups = status.partition(b"\nUid:")[2].split(None, 8)[:8]
        ids = map(int, (uid, groups[0], euid, groups[1], suid, groups[2]))
        sizes = [status.partition(name)[2].split(None, 1)[:1] for name in _SIZES]
        row = [as_text(status.partition(b"\n")[0][5:].strip()), *ids]
        row += [int(size[0]) * 1024 if size else None for size in sizes]
        row += [as_text(read_file(base + "/cmdline").replace(b"\0", b" ").strip()), *_program(base)]
    start = int(boot[0]) + int(stat[19]) // tick if boot else -1
    row += [0, int(stat[11]) * 1000 // tick, int(stat[12]) * 1000 // tick, start]
    return [*row, as_text(stat[0]), int(stat[1]), int(stat[2]), int(stat[17]), int(stat[16])]


def _program(base: str) -> "Row":
    """Return a process's program and whether it is on disk in the process's root: 1, 0 or -1."""
    path = link_target(base + "/exe")
    there = file_identity(base + "/root/" + path.lstrip("/")) if path else None
    if path.endswith(" (deleted)") and (not there or there != file_identity(base + "/exe")):
        return [as_text(os.fsencode(path[:-10])), 0]
    return [as_text(os.fsencode(path)), -1 if there is None else int(bool(there))]
