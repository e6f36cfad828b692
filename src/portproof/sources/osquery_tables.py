"""Turn osquery's rows into the tables of a snapshot: values with their types, and every holder.

osquery names one process for each socket, the last by the text of its number. The further holders,
which a second answer tells, get rows of their own, as portproof's probe gives them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Final

from portproof.model.observation import Answer, Observed, Platform, Reason, Row, Unobserved
from portproof.sources.answers import quoted
from portproof.sources.osquery_schema import SCHEMA
from portproof.sources.sqltables import Table

Value = str | int | None
Holders = Mapping[int, Mapping[int, int]]
"""By the number of a socket: the processes that hold it, each with a descriptor."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,19}")
_BIGGEST: Final = 2**63
_INTERNET: Final = (2, 10)
_UDP: Final = 17
_UNKNOWN: Final = -1
"""The number of a process that osquery does not know."""
_MOST_ROWS: Final = 1_000_000
_SOCKET: Final = (
    "socket",
    "family",
    "protocol",
    "local_address",
    "local_port",
    "remote_address",
    "remote_port",
    "net_namespace",
)
"""What makes a socket the same in two answers where it is about to end and has no inode."""

_NUMBERED: Final = ("socket", "local_port", "remote_port")
"""The same for others. A UDP socket may be connected and disconnected meanwhile."""


def table_of(
    platform: Platform, name: str, columns: Sequence[str], answer: Observed
) -> Table | Unobserved:
    """Return the table that osquery answered with, or why its rows make no sense."""
    declared = (part.split() for part in SCHEMA[platform][name].split(","))
    kinds = {column: kind for column, kind, *_ in declared}
    try:
        rows = [[_value(row[name], kinds[name]) for name in columns] for row in answer.rows]
    except (KeyError, ValueError) as error:
        text = f"osquery's table {name} is malformed: {quoted(str(error))}"
        return Unobserved(Reason.GARBLED, text)
    if not answer.whole:
        text = f"{answer.count} rows of table {name} were sent and {len(answer.rows)} arrived"
        return Unobserved(Reason.PARTIAL, text)
    return Table(list(columns), rows)


def holders_of(answer: Answer) -> Holders | Unobserved:
    """Return every process that holds a socket, as osquery answers, or why it is not known."""
    if isinstance(answer, Unobserved):
        return answer
    found: dict[int, dict[int, int]] = {}
    try:
        for row in answer.rows:
            inode, pid, number = (_number(row[name]) for name in ("inode", "pid", "fd"))
            found.setdefault(inode, {})[pid] = number
    except (KeyError, ValueError) as error:
        text = f"the answer about holders of sockets is malformed: {quoted(str(error))}"
        return Unobserved(Reason.GARBLED, text)
    return found


def holders_in(sockets: Table) -> Holders:
    """Return every process that holds a socket, from a table that has a row for each."""
    take = _columns(sockets, ("socket", "pid", "fd"))
    found: dict[int, dict[int, int]] = {}
    for inode, pid, number in map(take, sockets.rows):
        if isinstance(pid, int) and pid != _UNKNOWN:
            found.setdefault(_inode(inode), {})[pid] = _inode(number)
    return found


def confirmed(holders: Holders, sockets: Table, processes: Table | None) -> Holders | Unobserved:
    """Return the holders if they are of this machine: at least one is in the table of sockets too.

    A process that started after the table of processes was read is left out where another one
    holds the socket: nothing is known of it.
    """
    pair = _columns(sockets, ("socket", "pid"))
    named = {pair(row) for row in sockets.rows if _UNKNOWN not in pair(row)}
    if named and not any(pid in holders.get(_inode(inode), ()) for inode, pid in named):
        return Unobserved(Reason.NO_WITNESS, "no holder of a socket is among those that were found")
    if processes is None:
        return holders
    (place,) = _places(processes, ("pid",))
    there = {row[place] for row in processes.rows}
    return {inode: _among(pids, there) for inode, pids in holders.items()}


def _among(pids: Mapping[int, int], there: set[Value]) -> Mapping[int, int]:
    return {pid: number for pid, number in pids.items() if pid in there} or pids


def with_holders(table: Table, holders: Holders) -> Table | Unobserved:
    """Return a table of sockets with a row for every process that holds one."""
    if _count(table, holders) > _MOST_ROWS:
        return Unobserved(Reason.OVERSIZED, f"more than {_MOST_ROWS} holders of sockets")
    places = _places(table, ("pid", "fd", "socket", "family"))
    rows = chain.from_iterable(_held(row, places, holders) for row in table.rows)
    return Table(table.columns, list(rows))


