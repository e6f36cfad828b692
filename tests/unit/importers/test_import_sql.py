"""A question is asked so that it means what the source means, and no unseen row makes it pass."""

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.content.sql_tokens import tokens
from portproof.importers.sql import Question, question, tidied, why_not
from support.for_each import for_each

Rows = list[tuple[int, int]]

FROM_TABLES = (
    "a",
    "a JOIN b USING (x)",
    "a, b",
    "a LEFT JOIN b ON a.x = b.x",
    "b NATURAL LEFT JOIN a",
    "a FULL JOIN b USING (x)",
    "a CROSS JOIN b",
    "(SELECT max(x) AS x, 1 AS y FROM a) AS a, (SELECT 1 AS y) AS b",
)
CONDITIONS = (
    "a.x = 1",
    "a.x NOT IN (1, 2)",
    "a.x NOT IN b",
    "a.x IN (SELECT y FROM b)",
    "a.x NOT IN (SELECT y FROM b)",
    "a.y IS NULL",
    "NOT EXISTS (SELECT 1 FROM b WHERE y = 2)",
    "EXISTS (SELECT 1 FROM b WHERE y = 2)",
    "EXISTS (SELECT 1 FROM b) = 0",
    "(SELECT count(*) FROM b) < 2",
    "CASE WHEN a.x > 1 THEN 1 ELSE 0 END",
    "coalesce((SELECT x FROM b), 1) = 1",
    "abs(a.x) <> 2",
)
COLUMNS = ("1", "a.x", "count(*)", "sum(a.x)", '"count"(*)', "DISTINCT a.y")
ENDINGS = ("", " LIMIT 1", " GROUP BY a.y", " GROUP BY a.y HAVING count(*) < 2", " ORDER BY 1")
WHOLE = (
    "SELECT 1 WHERE NOT EXISTS ({})",
    "SELECT 'x' AS ok WHERE NOT EXISTS (\n{}\n)",
    "SELECT 1 WHERE NOT EXISTS ({}) AND 1",
    "SELECT 1 WHERE EXISTS ({})",
    "SELECT 1 WHERE 0 = (SELECT count(*) FROM ({}))",
    "{} EXCEPT SELECT 1 FROM b",
    "{} UNION SELECT 1 FROM b",
    "WITH c AS ({}) SELECT 1 FROM c",
    "WITH c(n) AS (SELECT count(*) FROM a) SELECT 1 FROM c WHERE n < 2",
    "VALUES (1)",
)


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement on the tables a and b, some of which pass by what is not there."""
    column, source = draw(st.sampled_from(COLUMNS)), draw(st.sampled_from(FROM_TABLES))
    conditions = draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = "".join(["SELECT ", column, " FROM ", source, where, draw(st.sampled_from(ENDINGS))])
    return draw(st.sampled_from(["{}", "{}", *WHOLE])).format(sql)


ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3)


steady = settings(max_examples=300)


def count(sql: str, a: Rows, b: Rows) -> int | None:
    """How many rows a statement returns, or None if it is none for these tables."""
    database = sqlite3.connect(":memory:")
    try:
        database.executescript("CREATE TABLE a (x, y); CREATE TABLE b (x, y)")
        database.executemany("INSERT INTO a VALUES (?, ?)", a)
        database.executemany("INSERT INTO b VALUES (?, ?)", b)
        return len(database.execute(sql).fetchall())
    except sqlite3.Error:
        return None
    finally:
        database.close()


def passes(asked: Question, rows: int) -> bool:
    """Whether an answer of so many rows, all of which were seen, passes."""
    return {"some rows": rows > 0, "no rows": rows == 0, "one row": rows == 1}[asked.expect]


@steady
@given(statements(), ROWS, ROWS)
def test_a_question_means_what_the_source_means(sql: str, a: Rows, b: Rows) -> None:
    """It passes exactly where the source's own words return rows."""
    original = count(sql, a, b)
    if original is None:
        return
    asked = question(tidied(sql))
    rows = count(asked.sql, a, b)
    assert rows is not None
    assert passes(asked, rows) == (original > 0)


