"""Work out what to ask of osquery: each table once, and as it stands what needs another table.

osquery makes a table anew for each use, and its planner may use one for each row of another: a
join of sockets and processes costs a hundred times what the two tables cost. So the tables are
asked for as they are, and portproof's own SQL engine answers the questions (``snapshot``). A value
is asked for behind an equals sign, because osquery shows NULL as empty text.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from portproof.model.observation import LISTENING_SOCKETS, Platform, Unobserved
from portproof.sources.snapshot import columns_wanted
from portproof.sources.source import apart
from portproof.sources.sqltables import columns_read, declared_columns

SOCKETS: Final = "process_open_sockets"
PROCESSES: Final = "processes"
LISTENING: Final = "listening_ports"
PACKAGES: Final = "deb_packages"

AGAIN: Final = f"table:{SOCKETS} again"
HOLDERS: Final = "socket-holders"
READ_MAX: Final = "read-max"

_NEEDED: Final = {
    SOCKETS: (
        "pid",
        "fd",
        "socket",
        "family",
        "protocol",
        "local_address",
        "local_port",
        "remote_address",
        "remote_port",
    ),
    PROCESSES: ("pid", "path", "cmdline"),
    LISTENING: ("pid", "fd", "socket", "family"),
}
"""Columns that are compared besides those that the questions read."""

_HOLDERS_SQL: Final = (
    "SELECT inode, CAST(substr(path, 7) AS INTEGER) AS pid,"
    " min(CAST(replace(path, rtrim(path, '0123456789'), '') AS INTEGER)) AS fd FROM file"
    " WHERE path LIKE '/proc/%/task/%/fd/%' AND type = 'socket' GROUP BY inode, 2"
)
"""Every process that holds a socket. osquery's table of sockets names one process for each."""

_READ_MAX_SQL: Final = "SELECT value FROM osquery_flags WHERE name = 'read_max'"
_OF_SOCKETS: Final = re.compile(rf"\b({SOCKETS}|{LISTENING})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What to ask of one osquery, in this order.

    Args:
        platform: What the machine is.
        first: What is asked together, by id: tables, or questions as they are in a round that
            takes no snapshot.
        direct: Questions that are asked as they are, after the tables.
        aside: Questions that are asked last, each with a short time.
        answered: Questions that are answered from the tables.
        columns: Which columns of each table the snapshot has.
    """

    platform: Platform
    first: Mapping[str, str]
    direct: Mapping[str, str] = field(default_factory=dict)
    aside: Mapping[str, str] = field(default_factory=dict)
    answered: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def takes_snapshot(self) -> bool:
        """Whether questions are answered from tables."""
        return bool(self.columns)

    @property
    def about_owners(self) -> frozenset[str]:
        """The checks whose answer depends on who holds a socket."""
        answered = {name for name, sql in self.answered.items() if self._reads_owners(sql)}
        return frozenset(answered | {name for name in self.direct if self._is_of_sockets(name)})

    @property
    def about_paths(self) -> frozenset[str]:
        """The checks whose answer depends on files of processes."""
        return frozenset(name for name, sql in self.answered.items() if self._reads_paths(sql))

    def _reads_owners(self, sql: str) -> bool:
        read = columns_read(sql, self.platform)
        tables = {} if isinstance(read, Unobserved) else read
        return any("pid" in tables.get(table, ()) for table in (SOCKETS, LISTENING))

    def _reads_paths(self, sql: str) -> bool:
        read = columns_read(sql, self.platform)
        tables = {} if isinstance(read, Unobserved) else read
        return bool({"path", "cwd", "root", "on_disk"} & set(tables.get(PROCESSES, ())))

    def _is_of_sockets(self, name: str) -> bool:
        return bool(_OF_SOCKETS.search(self.direct[name]))


def planned(
    questions: Mapping[str, str],
    platform: Platform,
    not_asked: Collection[str] = (),
    *,
    holders: bool = True,
) -> QueryPlan:
    """Plan one round.

    Only a look takes a snapshot. A second round asks about a few processes, which osquery finds by
    their numbers, so its questions are asked as they are.

    Args:
        questions: The SQL of every question by its id.
        platform: What the machine is.
        not_asked: Tables of the snapshot that osquery is not asked for.
        holders: Whether osquery is asked who holds sockets. It makes a row for every file that
            every thread has open, which takes a gigabyte where many threads have many files open:
            so it is asked only where portproof cannot read that by itself.
    """
    together, aside = apart(questions)
    if LISTENING_SOCKETS not in together:
        return QueryPlan(platform, together, aside=aside)
    answered = {name: sql for name, sql in together.items() if _is_answerable(sql, platform)}
    direct = {name: sql for name, sql in together.items() if name not in answered}
    columns = _columns(answered, platform)
    first = _tables_first(platform, {n: c for n, c in columns.items() if n not in not_asked})
    first |= {HOLDERS: _HOLDERS_SQL} if holders and platform is Platform.LINUX else {}
    return QueryPlan(platform, first, direct, aside, answered, columns)


def table_id(table: str) -> str:
    """Return the id of the question for a table."""
    return f"table:{table}"


def _is_answerable(sql: str, platform: Platform) -> bool:
    return not isinstance(columns_read(sql, platform), Unobserved)


def _columns(questions: Mapping[str, str], platform: Platform) -> dict[str, tuple[str, ...]]:
    """Return the columns to ask for, in osquery's order; of each table at least one."""
    columns = {}
    for table, read in columns_wanted(questions, platform).items():
        declared = declared_columns(platform, table)
        wanted = read.union(_NEEDED.get(table, declared[:1]))
        if platform is Platform.LINUX and table in {SOCKETS, LISTENING}:
            wanted |= {"net_namespace"}
        columns[table] = tuple(each for each in declared if each in wanted)
    return columns


def _tables_first(platform: Platform, columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the questions for tables: sockets first and once more.

    The table of processes follows the last reading of sockets at once, so that few owners start or
    end between the two.
    """
    asked = {SOCKETS: columns[SOCKETS]} if SOCKETS in columns else {}
    asked |= {table: columns[table] for table in sorted(columns) if table != PROCESSES}
    first = {table_id(table): _sql(table, names) for table, names in asked.items()}
    if platform is Platform.LINUX:
        first |= {READ_MAX: _READ_MAX_SQL}
        first |= {AGAIN: first[table_id(SOCKETS)]} if SOCKETS in columns else {}
    if PROCESSES in columns:
        first |= {table_id(PROCESSES): _sql(PROCESSES, columns[PROCESSES])}
    return first


def _sql(table: str, columns: Iterable[str]) -> str:
    marked = ", ".join(f"'=' || {column} AS {column}" for column in columns)
    return f"SELECT {marked} FROM {table}"  # noqa: S608 - names of osquery's schema
