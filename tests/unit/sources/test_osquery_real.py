"""The stand-ins held against answers of a real osquery 5.23, and portproof's reading of those."""

import json
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from portproof.model.observation import LISTENING_SOCKETS, Observed
from support.paths import CASES
from support.standins.host import HOST, listening_sockets
from support.standins.looks import reply_of, source_of
from support.standins.osqueryd import Osqueryd
from support.standins.schema import database, exit_code, run

REAL = CASES / "osquery"
ODD = {
    "name": 'odd \udcff"\\\\\\n name',  # as the kernel escapes it
    "path": '/opt/h/OSQ/t/odd \udcff"\\\n name',
    "cmdline": 'odd \udcfe\udcff arg "q" \\ \n\t 1000',
}
CALLS = sorted(path.stem for path in REAL.glob("*.request"))


@pytest.mark.parametrize("call", CALLS)
def test_the_stand_in_replies_as_the_real_one_did(tmp_path: Path, call: str) -> None:
    """Byte by byte: values, errors, statements without rows and several at once."""
    real = REAL.joinpath(call).with_suffix(".reply").read_bytes()
    with Osqueryd(tmp_path / "em", {**HOST, "processes": [ODD]}) as server:
        _, reply = server._reply(calls(REAL.joinpath(call).with_suffix(".request").read_bytes()))
    assert without_name(reply) == without_name(real)


def calls(request: bytes) -> TBinaryProtocol:
    """A call, as the server reads it."""
    return TBinaryProtocol(TMemoryBuffer(request), string_length_limit=None)


def without_name(reply: bytes) -> bytes:
    """Leave out the head of a message: its version, method and number."""
    (length,) = struct.unpack("!i", reply[4:8])
    return reply[8 + length + 4 :]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nowhere", 1),
        ("SELECT * FROM hash", 19),
        ("ATTACH 'x' AS y", 23),
    ],
)
def test_errors_of_the_shell_have_the_exit_codes_of_the_real_one(sql: str, code: int) -> None:
    """SQLite's own, and one for a column that a table needs."""
    with pytest.raises(sqlite3.Error) as error:
        list(run(database({}), sql))
    assert exit_code(error.value) == code


def test_the_shell_writes_doubles_as_sqlite_does() -> None:
    """Over Thrift they look otherwise."""
    sql = "SELECT 1e300 AS a, 1e999 AS b, 1.0/3 AS c, 2.0 AS d"
    row = {"a": "1.0e+300", "b": "Inf", "c": "0.333333333333333", "d": "2.0"}
    printed = run(database({}), sql, as_shell=True)
    assert list(printed) == [row]


def real_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a table of the real one's."""
    rows: list[dict[str, Any]] = json.loads(REAL.joinpath(f"{name}.json").read_text())
    return rows


def test_owners_of_a_real_host_are_all_named(tmp_path: Path) -> None:
    """A socket that three processes hold, and two whose owner osquery does not name."""
    rows = {
        **HOST,
        "process_open_sockets": real_rows("process_open_sockets"),
        "file": [{**row, "type": "socket"} for row in real_rows("socket_holders")],
    }
    with Osqueryd(tmp_path / "em", rows) as server:
        reply = reply_of(source_of(server).look({LISTENING_SOCKETS: listening_sockets()}))
    answer = reply.answers[LISTENING_SOCKETS]
    assert isinstance(answer, Observed)
    assert reply.doubts == {}
    held = {(row["port"], row["pid"]) for row in answer.rows}
    assert {pid for port, pid in held if port == "2011"} == {"4", "101", "105"}
    assert {("2017", "115"), ("2018", "118"), ("2013", "-1")} <= held
    assert {("2017", "-1"), ("2018", "-1")}.isdisjoint(held)