@steady
@given(statements(), ROWS, ROWS, st.data())
def test_some_rows_never_come_of_rows_that_were_not_seen(
    sql: str, a: Rows, b: Rows, data: st.DataObject
) -> None:
    """What passes whatever the doubt, passes with more rows too: it is not an absence."""
    asked = question(tidied(sql))
    if asked.expect != "some rows":
        return
    seen_a = a[: data.draw(st.integers(0, len(a)))]
    seen_b = b[: data.draw(st.integers(0, len(b)))]
    if count(asked.sql, seen_a, seen_b):
        assert count(asked.sql, a, b)


@steady
@given(st.text("SELECT1 ;'\"`[]()-/*\n\t:?$@.x", max_size=40))
def test_tokens_are_the_whole_text(text: str) -> None:
    """Nothing is lost between tokens, whatever the text."""
    assert "".join(each.text for each in tokens(text)) == text


@steady
@given(statements(), st.sampled_from([" ", "\n", "\t", " -- no; 'comment'\n", "/* ; */"]))
def test_tidying_changes_no_answer(sql: str, space: str) -> None:
    """Other space and comments between tokens, and final semicolons, make no other question."""
    spaced = "".join(space if each.kind == "space" else each.text for each in tokens(sql))
    rows: tuple[Rows, Rows] = ([(1, 1), (2, 2)], [(1, 2)])
    assert count(tidied(f"{spaced} ; ;-- end"), *rows) == count(sql, *rows)


@for_each(
    ("sql", "expect"),
    [
        ("SELECT 1 FROM users WHERE uid = 0", "some rows"),
        ("select 1 from users u join groups g using (gid) where lower(g.x) = 'a'", "some rows"),
        ("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE uid = 7)", "no rows"),
        ("SELECT 1 WHERE NOT EXISTS (SELECT count(*) FROM users)", "one row"),
        ("SELECT 1 FROM users WHERE unknown_function(uid)", "one row"),
        ("SELECT 1 FROM users WHERE uid NOT IN shadow", "one row"),
        ("SELECT 1 FROM users WHERE uid NOT IN (SELECT uid FROM shadow)", "one row"),
        ("SELECT 1 FROM users EXCEPT SELECT 1 FROM shadow", "one row"),
        ('SELECT "count"(*) FROM users', "one row"),
        ("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users) AND (1)", "one row"),
    ],
)
def test_plain_questions_stay_plain(sql: str, expect: str) -> None:
    """A row out of a table proves itself; what is not known to, does not."""
    assert question(sql).expect == expect


def test_quoted_text_is_never_laid_out() -> None:
    """Tabs and blanks inside quotes mean what they say."""
    sql = "SELECT\t'a\t \n;'  FROM [b\t] ;"
    assert tidied(sql) == "SELECT 'a\t \n;' FROM [b\t]"


def named(levels: int) -> str:
    """A statement in which SQLite makes two copies of each part in the next."""
    twice = "t{0} (x) AS NOT MATERIALIZED (SELECT l.x FROM t{1} AS l, [T{1}] AS r)"
    parts = [twice.format(level, level - 1) for level in range(1, levels)]
    last = "t AS (SELECT * FROM t{0}) SELECT x FROM t"
    first = "WITH t0 AS (SELECT x FROM a)"
    return ", ".join([first, *parts, last.format(levels - 1)])


@for_each("levels", [20, 60, 3000])
def test_parts_that_double_are_refused_before_sqlite_meets_them(levels: int) -> None:
    """Sixty short lines would keep SQLite busy for longer than anybody waits."""
    wrong = why_not(named(levels))
    assert wrong == "has common table expressions that expand too often"


def test_a_few_named_parts_are_fine() -> None:
    """People do write such questions."""
    assert why_not(named(4)) is None
