"""Run SQL on tables in memory, with the results osquery would give.

The same questions run on osquery and on the embedded probe; here the probe's tables become SQLite
tables with osquery's columns and types, and the rows are returned as osquery's text. Only a single
SELECT statement can be asked, within limits of time, rows and bytes.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Final, Self

import msgspec

from portproof.model.observation import Answer, Observed, Platform, Reason, Row, Unobserved
from portproof.sources.answers import quoted
from portproof.sources.osquery_schema import SCHEMA

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What an integer column of SQLite can hold."""


_Step = tuple[int, str, int, int, int, str | None, int, str | None]


class Table(msgspec.Struct, frozen=True):
    """The columns of a table that could be read, and its rows in the same order."""

    columns: list[str]
    rows: list[list[str | Int64 | None]]


_ALLOWED: Final = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1 << 24,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 1 << 20,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_MOST_BYTES: Final = 1 << 26
_CELL: Final = 16
"""Bytes that each value counts for besides its text, so that many empty values count too."""
_STEPS: Final = 1000
"""Virtual machine instructions between two checks of the time."""
_QUESTIONS: Final = 1024
_KEYS: Final = ("pid", "uid")
_TOO_BIG: Final = (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM)


@lru_cache(_QUESTIONS)
def columns_read(sql: str, platform: Platform) -> Mapping[str, frozenset[str]] | Unobserved:
    """Return which tables a statement reads, and which columns of each (none for ``count(*)``).

    SQLite provides this: the statement is prepared, not run, on empty tables. Its authorizer sees
    what the statement names; its program shows what is read unnamed, as by ``JOIN ... USING``.
    Every host of a fleet is asked the same, so the result is cached.
    """
    seen = _ReadRecorder(SCHEMA[platform])
    connection = _database(platform, SCHEMA[platform])
    try:
        roots = dict(connection.execute("SELECT rootpage, name FROM sqlite_master"))
        connection.set_authorizer(seen.authorize)
        program = connection.execute("EXPLAIN " + sql)
        named = [column[0] for column in program.description]
        seen.scan(
            program,
            {root: (name, declared_columns(platform, name)) for root, name in roots.items()},
        )
    except (sqlite3.Error, sqlite3.Warning, ValueError, LookupError) as error:
        return seen.refusal or _refused(str(error))
    finally:
        connection.close()
    if not seen.selects or "opcode" not in named:
        return Unobserved(Reason.QUERY_ERROR, "only a SELECT statement can be asked")
    return MappingProxyType({table: frozenset(read) for table, read in seen.columns.items()})


def tables_read(sql: str, platform: Platform) -> frozenset[str] | Unobserved:
    """Return which tables a statement reads."""
    read = columns_read(sql, platform)
    return read if isinstance(read, Unobserved) else frozenset(read)


def answer(
    sql: str, platform: Platform, tables: Mapping[str, Table], timeout: float, max_rows: int
) -> Answer:
    """Run one reading statement on ``tables``; ``timeout`` is in seconds."""
    with Database(platform, tables) as database:
        return database.answer(sql, timeout, max_rows)


class Database:
    """Tables of a machine as a database in memory; each is filled when first asked for."""

    def __init__(self, platform: Platform, tables: Mapping[str, Table]) -> None:
        self._platform = platform
        self._tables = tables
        self._connection = _database(platform, ())
        self._filled: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def answer(self, sql: str, timeout: float, max_rows: int) -> Answer:
        """Run one reading statement; ``timeout`` is in seconds.

        Every value of the answer is text, as in osquery: NULL is empty, integers are decimal,
        floating point numbers have a decimal point (osquery/utils/conversions/castvariant.h).
        """
        deadline = time.monotonic() + timeout
        read = columns_read(sql, self._platform)
        if isinstance(read, Unobserved):
            return read
        lacking = _lacking(read, self._tables)
        if lacking is not None:
            return lacking
        wrong = [trouble for trouble in map(self._fill, read) if trouble]
        if wrong:
            detail = f"the rows read do not fit osquery's tables: {quoted(wrong[0])}"
            return Unobserved(Reason.GARBLED, detail)
        self._connection.set_authorizer(_ReadRecorder(read).authorize)
        self._connection.set_progress_handler(_is_late(deadline), _STEPS)
        return _run(self._connection, sql, max_rows)

    def _fill(self, name: str) -> str:
        """Fill a table unless it is filled; return what is wrong with it, or nothing."""
        if name in self._filled:
            return self._filled[name]
        self._connection.set_authorizer(None)
        self._connection.set_progress_handler(None, 0)
        self._filled[name] = "it could not be filled"  # also if something ends this here
        try:
            self._connection.execute(f"CREATE TABLE {name} ({SCHEMA[self._platform][name]})")
            declared = declared_columns(self._platform, name)
            _fill(self._connection, name, self._tables[name], declared)
            self._filled[name] = ""
        except (sqlite3.Error, ValueError, OverflowError) as error:
            self._connection.rollback()
            self._filled[name] = str(error) or type(error).__name__
        return self._filled[name]


