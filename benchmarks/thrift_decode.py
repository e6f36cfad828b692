"""How long an answer of 100,000 rows takes: our adapter and osquery-python's own client.

Both ask the same stand-in server, in turn, and get the same bytes: rows of the shipped question for
listening sockets. Run it with ``python benchmarks/thrift_decode.py [ROWS]``.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import osquery
import yaml

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "tests"))

from portproof.model.observation import Observed  # noqa: E402 - after the path is set
from portproof.sources.thrift_client import OsquerydConnection  # noqa: E402 - after the path is set
from support.standins.osqueryd import Osqueryd, honest  # noqa: E402 - tests/ is no package
from support.standins.schema import Rows, Value  # noqa: E402 - tests/ is no package

_ROUNDS = 5
_HEADER = 17
_SMALL = "SELECT 1"


def rows_of_a_large_host(count: int) -> Rows:
    """Make listening sockets, each with a process of its own."""
    sockets: list[dict[str, Value]] = [
        {
            "pid": number,
            "fd": 5,
            "socket": 4_000_000 + number,
            "family": 2,
            "protocol": 6,
            "local_address": "0.0.0.0",  # noqa: S104 - data, nothing is bound
            "remote_address": "0.0.0.0",  # noqa: S104 - data, nothing is bound
            "local_port": 1 + number % 65535,
            "remote_port": 0,
            "state": "LISTEN",
            "net_namespace": "4026531840",
        }
        for number in range(count)
    ]
    return {"process_open_sockets": sockets}


def repeating(server: Osqueryd, sql: str) -> None:
    """Make a server answer everything with its answer to one query, worked out once."""
    bodies: list[bytes] = []

    def remember(text: str, reply: bytes) -> Iterator[bytes]:
        bodies.append(reply[_HEADER:])
        yield from honest(text, reply)

    def repeat(_text: str, reply: bytes) -> Iterator[bytes]:
        yield reply[:_HEADER]
        yield bodies[0]

    server.manner = remember
    ours(server)(sql)
    server.manner = repeat


def ours(server: Osqueryd) -> Callable[[str], int]:
    """Ask through our adapter; give the number of rows."""

    def ask(sql: str) -> int:
        with OsquerydConnection(str(server.path), timeout=60) as connection:
            answer = connection.ask(sql)
        return len(answer.rows) if isinstance(answer, Observed) else 0

    return ask


def theirs(server: Osqueryd) -> Callable[[str], int]:
    """Ask through osquery-python's own client; give the number of rows."""

    def ask(sql: str) -> int:
        client = osquery.ExtensionClient(str(server.path))
        client.open()
        try:
            return len(client.extension_manager_client().query(sql).response)
        finally:
            client.close()

    return ask


def seconds(ask: Callable[[str], int], expected: int) -> float:
    """Time one answer.

    Raises:
        RuntimeError: rows are missing, so that the figure means nothing.
    """
    begun = time.perf_counter()
    count = ask(_SMALL)
    elapsed = time.perf_counter() - begun
    if count != expected:
        raise RuntimeError(f"{count} rows came, not {expected}")
    return elapsed


def main() -> None:
    """Print the medians and their ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    sql = yaml.safe_load((_ROOT / "checks/listening-sockets.yml").read_text())["sql"]["linux"]
    with (
        tempfile.TemporaryDirectory() as folder,
        Osqueryd(Path(folder) / "osquery.em", rows_of_a_large_host(count)) as server,
    ):
        repeating(server, sql)
        times = [
            (seconds(ours(server), count), seconds(theirs(server), count)) for _ in range(_ROUNDS)
        ]
    mine, other = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{count} rows, medians of {_ROUNDS}")
    print(f"portproof's adapter     {mine * 1000:7.0f} ms")
    print(f"osquery-python's client {other * 1000:7.0f} ms")
    print(f"ratio                   {other / mine:7.1f}")


if __name__ == "__main__":
    main()
