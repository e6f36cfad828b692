"""A host in osquery's rows, and who is behind its processes asked in SQL, without a source."""

import sqlite3
from collections.abc import Mapping

from portproof.investigate.sql import more_questions, questions, read
from portproof.model.observation import Answer, Observed, Platform, Reason, Unobserved
from portproof.model.why import Why
from support.standins.schema import Rows, Value, database, run

ID = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
SHA = "ab" * 32
HOST_NAMESPACES = {"mnt_namespace": "4026531841", "pid_namespace": "4026531836"}
LINUX: Rows = {
    "osquery_info": [{"pid": 700, "version": "5.23.0"}],
    "processes": [
        {"pid": 700, "name": "osqueryd", "uid": 0, "euid": 0},
        {"pid": 1, "name": "systemd", "path": "/usr/lib/systemd/systemd", "parent": 0},
        {
            "pid": 812,
            "name": "npmp",
            "path": "/usr/sbin/npmp",
            "cmdline": "npmp -d",
            "cwd": "/srv",
            "uid": 33,
            "start_time": 1_700_000_000,
            "on_disk": 1,
            "parent": 1,
            "cgroup_path": "/system.slice/npmp.service",
        },
    ],
    "process_namespaces": [
        {"pid": 1, "net_namespace": "4026531840", **HOST_NAMESPACES},
        {"pid": 812, "net_namespace": "4026531840", **HOST_NAMESPACES},
    ],
    "users": [{"uid": 33, "username": "www-data"}],
    "file": [
        {
            "path": "/usr/sbin/npmp",
            "uid": 0,
            "mode": "0755",
            "size": 4096,
            "mtime": 1_600_000_000,
        },
        {"path": "/var/lib/dpkg/info/npmp.list", "mtime": 1_650_000_000},
    ],
    "hash": [{"path": "/usr/sbin/npmp", "sha256": SHA}],
    "deb_packages": [{"name": "npmp", "version": "1.0-2"}],
    "deb_package_files": [{"package": "npmp", "path": "/sbin/npmp"}],
    "systemd_units": [{"id": "npmp.socket", "sub_state": "running"}],
}


def ask(
    platform: Platform, rows: Rows, *pids: int, failing: Mapping[str, str] = {}
) -> tuple[dict[int, Why], list[str]]:
    """Ask in rounds until there is nothing left, and tell what was asked for."""
    tables = database(rows)
    answers: dict[str, Answer] = {}
    wanted = questions(platform, pids)
    said: list[str] = []
    while wanted:
        said += wanted.values()
        answers |= {name: answer(tables, sql, failing.get(name)) for name, sql in wanted.items()}
        wanted = more_questions(platform, answers)
    tables.close()
    return read(platform, answers), said


def answer(tables: sqlite3.Connection, sql: str, failure: str | None) -> Answer:
    """Answer a question as osquery would, or not at all."""
    if failure is not None:
        return Unobserved(Reason.MISSING_TABLE, failure)
    rows = tuple(run(tables, sql))
    return Observed(rows, len(rows))


def with_process(**changes: Value) -> Rows:
    """The host with another process 812."""
    processes = [dict(row) for row in LINUX["processes"]]
    processes[-1].update(changes)
    return {**LINUX, "processes": processes}
