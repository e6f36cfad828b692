"""SQL over tables in memory: what a question reads, what it may do, and osquery's text."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portproof.model.observation import Answer, Observed, Platform, Reason, Unobserved
from portproof.sources.osquery_schema import SCHEMA
from portproof.sources.sqltables import Table, answer, columns_read, tables_read
from support.for_each import for_each
from support.paths import ROOT

SHIPPED = yaml.safe_load((ROOT / "checks" / "listening-sockets.yml").read_text())["sql"]
PROCESSES = Table(["pid", "name", "uid"], [[1, "init", 0], [2, "web", 33], [3, None, 33]])
USERS = Table(["uid", "username"], [[0, "root"], [33, "www-data"]])
TABLES = {"processes": PROCESSES, "users": USERS}
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT"


def ask(sql: str, tables: dict[str, Table] | None = None, most: int = 100) -> Answer:
    """Ask within limits that a good question does not reach."""
    return answer(sql, Platform.LINUX, TABLES if tables is None else tables, 300.0, most)


def told(sql: str, tables: dict[str, Table] | None = None) -> list[tuple[str, ...]]:
    """The rows of an answer that is observed."""
    found = ask(sql, tables)
    assert isinstance(found, Observed), found
    assert found.whole
    return [tuple(row.values()) for row in found.rows]


def why(found: Answer | frozenset[str] | Mapping[str, frozenset[str]]) -> Reason:
    """The reason of an answer that is not observed."""
    assert isinstance(found, Unobserved), found
    assert found.detail
    return found.reason


@for_each("platform", Platform)
def test_the_shipped_question_reads_three_tables(platform: Platform) -> None:
    """Sockets, processes and users, on each platform."""
    wanted = frozenset({"process_open_sockets", "processes", "users"})
    assert tables_read(SHIPPED[platform], platform) == wanted


@for_each(
    ("sql", "tables"),
    [
        ("SELECT 1", set()),
        ("SELECT count(*) FROM processes", {"processes"}),
        ("SELECT COUNT(*) FROM PROCESSES", {"processes"}),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM users)", {"users"}),
        ("WITH u AS (SELECT uid FROM users) SELECT count(*) FROM u", {"users"}),
        ("WITH users AS (SELECT 7 AS uid) SELECT uid FROM users", set()),
        (
            "SELECT pid FROM processes UNION SELECT pid FROM listening_ports WHERE 0",
            {"processes", "listening_ports"},
        ),
        ("VALUES (1), (2)", set()),
    ],
)
def test_the_tables_that_a_question_reads_are_found(sql: str, tables: set[str]) -> None:
    """Wherever in the statement they are, and not the names that it makes up itself."""
    assert tables_read(sql, Platform.LINUX) == frozenset(tables)


def test_the_columns_that_a_question_reads_are_found() -> None:
    """Also those it only filters, joins or sorts by."""
    sql = "SELECT name FROM processes p JOIN users USING (uid) WHERE pid > 1 ORDER BY start_time"
    found = columns_read(sql, Platform.LINUX)
    assert not isinstance(found, Unobserved)
    assert {table: set(columns) for table, columns in found.items()} == {
        "processes": {"name", "uid", "pid", "start_time"},
        "users": {"uid"},
    }


@for_each(
    ("sql", "reason"),
    [
        ("SELECT * FROM deb_packages", Reason.MISSING_TABLE),
        ("SELECT * FROM main.deb_packages", Reason.MISSING_TABLE),
        ("SELECT name FROM sqlite_master", Reason.MISSING_TABLE),
        ("SELECT count(*) FROM sqlite_master", Reason.MISSING_TABLE),
        ("SELECT count(*) FROM Sqlite_Schema", Reason.MISSING_TABLE),
        ("SELECT rowid FROM users", Reason.MISSING_TABLE),
        ("SELECT nope FROM users", Reason.QUERY_ERROR),
        ("SELEC 1", Reason.QUERY_ERROR),
        ("", Reason.QUERY_ERROR),
        ("-- nothing", Reason.QUERY_ERROR),
        ("SELECT 1\0 FROM users", Reason.QUERY_ERROR),
        ("SELECT '\ud800'", Reason.QUERY_ERROR),
        ("SELECT no_such_function(1)", Reason.QUERY_ERROR),
        ("SELECT * FROM pragma_table_info('users')", Reason.QUERY_ERROR),
    ],
)
def test_a_question_that_cannot_be_asked_is_unobserved(sql: str, reason: Reason) -> None:
    """A table that only osquery has is a missing table; everything else is SQLite's message."""
    assert why(ask(sql)) == reason


