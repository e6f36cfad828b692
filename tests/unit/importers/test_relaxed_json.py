"""osquery's configuration files are read as osquery reads them, and every value has its place."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.importers.relaxed_json import parse_json
from support.for_each import for_each

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


steady = settings(max_examples=100)


@steady
@given(VALUES, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_whatever_is_json_is_read(value: Any, indent: str | int | None, ascii_only: bool) -> None:  # noqa: ANN401 - plain JSON values
    """JSON in any layout gives its value."""
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    document = parse_json("x", data)
    assert document.problems == []
    assert document.value == value


@steady
@given(st.binary(max_size=60))
def test_whatever_is_no_json_is_a_problem(data: bytes) -> None:
    """No bytes make the reader fail in another way, and what is wrong has no value."""
    document = parse_json("x", data)
    assert document.value is None or not document.problems


def test_a_broken_line_is_joined_and_keeps_its_places() -> None:
    """What follows a broken line still knows its own line and column."""
    data = b'{"a": "one \\\n two", \\\n  "b": 5,\r\n# gone\r\n "c": [1, 2, ], }'
    document = parse_json("x", data)
    assert document.value == {"a": "one  two", "b": 5, "c": [1, 2]}
    assert document.positions["b",] == (3, 8)
    assert document.positions["c", 1] == (5, 11)


def test_a_comment_ends_where_its_broken_lines_end() -> None:
    """A comment that ends in a backslash takes the next line with it."""
    document = parse_json("x", b'# a \\\n {"gone": 1}\n  // b\n{"kept": 1}')
    assert document.value == {"kept": 1}


@for_each(
    ("data", "place", "message"),
    [
        (b"", (1, 1), "expected a value"),
        (b'{"a": 1}\n{}', (2, 1), "text follows"),
        (b'{"a" 1}', (1, 6), "expected ':'"),
        (b'{"a": 1 "b": 2}', (1, 9), "expected ','"),
        (b'{"a": tru}', (1, 7), "expected a value"),
        (b"[01]", (1, 2), "expected a value"),
        (b"[,]", (1, 2), "expected a value"),
        (b"{a: 1}", (1, 2), "expected text"),
        (b'["a\tb"]', (1, 2), "expected text"),
        (b'["\\x"]', (1, 2), "expected text"),
        (b'["\\ud800"]', (1, 2), "half of a surrogate"),
        (b"[" * 100_000, (1, 62), "too deeply"),
        (b"[" + b"9" * 5000 + b"]", (1, 2), "too long"),
        (b"[" + b"1," * 200_001 + b"]", (1, 400_000), "too many values"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_wrong_has_its_place(data: bytes, place: tuple[int, int], message: str) -> None:
    """The problem stands where reading ended."""
    problem = parse_json("x", data).problems[0]
    assert (problem.line, problem.column) == place
    assert message in problem.message


def test_bytes_that_are_no_text_are_a_problem() -> None:
    """A pack is UTF-8."""
    assert "is not UTF-8" in parse_json("x", b'{"a": "\xff"}').problems[0].message
