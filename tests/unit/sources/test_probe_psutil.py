"""The probe that psutil tells, tested on Linux with what the tests opened."""

import importlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest
import yaml

from portproof.model.observation import Platform, Reason, Unobserved
from portproof.sources import probe_psutil
from portproof.sources.osquery_schema import SCHEMA
from portproof.sources.probe import Collected, checked
from portproof.sources.sqltables import answer
from support.paths import ROOT

SHIPPED = yaml.safe_load((ROOT / "checks" / "listening-sockets.yml").read_text())["sql"]
TABLES = ["process_open_sockets", "listening_ports", "processes", "users"]


def collected(module: ModuleType, *names: str) -> Collected:
    """What the probe told, which must have the shape that is understood."""
    found = checked(module.collect(names))
    assert isinstance(found, Collected), found
    return found


def rows(found: Collected, table: str) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    columns = found.tables[table].columns
    return [dict(zip(columns, row, strict=True)) for row in found.tables[table].rows]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """The module as it is loaded on another platform."""

    def load(platform: str) -> ModuleType:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "platform", platform)
            return importlib.reload(probe_psutil)

    yield load
    importlib.reload(probe_psutil)


def test_columns_are_osquerys_and_rows_fill_them() -> None:
    """All of them, with at least a row each."""
    found = collected(probe_psutil, *TABLES, "hash")
    assert set(found.tables) == set(TABLES)
    assert set(found.missing) == {"hash"}
    for name, table in found.tables.items():
        declared = {part.split()[0] for part in SCHEMA[Platform.MACOS][name].split(",")}
        assert set(table.columns) <= declared
        assert table.rows
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_process_is_told() -> None:
    """This one."""
    (row,) = [
        row
        for row in rows(collected(probe_psutil, "processes"), "processes")
        if row["pid"] == os.getpid()
    ]
    me = psutil.Process()
    assert (row["path"], row["on_disk"]) == (me.exe(), 1)
    assert (row["uid"], row["euid"], row["parent"]) == (os.getuid(), os.geteuid(), os.getppid())
    assert row["start_time"] == int(me.create_time())
    assert row["cmdline"].startswith(me.cmdline()[0])


def test_a_named_unix_socket_is_told(tmp_path: Path) -> None:
    """A question about one must not be answered with nothing."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        found = collected(probe_psutil, "process_open_sockets", "listening_ports")
    for table in ("process_open_sockets", "listening_ports"):
        told = [row for row in rows(found, table) if row["path"] == path]
        assert [(row["family"], row["pid"]) for row in told] == [(1, os.getpid())]


def test_a_refusal_is_incomplete_and_ones_own_sockets_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on macOS without root: the whole is refused, and most processes are."""
    mine = os.getpid()
    one_by_one = psutil.Process.net_connections

    def refuse(*_: object) -> None:
        raise psutil.AccessDenied

    def refuse_others(process: psutil.Process, kind: str) -> object:
        if process.pid != mine:
            raise psutil.AccessDenied(process.pid)
        return one_by_one(process, kind)

    monkeypatch.setattr(psutil, "net_connections", refuse)
    monkeypatch.setattr(psutil.Process, "net_connections", refuse_others)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = collected(probe_psutil, "process_open_sockets")
    told = rows(found, "process_open_sockets")
    assert {row["pid"] for row in told} == {mine}
    assert port in {row["local_port"] for row in told if row["state"] == "LISTEN"}
    (fault,) = found.incomplete
    assert fault.endswith("processes: access denied")


def test_a_table_that_is_refused_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an empty one."""

    def refuse(*_: object) -> None:
        raise psutil.AccessDenied(1, "launchd", "refused")

    monkeypatch.setattr(psutil, "process_iter", refuse)
    found = collected(probe_psutil, "processes")
    assert (found.tables, set(found.missing)) == ({}, {"processes"})


def connection(kind: socket.SocketKind, status: str, **changes: object) -> SimpleNamespace:
    """A socket as psutil tells it."""
    told = {
        "fd": -1,
        "family": socket.AF_INET6,
        "type": kind,
        "laddr": ("2001:db8::5", 609),
        "raddr": ("2001:db8::9", 443),
        "status": status,
        "pid": 9,
    }
    return SimpleNamespace(**(told | changes))


def test_sockets_of_windows_have_osquerys_values(
    on: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Family 23, no descriptor, and for UDP a remote address of 0 and no state."""
    module = on("win32")
    found = [
        connection(socket.SOCK_STREAM, psutil.CONN_SYN_RECV),
        connection(socket.SOCK_STREAM, "DELETE_TCB"),
        connection(socket.SOCK_DGRAM, psutil.CONN_NONE, raddr=()),
    ]
    monkeypatch.setattr(psutil, "net_connections", lambda _kind: found)
    told = collected(module, "process_open_sockets", "listening_ports")
    assert told.platform is Platform.WINDOWS
    sockets = rows(told, "process_open_sockets")
    assert {(row["family"], row["fd"], row["socket"], row["path"]) for row in sockets} == {
        (23, None, None, None)
    }
    assert [row["state"] for row in sockets] == ["SYN_RCVD", "DELETE_TCB", None]
    assert (sockets[2]["remote_address"], sockets[2]["remote_port"]) == ("0", 0)
    listening = rows(told, "listening_ports")
    assert [(row["port"], row["fd"], row["socket"]) for row in listening] == [(609, 0, 0)] * 3


def test_sockets_of_macos_have_osquerys_values(
    on: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Family 10 whatever the system's own number, and a wildcard for what is not connected."""
    module = on("darwin")
    found = [connection(socket.SOCK_STREAM, psutil.CONN_LISTEN, fd=7, raddr=())]
    monkeypatch.setattr(psutil, "net_connections", lambda _kind: found)
    told = collected(module, "process_open_sockets")
    assert told.platform is Platform.MACOS
    (row,) = rows(told, "process_open_sockets")
    assert (row["family"], row["fd"], row["remote_address"], row["state"]) == (
        10,
        7,
        "::",
        "LISTEN",
    )


def test_windows_has_no_table_of_users(
    on: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a question that needs one is unobserved, not answered without names."""
    monkeypatch.setitem(sys.modules, "pwd", None)
    found = collected(on("win32"), *TABLES)
    assert set(found.missing) == {"users"}
    told = answer(SHIPPED["windows"], Platform.WINDOWS, found.tables, 300.0, 100)
    assert isinstance(told, Unobserved)
    assert told.reason == Reason.MISSING_TABLE
