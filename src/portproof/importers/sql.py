"""Find out what a statement asks, and what a row of its answer proves.

Fleet calls a policy passed when its query returns rows. A row that comes from a table proves
itself, but ``SELECT 1 WHERE NOT EXISTS (...)`` makes its row out of rows that were not seen, so an
answer that lacks them passes too. Such a question is rewritten so that a doubt about the answer is
a doubt about the verdict.
"""

import re
import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from portproof.content.lint import MOST_COPIES, sql_trouble
from portproof.content.sql_tokens import (
    Token,
    closing,
    copies,
    depths,
    parts_named,
    said,
    tokens,
)


class Question(NamedTuple):
    """SQL as it is asked, and how many rows pass.

    ``remark`` says why it is not asked as the source asks it, or is empty.
    """

    sql: str
    expect: str
    remark: str = ""


_MOST_PARTS: Final = 100

_LANGUAGE: Final = frozenset(
    {
        *("and", "as", "between", "by", "case", "else", "in", "is", "join", "like", "not", "on"),
        *("or", "select", "then", "using", "when", "where"),
    }
)
_OF_ONE_ROW: Final = frozenset(
    {
        *("abs", "cast", "char", "coalesce", "concat", "concat_ws", "date", "datetime", "format"),
        *("glob", "hex", "ifnull", "iif", "instr", "json_extract", "julianday", "length", "lower"),
        *("ltrim", "nullif", "printf", "regex_match", "regex_split", "replace", "round", "rtrim"),
        *("split", "strftime", "substr", "substring", "time", "trim", "typeof", "unicode"),
        *("unixepoch", "upper", "version_compare"),
    }
)
"""Functions of a single row: SQLite's, and those that osquery adds (osquery/sql/sqlite_*.cpp)."""
_MAKES_ROWS: Final = frozenset({"left", "right", "full", "outer", "having", "over"})
_CHANGES: Final = frozenset({"insert", "update", "delete", "into"})
_SEVERAL_ROWS: Final = frozenset({"from", "union", "except", "intersect", "values", "with"})
_NOT_EXISTS: Final = ["where", "not", "exists", "("]

_UPSIDE_DOWN: Final = "The source asks that no such row exists; these are the rows that must not."
_BY_ABSENCE: Final = (
    "It can return a row because others were not seen, so an answer in doubt proves nothing."
)


def tidied(sql: str) -> str:
    """Return the statement without final semicolons, laid out so that YAML can show it as a block.

    Only space between tokens changes, and blanks at the end of lines. What is quoted stays.
    """
    parts = tokens(sql)
    while parts and (parts[-1].silent or parts[-1].text == ";"):
        parts.pop()
    return "".join(map(_laid_out, parts)).strip()


def _laid_out(token: Token) -> str:
    if not token.silent:
        return token.text
    text = token.text.replace("\r\n", "\n").replace("\t", "    ")
    if token.kind == "space" and "\n" not in text:
        return " "
    return re.sub(r"[^\S\n]+(?=\n)", "", text)


def why_not(sql: str) -> str | None:
    """Return why a tidied statement cannot be asked on a host, or None."""
    parts = said(sql)
    if not parts:
        return "holds no SQL"
    return _not_asked(parts) or _not_told_apart(parts) or _nothing_read(sql) or sql_trouble(sql)


def _not_asked(parts: Sequence[Token]) -> str | None:
    if parts[0].word not in {"select", "with"} or _CHANGES & {each.word for each in parts}:
        return "is not a SELECT statement"
    if any(each.text == ";" for each in parts):
        return "holds more than one statement"
    parameter = next((each.text for each in parts if each.kind == "parameter"), None)
    return parameter and f"has the parameter {parameter[:40]}, which has no value here"


def _not_told_apart(parts: Sequence[Token]) -> str | None:
    if parts_named(parts) > _MOST_PARTS or copies(parts) > MOST_COPIES:
        return "has common table expressions that expand too often"
    return None


def _nothing_read(sql: str) -> str | None:
    """Refuse a statement that reads no table of osquery's: people answer such policies by hand."""
    database = sqlite3.connect(":memory:")
    try:
        database.execute(f"EXPLAIN {sql}")
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        if "from" in {each.word for each in said(sql)} or "no such" not in str(error):
            return None
    finally:
        database.close()
    return "reads no table, as manual items do; its answer is the same on every host"


def question(sql: str) -> Question:
    """Return how to ask a tidied statement for which returned rows mean passed."""
    if _rows_prove_themselves(sql):
        return Question(sql, "some rows")
    inner = _inside_not_exists(sql)
    if inner is not None and _rows_prove_themselves(inner):
        return Question(inner, "no rows", _UPSIDE_DOWN)
    if _at_most_one_row(sql):
        return Question(sql, "one row", _BY_ABSENCE)
    return Question(f"SELECT 1 AS holds\nWHERE EXISTS (\n{sql}\n)", "one row", _BY_ABSENCE)


def _rows_prove_themselves(sql: str) -> bool:
    """Return whether each row of the answer depends only on rows that exist.

    That holds for one SELECT from tables without outer joins, aggregates and subqueries.
    In doubt the answer is False.
    """
    words = [each.word for each in said(sql)]
    pairs = list(pairwise(words))
    called = {word for word, after in pairs if after == "(" and _can_be_called(word)}
    return (
        words[:1] == ["select"]
        and words.count("select") == 1
        and "from" in words
        and not _MAKES_ROWS & set(words)
        and called <= _LANGUAGE | _OF_ONE_ROW
        and all(after == "(" for word, after in pairs if word == "in")
    )


def _can_be_called(word: str) -> bool:
    return word[:1].isalpha() or word[:1] in {"_", '"', "`", "["}


def _inside_not_exists(sql: str) -> str | None:
    """Return the inner statement of ``SELECT 1 WHERE NOT EXISTS (...)``, if it is all there is."""
    parts = said(sql)
    words = [each.word for each in parts]
    start = next((at for at in (2, 4) if words[at : at + 4] == _NOT_EXISTS), None)
    if start is None or parts[1].kind not in {"number", "text"}:
        return None
    named = words[2:start] == [] or words[2] == "as"
    opening = start + 3
    if not named or closing(parts, opening) != len(parts) - 1:
        return None
    return tidied(sql[parts[opening].start + 1 : parts[-1].start])


def _at_most_one_row(sql: str) -> bool:
    """Return whether the outermost SELECT reads no table and is alone."""
    parts = said(sql)
    outside = [parts[at].word for at, depth in depths(parts) if depth == 0]
    return outside.count("select") == 1 and not _SEVERAL_ROWS & set(outside)