class _ReadRecorder:
    """Records from SQLite's authorizer what a statement reads, and refuses anything else."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self.columns: dict[str, set[str]] = {}
        self.selects = False
        self.refusal: Unobserved | None = None

    def authorize(
        self, action: int, first: str | None, second: str | None, _base: str | None, _by: str | None
    ) -> int:
        """Answer SQLite's authorizer, which names a table first and a column or function second."""
        self.selects = self.selects or action == sqlite3.SQLITE_SELECT
        if action == sqlite3.SQLITE_READ and first is not None:
            return self._read(first, second or "")
        if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY

    def scan(self, program: Iterable[_Step], roots: Mapping[int, tuple[str, list[str]]]) -> None:
        """Read the program of the statement; ``roots`` maps root pages to tables."""
        opened: dict[int, tuple[str, list[str]]] = {}
        for _, opcode, cursor, second, *_ in program:
            if opcode == "OpenRead":
                opened[cursor] = roots[second]
                self.columns.setdefault(roots[second][0], set())
            elif opcode == "Column" and cursor in opened:
                name, columns = opened[cursor]
                self.columns[name].add(columns[second])

    def _read(self, table: str, column: str) -> int:
        name = table.lower()
        if name in self._known:
            self.columns.setdefault(name, set()).update([column] if column else [])
            return sqlite3.SQLITE_OK
        # Without a column this may be a common table expression, which reads no table itself.
        if column or name.startswith("sqlite_"):
            self.refusal = _unknown("table", table)
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK


def _unknown(kind: str, name: str) -> Unobserved:
    detail = f"the embedded probe has no {kind} {quoted(name)}; install osquery to ask this"
    return Unobserved(Reason.MISSING_TABLE, detail)


def _refused(message: str) -> Unobserved:
    _, is_missing, table = message.partition("no such table: ")
    return (
        _unknown("table", table) if is_missing else Unobserved(Reason.QUERY_ERROR, quoted(message))
    )


def _database(platform: Platform, names: Iterable[str]) -> sqlite3.Connection:
    """Return an empty database in memory with these tables of osquery's."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    connection.text_factory = lambda data: data.decode("utf-8", "backslashreplace")
    for name in names:
        connection.execute(f"CREATE TABLE {name} ({SCHEMA[platform][name]})")
    return connection


def declared_columns(platform: Platform, name: str) -> list[str]:
    """Return the columns of a table of osquery's, in its order."""
    return [part.split()[0] for part in SCHEMA[platform][name].split(",")]


def _lacking(read: Mapping[str, frozenset[str]], tables: Mapping[str, Table]) -> Unobserved | None:
    """Return the first table or column that the statement reads and that was not collected."""
    for name in sorted(read):
        if name not in tables:
            return _unknown("table", name)
        unknown = sorted(read[name].difference(tables[name].columns))
        if unknown:
            return _unknown("column", f"{name}.{unknown[0]}")
    return None


def _fill(connection: sqlite3.Connection, name: str, table: Table, declared: list[str]) -> None:
    """Insert the rows; one that is too short, too long or not text SQLite takes is an error."""
    if not set(declared).issuperset(table.columns) or len(set(table.columns)) < len(table.columns):
        raise ValueError(f"table {name} has columns that osquery's has not")
    names, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
    insert = f"INSERT INTO {name} ({names}) VALUES ({marks})"  # noqa: S608 - osquery's names
    connection.execute("BEGIN")
    connection.executemany(insert, table.rows)
    connection.execute("COMMIT")
    for key in set(declared).intersection(_KEYS):
        connection.execute(f"CREATE INDEX {name}_{key} ON {name} ({key})")


def _run(connection: sqlite3.Connection, sql: str, max_rows: int) -> Answer:
    try:
        return _fetch(connection.execute(sql), max_rows)
    except (sqlite3.Error, sqlite3.Warning, MemoryError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOMEM)
        if code == sqlite3.SQLITE_INTERRUPT:
            return Unobserved(Reason.TIMEOUT, "the question took too long to answer")
        if code in _TOO_BIG:
            return Unobserved(Reason.OVERSIZED, "the question takes too much memory to answer")
        return Unobserved(Reason.QUERY_ERROR, quoted(str(error)))


def _is_late(deadline: float) -> Callable[[], bool]:
    return lambda: time.monotonic() > deadline


def _fetch(cursor: sqlite3.Cursor, max_rows: int) -> Answer:
    names = [column[0] for column in cursor.description]
    rows: list[Row] = []
    size = 0
    for values in cursor:
        texts = [value if type(value) is str else _text(value) for value in values]
        size += sum(map(len, texts)) + _CELL * len(texts)
        if len(rows) == max_rows or size > _MOST_BYTES:
            detail = f"the answer has more than {len(rows)} rows or {_MOST_BYTES} characters"
            return Unobserved(Reason.OVERSIZED, detail)
        rows.append(dict(zip(names, texts, strict=True)))
    return Observed(tuple(rows), len(rows))


def _text(value: float | bytes | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        text = f"{value:.15g}"
        return text if "." in text else text + ".0"
    return str(value)