def test_a_missing_table_is_named_with_what_to_do() -> None:
    """The detail is for whoever wrote the check."""
    assert ask("SELECT * FROM deb_packages") == Unobserved(
        Reason.MISSING_TABLE,
        "the embedded probe has no table deb_packages; install osquery to ask this",
    )


@for_each("platform", [Platform.MACOS, Platform.WINDOWS])
def test_a_column_of_another_platform_is_an_error(platform: Platform) -> None:
    """As it is with osquery."""
    sql = "SELECT net_namespace FROM listening_ports"
    assert why(columns_read(sql, platform)) == Reason.QUERY_ERROR


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE users",
        "INSERT INTO users (uid) VALUES (1)",
        "REPLACE INTO users (uid) VALUES (1)",
        "UPDATE users SET uid = 1",
        "DELETE FROM users",
        "DROP TABLE users",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "ATTACH '{path}' AS x",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '{path}'",
        "PRAGMA user_version",
        "PRAGMA query_only = OFF",
        "BEGIN",
        "SAVEPOINT x",
        "ANALYZE",
        "REINDEX",
        "EXPLAIN SELECT 1",
        "QUERY PLAN SELECT 1",
        "SELECT load_extension('x')",
        "WITH x AS (SELECT 1) INSERT INTO users (uid) SELECT * FROM x",
    ],
)
def test_nothing_but_one_reading_statement_can_be_asked(tmp_path: Path, sql: str) -> None:
    """It is refused before it runs, and again while it runs."""
    path = tmp_path / "written.db"
    assert why(ask(sql.format(path=path))) == Reason.QUERY_ERROR
    assert why(tables_read(sql.format(path=path), Platform.LINUX)) == Reason.QUERY_ERROR
    assert not path.exists()


@for_each(
    ("expression", "text"),
    [
        ("NULL", ""),
        ("''", ""),
        ("42", "42"),
        ("-9223372036854775807 - 1", "-9223372036854775808"),
        ("1 = 1", "1"),
        ("2.0", "2.0"),
        ("0.1", "0.1"),
        ("1 / 3.0", "0.333333333333333"),
        ("round(3.531, 2)", "3.53"),
        ("1e20", "1e+20.0"),
        ("'\u20ac'", "\u20ac"),
        ("x'41ff'", "A\\xff"),
        ("CAST(x'41ff' AS TEXT)", "A\\xff"),
    ],
)
def test_values_are_text_as_in_osquery(expression: str, text: str) -> None:
    """Doubles have 16 digits and a point (osquery since 5.13), bytes become escapes."""
    assert told(f"SELECT {expression} AS value") == [(text,)]


def test_a_column_that_is_selected_twice_is_told_once() -> None:
    """A row is a mapping, as in osquery: the last of a name wins."""
    found = ask("SELECT 1 AS a, 2 AS a, 3 AS b")
    assert found == Observed(({"a": "2", "b": "3"},), 1)


def test_types_are_osquerys() -> None:
    """Numbers compare as numbers and text as text, whatever the rows came as."""
    table = Table(["pid", "local_port", "net_namespace"], [["7", "609", 4026531840]])
    sql = "SELECT typeof(pid), typeof(local_port), typeof(net_namespace) FROM process_open_sockets"
    assert told(f"{sql} WHERE local_port < 1000", {"process_open_sockets": table}) == [
        ("integer", "integer", "text")
    ]


@for_each(
    "sql",
    [
        "SELECT p.name FROM processes p JOIN listening_ports USING (pid)",
        "SELECT p.name FROM processes p JOIN uptime",
        "SELECT u.username FROM users u JOIN processes USING (gid)",
        "SELECT a.pid FROM processes a JOIN processes b USING (cwd)",
        "SELECT a.pid FROM processes a NATURAL JOIN processes b",
    ],
)
def test_what_a_join_reads_unnamed_is_read(sql: str) -> None:
    """SQLite's authorizer is not told of the columns that USING and NATURAL compare."""
    assert why(ask(sql)) == Reason.MISSING_TABLE


def test_tables_joined_by_a_common_column_are_filled() -> None:
    """Nothing of the second table is named but the column they share."""
    assert told("SELECT name FROM processes JOIN users USING (uid) WHERE pid > 1 AND 1") == [
        ("web",),
        ("",),
    ]


def test_a_row_without_a_match_is_kept() -> None:
    """A left join over rows whose process is not known."""
    tables = {"listening_ports": Table(["pid", "port"], [[-1, 609], [2, 80]]), **TABLES}
    sql = (
        "SELECT l.port, p.name, u.username FROM listening_ports AS l"
        " LEFT JOIN processes AS p ON p.pid = l.pid LEFT JOIN users AS u ON u.uid = p.uid"
    )
    assert told(sql, tables) == [("609", "", ""), ("80", "web", "www-data")]


