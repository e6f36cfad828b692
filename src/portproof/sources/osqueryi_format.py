"""Join several questions into one argument of osqueryi, and split its output into answers.

osqueryi prints the rows of all statements of an argument in one array, without a sign where one
ends and the next begins (``shell_exec`` in osquery's ``devtools/shell.cpp`` prints once, after the
last statement). So a statement that gives one marked row follows each question. A missing, extra or
misplaced marker, whatever the cause, makes the whole output unbelievable.
"""

import codecs
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from portproof.model.observation import Row

MARKER: Final = "portproof_answered"
"""The only column of a marker row. Names of columns come from the SQL, never from the host."""

_ARRAY_END: Final = "\n]\n"
_LENIENT: Final = "portproof.json"
_ROWS: Final = msgspec.json.Decoder(list[Row])


class OsqueryiOutputError(ValueError):
    """The output is not what osqueryi prints, or is incomplete."""


def one_argument(questions: Sequence[str]) -> str:
    """Join questions into one argument for osqueryi, each followed by its marker.

    It begins with a space, because a leading ``-`` would be a flag and a leading ``.`` a command of
    the shell. Separators stand on lines of their own, where no comment can swallow them.
    """
    statements = (
        statement
        for number, sql in enumerate(questions)
        for statement in (sql.strip().rstrip("; \t\r\n"), f"SELECT '{number}' AS {MARKER}")
    )
    return " " + "\n;\n".join(statements)


def read_answers(output: bytes | bytearray, count: int) -> list[list[Row]]:
    """Return the rows of each of ``count`` questions that were joined in one argument.

    Raises:
        OsqueryiOutputError: the output is not JSON as osqueryi prints it, a value is not text, or
            the answers are not exactly those to the questions.
    """
    answers: list[list[Row]] = []
    rows: list[Row] = []
    for row in _rows(output):
        if MARKER not in row:
            rows.append(row)
            continue
        if row != {MARKER: str(len(answers))}:
            raise OsqueryiOutputError("an answer is missing or in the wrong place")
        answers.append(rows)
        rows = []
    if rows or len(answers) != count:
        raise OsqueryiOutputError(f"{len(answers)} answers came to {count} questions")
    return answers


def _rows(output: bytes | bytearray) -> Iterable[Row]:
    text = output.decode("utf-8", _LENIENT).replace("\r\n", "\n")
    *arrays, rest = text.split(_ARRAY_END)
    if rest or not arrays:
        raise OsqueryiOutputError("it does not end where an array of rows ends")
    try:
        return [row for array in arrays for row in _ROWS.decode(array + _ARRAY_END)]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise OsqueryiOutputError(str(error)) from error


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Apply ``backslashreplace`` inside a JSON string, where a backslash is escaped."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(rf"\\x{byte:02x}" for byte in bad), error.end


codecs.register_error(_LENIENT, _escaped)