def shaped(table: Table, columns: Sequence[str]) -> Table | None:
    """Return a table with these columns, or None if it lacks one."""
    if not set(columns).issubset(table.columns):
        return None
    take = _columns(table, columns)
    return Table(list(columns), [list(take(row)) for row in table.rows])


def joined(first: Table, last: Table) -> Table:
    """Return the sockets of two readings; one that both have is told once, with its owner.

    Both have the same columns. Only sockets of the internet are taken from the second.
    """
    numbered, whole = _columns(first, _NUMBERED), _columns(first, _SOCKET)
    pid, family, inode = _places(first, ("pid", "family", "socket"))

    def identity(row: list[Value]) -> tuple[Value, ...]:
        return numbered(row) if row[inode] else whole(row)

    known = {identity(row): at for at, row in enumerate(first.rows)}
    rows = list(first.rows)
    for row in last.rows:
        at = known.get(identity(row))
        if at is None and row[family] in _INTERNET:
            rows.append(row)
        elif at is not None and rows[at][pid] == _UNKNOWN != row[pid]:
            rows[at] = row
    return Table(first.columns, rows)


def lost(readings: Sequence[Table]) -> int:
    """Return how many UDP sockets are missing from a reading between two that have them."""
    seen = [_udp_sockets(each) for each in readings]
    throughout = seen[0] & seen[-1] if seen else set()
    return sum(1 for each in throughout if any(each not in between for between in seen[1:-1]))


def blind(processes: Table) -> int:
    """Return how many processes have files that may not be read.

    Their command line is known and their program is not; threads of the kernel and processes that
    have ended have no command line.
    """
    path, cmdline = _places(processes, ("path", "cmdline"))
    return sum(1 for row in processes.rows if not row[path] and row[cmdline])


def with_unknown_owners(answer: Answer) -> Answer:
    """Return listening sockets each with one more owner, who is not known.

    The row has no number of a socket: another row of the same socket would name its owner.
    """
    if isinstance(answer, Unobserved):
        return answer
    blank = dict.fromkeys(_OF_OWNERS, "") | {"pid": "-1", "fd": "-1", "socket": ""}
    named = [row for row in answer.rows if _is_named(row)]
    extra = {tuple(sorted((row | blank).items())): row | blank for row in named}
    rows = (*answer.rows, *extra.values())
    return Observed(rows, answer.count + len(extra))


_OF_OWNERS: Final = ("name", "path", "cmdline", "uid", "user", "start_time", "on_disk", "parent")


def _is_named(row: Row) -> bool:
    return row.get("pid") != "-1" and row.get("net_namespace", "") not in {"", "0"}


def _value(text: str, kind: str) -> Value:
    if text[:1] != "=":  # NULL, however osquery is told to show it
        return None
    return text[1:] if kind == "TEXT" else _number(text[1:])


def _number(text: str) -> int:
    number = int(text) if _NUMBER.fullmatch(text) else _BIGGEST
    if not -_BIGGEST <= number < _BIGGEST:
        raise ValueError(f"{text[:40]!r} is no number")
    return number


def _count(table: Table, holders: Holders) -> int:
    at = table.columns.index("socket")
    return sum(1 + len(holders.get(_inode(row[at]), ())) for row in table.rows)


def _inode(value: Value) -> int:
    return value if isinstance(value, int) else 0


def _held(row: list[Value], places: Sequence[int], holders: Holders) -> Iterator[list[Value]]:
    """Yield a row for each process that holds the socket of a row."""
    pid, fd, socket, family = places
    known = holders.get(_inode(row[socket]), {}) if row[family] in _INTERNET else {}
    if row[pid] != _UNKNOWN or not known:
        yield row
    for holder, number in known.items():
        if holder != row[pid]:
            more = row.copy()
            more[pid], more[fd] = holder, number
            yield more


def _udp_sockets(table: Table) -> set[Value]:
    protocol, socket = _places(table, ("protocol", "socket"))
    return {row[socket] for row in table.rows if row[protocol] == _UDP and row[socket]}


def _places(table: Table, names: Iterable[str]) -> list[int]:
    return [table.columns.index(name) for name in names]


def _columns(table: Table, names: Iterable[str]) -> Callable[[list[Value]], tuple[Value, ...]]:
    """Return a function that takes these columns of a row."""
    return itemgetter(*_places(table, names))