def test_a_join_of_large_tables_is_not_quadratic() -> None:
    """Thousands of millions of comparisons would not be over within the limit."""
    sockets = Table(["pid", "local_port"], [[pid, pid % 65536] for pid in range(50_000)])
    processes = Table(["pid", "uid"], [[pid, 0] for pid in range(50_000)])
    sql = "SELECT count(*) FROM process_open_sockets s LEFT JOIN processes p ON p.pid = s.pid"
    found = answer(
        sql, Platform.LINUX, {"process_open_sockets": sockets, "processes": processes}, 60.0, 10
    )
    assert found == Observed(({"count(*)": "50000"},), 1)


@for_each("sql", ["SELECT cwd FROM processes", "SELECT * FROM users"])
def test_a_column_that_was_not_read_is_unknown_not_null(sql: str) -> None:
    """NULL would be an answer, and a false one."""
    assert why(ask(sql)) == Reason.MISSING_TABLE


def test_a_table_that_was_not_read_is_unknown_not_empty() -> None:
    """The probe knows the table, but it is not among what it read."""
    assert why(ask("SELECT count(*) FROM uptime")) == Reason.MISSING_TABLE


@for_each("rest", ["x FROM c WHERE x < 0", "count(*) FROM c"])
def test_an_endless_question_is_stopped_by_the_clock(rest: str) -> None:
    """It gives no rows that could be counted."""
    found = answer(f"{ENDLESS} {rest}", Platform.LINUX, {}, 0.2, 10)
    assert why(found) == Reason.TIMEOUT


@for_each("rest", ["x FROM c", "printf('%.1000000d', x) FROM c", "length(zeroblob(50000000))"])
def test_an_endless_question_is_stopped_by_its_size(rest: str) -> None:
    """Too many rows, too much text, or one value that is too large."""
    found = answer(f"{ENDLESS} {rest}", Platform.LINUX, {}, 300.0, 10_000)
    assert why(found) == Reason.OVERSIZED


def test_a_huge_join_is_stopped() -> None:
    """A cross join of a few thousand rows has more combinations than there is time."""
    table = Table(["pid"], [[pid] for pid in range(3000)])
    sql = "SELECT count(*) FROM processes a, processes b, processes c WHERE a.pid + b.pid = -c.pid"
    assert why(answer(sql, Platform.LINUX, {"processes": table}, 0.2, 10)) == Reason.TIMEOUT


def test_as_many_rows_as_are_allowed_are_told() -> None:
    """The limit is what may be told; one more is too many."""
    sql = "SELECT pid FROM processes"
    assert isinstance(ask(sql, most=3), Observed)
    assert why(ask(sql, most=2)) == Reason.OVERSIZED


@for_each(
    "table",
    [
        Table(["pid", "uid"], [[1]]),
        Table(["pid", "uid"], [[1, 2, 3]]),
        Table(["pid", "uid", "nope"], [[1, 2, 3]]),
        Table(["pid", "uid", "uid"], [[1, 2, 3]]),
        Table(["pid", "uid) SELECT 1 --"], [[1, 2]]),
        Table(["pid", "uid"], [[1, 2**64]]),
        Table(["pid", "uid"], [[1, "\ud800"]]),
    ],
)
def test_rows_that_do_not_fit_are_garbled(table: Table) -> None:
    """A host may send anything."""
    assert why(ask("SELECT pid FROM processes", {"processes": table})) in {
        Reason.GARBLED,
        Reason.MISSING_TABLE,
    }
    assert why(ask("SELECT count(*) FROM processes", {"processes": table})) == Reason.GARBLED


@given(st.text())
def test_no_text_of_a_question_raises(sql: str) -> None:
    """Every question has an answer or a reason."""
    assert isinstance(ask(sql), Observed | Unobserved)


TEXT = st.text(st.characters(codec="utf-8"))


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.none() | TEXT), max_size=5))
def test_rows_go_through_unchanged(rows: list[tuple[int, str | None]]) -> None:
    """What was put in as integers and text comes out as their text, in order."""
    table = Table(["pid", "name"], [list(row) for row in rows])
    found = told("SELECT pid, name FROM processes", {"processes": table})
    assert found == [(str(pid), name or "") for pid, name in rows]


@for_each("platform", Platform)
def test_the_schema_is_sql(platform: Platform) -> None:
    """Every table of every platform can be created, with columns of osquery's types."""
    connection = sqlite3.connect(":memory:")
    for name, columns in SCHEMA[platform].items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
        types = {row[2] for row in connection.execute(f"PRAGMA table_info({name})")}
        assert types <= {"TEXT", "INTEGER", "BIGINT"}
    connection.close()
