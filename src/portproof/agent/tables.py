"""Read tables of a Linux machine, with the rows of osquery's tables.

A file that cannot be read makes its table missing, or incomplete if the rest can be read.
"""

import os

from . import processes, sockets, users
from .place import place
from .view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .view import Row, Table

_MOST_HIDDEN = 1000


def collect(names: "Iterable[str]", proc: str = "/proc") -> "dict[str, object]":
    """Read tables of this machine; raise no error for anything the machine does.

    ``portproof.sources.probe.Collected`` describes what is returned.

    Args:
        names: Tables, and columns as ``table.column``: of a table that is only named by columns
            these are told and no others. Columns that are costly are read only when named.
        proc: Where the machine's proc file system is mounted.
    """
    asked = set(names)
    view = View(proc, [name for name in processes.EXTRA if "processes." + name in asked])
    tables = {name.partition(".")[0] for name in asked}
    known = _known(view, tables)
    found = {}
    missing = dict.fromkeys(tables.difference(known), "the probe does not support this table")
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
        "by_file": view.by_file[:100],
        "unread": view.unread[:100],
        "hidden": sorted(map(int, view.hidden))[:_MOST_HIDDEN],
        "place": place(proc),
        "missing": missing,
    }


def _known(view: View, tables: "set[str]") -> "dict[str, Table]":
    """Return the tables that can be read, in the order in which they are read: processes first."""
    known: dict[str, Table] = {
        "processes": (processes.COLUMNS + view.extra, processes.rows),
        "process_open_sockets": (sockets.COLUMNS, sockets.rows),
        "socket_details": (sockets.DETAILS, sockets.details),
        "users": (users.COLUMNS, users.rows),
    }
    if tables.issubset(known):
        return known
    from .system import TABLES  # few looks need it

    return dict(known, **TABLES)


def _told(
    table: str, columns: "list[str]", rows: "list[Row]", asked: "set[str]"
) -> "dict[str, object]":
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("rows and columns differ in length")
    kept = [at for at, column in enumerate(columns) if table + "." + column in asked]
    if table not in asked and len(kept) < len(columns):
        columns, rows = [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]
    return {"columns": columns, "rows": rows}
