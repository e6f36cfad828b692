"""Leave portproof's own processes and sockets out of what checks are answered from.

A look opens canaries and runs processes on the machine that it looks at. Their rows say nothing
about the machine, and are left out of the tables before the SQL of checks is run. The question
about listening sockets and the witnesses of checks on sockets still see them, because canaries
prove a look. The witness of a check on processes is a process of somebody else.

A process is known by its pid, which no other process has while it runs, and a canary by its inode,
address and port. So a process that only looks like portproof's, by its name or its command line, is
judged. A process of ours that listens on anything but canaries is judged as well: portproof may be
used as a library by a program that is a server.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple, Self

import msgspec

from portproof.model.observation import LISTENING_SOCKETS, PUBLISHED_PORTS, WITNESS
from portproof.sources.sqltables import Table

_SOCKETS: Final = "process_open_sockets"
_NEEDED: Final = {
    _SOCKETS: ("pid", "family", "remote_port", "socket", "local_address", "local_port"),
    "listening_ports": ("pid", "socket", "address", "port"),
}
"""The columns that sockets are known by: first the holder, last inode, address and port."""

_INTERNET: Final = frozenset({"2", "10", "23", "30"})
_NO_PORT: Final = frozenset({"", "0", "None"})
_MAPPED: Final = "::ffff:"


class Canary(msgspec.Struct, frozen=True, array_like=True):
    """A canary as the tables of a machine show it: its inode, its address and its port."""

    inode: int
    address: str
    port: int


class Own(msgspec.Struct, frozen=True):
    """What a look has on the machine itself: its processes, by their pids, and its canaries."""

    processes: frozenset[int] = frozenset()
    canaries: frozenset[Canary] = frozenset()


NOTHING_OWN: Final = Own()

FIRST: Final = 1
"""The pid of the process that starts all others, which is never portproof's."""


def with_process(own: Own, pid: int) -> Own:
    """Return what is portproof's own with the process that read the tables itself."""
    return Own(own.processes | {pid}, own.canaries) if pid > FIRST else own


def sees_own(question: str, tables: Collection[str]) -> bool:
    """Return whether a question is answered from all rows, those of portproof's own included.

    The witness of a check on processes is not: portproof sees its own processes also where those of
    others are hidden from it.

    Args:
        question: Its id.
        tables: The tables that it reads.
    """
    if question.endswith(WITNESS):
        return not any(table.startswith("process") and table != _SOCKETS for table in tables)
    return question in {LISTENING_SOCKETS, PUBLISHED_PORTS}


def columns_needed(table: str) -> tuple[str, ...]:
    """Return the columns of a table by which its rows are known to be portproof's own."""
    return _NEEDED.get(table, ("pid",) if table.startswith("process") else ())


def without_own(tables: Mapping[str, Table], own: Own) -> Mapping[str, Table]:
    """Return the tables without the rows of portproof's own processes and sockets."""
    if own == NOTHING_OWN:
        return tables
    known = _Known.of(tables, own)
    return {name: known.without(name, table) for name, table in tables.items()}


class _Known(NamedTuple):
    """What rows are known by: pids, and inode, address and port of canaries, all as text."""

    processes: frozenset[str]
    canaries: frozenset[tuple[str, str, str]]

    @classmethod
    def of(cls, tables: Mapping[str, Table], own: Own) -> Self:
        """Return what is portproof's own, without processes that listen on more than canaries."""
        canaries = frozenset(
            (str(each.inode), each.address, str(each.port)) for each in own.canaries
        )
        known = cls(frozenset(map(str, own.processes)), canaries)
        sockets = tables.get(_SOCKETS)
        return known._replace(processes=known.processes - known.listening(sockets))

    def listening(self, sockets: Table | None) -> set[str]:
        """Return our processes that hold an Internet socket that may listen and is no canary."""
        if sockets is None or not set(sockets.columns).issuperset(_NEEDED[_SOCKETS]):
            return set()
        pid, family, remote_port, *end = map(sockets.columns.index, _NEEDED[_SOCKETS])
        return {
            str(row[pid])
            for row in sockets.rows
            if len(row) == len(sockets.columns)
            and str(row[pid]) in self.processes
            and str(row[family]) in _INTERNET
            and str(row[remote_port]) in _NO_PORT
            and str(row[end[2]]) not in _NO_PORT
            and not self._is_canary(row, end)
        }

    def without(self, name: str, table: Table) -> Table:
        """Return a table without own rows; one that lacks a column to know them by stays."""
        needed = columns_needed(name)
        if not needed or not set(table.columns).issuperset(needed):
            return table
        pid, *others = map(table.columns.index, needed)
        end = others[-3:]
        kept = [
            row
            for row in table.rows
            if len(row) != len(table.columns)  # malformed, and refused later
            or not (str(row[pid]) in self.processes or (end and self._is_canary(row, end)))
        ]
        return Table(table.columns, kept)

    def _is_canary(self, row: Sequence[object], end: Sequence[int]) -> bool:
        inode, address, port = [str(row[place]) for place in end]
        return (inode, address.removeprefix(_MAPPED), port) in self.canaries
