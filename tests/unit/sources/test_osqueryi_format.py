"""How questions are joined for osqueryi, and its output told apart again."""

import contextlib
import json
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.sources.osqueryi_format import OsqueryiOutputError, one_argument, read_answers
from support.for_each import for_each
from support.standins.schema import database, run

_FRAGMENTS = st.lists(
    st.sampled_from(
        ["SELECT 1 AS a", "SELECT 2 AS b, 3 AS a", ";", "--", "\n", " ", "/*", "*/", "'", '"', "[",
         "SELECT x FROM (SELECT 7 AS x) WHERE 0", "UNION ALL"]
    ),
    max_size=6,
).map("".join)  # fmt: skip


@given(questions=st.lists(_FRAGMENTS, min_size=1, max_size=4))
def test_an_answer_is_the_right_one_or_none(questions: list[str]) -> None:
    """However questions are broken, together they give what each gives alone, or nothing."""
    with contextlib.closing(database({})) as connection:
        alone = [_rows(connection, sql) for sql in questions]
        together = _rows(connection, one_argument(questions))
    if together is None:
        return
    try:
        answers = read_answers(json.dumps(together, indent=0).encode() + b"\n", len(questions))
    except OsqueryiOutputError:
        return
    assert answers == alone


def _rows(connection: sqlite3.Connection, sql: str) -> list[dict[str, str]] | None:
    try:
        return list(run(connection, sql))
    except sqlite3.Error:
        return None


def test_good_questions_are_told_apart() -> None:
    """Comments, semicolons in text, several statements and empty answers are no obstacle."""
    questions = ["SELECT 1 AS a -- ;", "SELECT ';' AS a;", "SELECT 1 AS a WHERE 0", "SELECT 2 AS b"]
    with contextlib.closing(database({})) as connection:
        together = _rows(connection, one_argument(questions))
    output = json.dumps(together, indent=0).encode() + b"\n"

    assert read_answers(output, 4) == [[{"a": "1"}], [{"a": ";"}], [], [{"b": "2"}]]


@for_each(
    "output",
    [
        b"",
        b"[]",
        b"[\n\n]",
        b"\n]\n",
        b"[\n  {}\n]\n",
        b'[\n  {"portproof_answered":"0"}\n]\n[\n',
        b'[\n  {"portproof_answered":"1"}\n]\n',
        b'[\n  {"portproof_answered":"0","n":"1"}\n]\n',
        b'[\n  {"portproof_answered":"0"},\n  {"n":"1"}\n]\n',
        b'[\n  {"portproof_answered":"0"},\n  {"portproof_answered":"1"}\n]\n',
        b'[\n  {"n":null},\n  {"portproof_answered":"0"}\n]\n',
        b'[\n  ["n"],\n  {"portproof_answered":"0"}\n]\n',
        b'\xff[\n  {"portproof_answered":"0"}\n]\n',
        b'{"n":"1"}\n[\n  {"portproof_answered":"0"}\n]\n',
        b"[" * 100_000 + b"\n]\n",
    ],
)
def test_output_that_is_not_osqueryis_is_garbled(output: bytes) -> None:
    """Only arrays of rows of text, with each marker in its place, are an answer."""
    with pytest.raises(OsqueryiOutputError):
        read_answers(output, 1)


def test_line_ends_of_windows_are_read() -> None:
    """A program on Windows writes CR LF."""
    output = b'[\r\n  {"n":"1"},\r\n  {"portproof_answered":"0"}\r\n]\r\n'
    assert read_answers(output, 1) == [[{"n": "1"}]]
