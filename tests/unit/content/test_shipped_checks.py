"""The SQL of the shipped checks on SQLite with osquery's tables: what it names, and what not."""

import sqlite3
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
import yaml

from portproof.content.load import load
from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    Platform,
    Unobserved,
)
from portproof.policy.checks import Check
from portproof.policy.policy import Policy
from portproof.sources.osquery_schema import SCHEMA
from portproof.sources.sqltables import columns_read
from support.for_each import for_each
from support.paths import CASES, ROOT
from support.standins.schema import database, run

CHECK_CASES = CASES / "checks"
HOST, OTHER = 1, 22
SSHD = {
    Platform.LINUX: "/usr/sbin/sshd",
    Platform.MACOS: "/usr/sbin/sshd",
    Platform.WINDOWS: r"C:\Windows\System32\OpenSSH\sshd.exe",
}
EMPTY: dict[str, list[dict[str, Any]]] = {}
ORDINARY: dict[str, list[dict[str, Any]]] = {
    "deb_packages": [{"name": "bash", "version": "5", "status": "install ok installed"}],
    "homebrew_packages": [{"name": "git", "version": "2"}],
    "services": [{"name": "EventLog", "start_type": "AUTO_START"}],
    "launchd": [{"label": "com.apple.logd", "path": "/logd.plist", "disabled": ""}],
    "plist": [{"path": "/logd.plist", "key": "Label", "value": "com.apple.logd"}],
}


class Case(NamedTuple):
    """A check, the platform it is asked on, and what a host has."""

    check: str
    platform: Platform
    given: dict[str, Any]


@cache
def checks() -> dict[str, Check]:
    """The shipped checks by their ids."""
    content = load([ROOT / "policies"], [ROOT / "checks"])
    content.raise_problems()
    return {name: check for name, check in content.check_by_id().items() if is_hygiene(name)}


def is_hygiene(name: str) -> bool:
    """Whether a check is one of those with cases: all but what port rules are judged on."""
    return name not in {LISTENING_SOCKETS, PUBLISHED_PORTS}


@cache
def cases() -> list[Case]:
    """Return every case of every file, on each platform that it is for."""
    return [case for name, check in checks().items() for case in cases_of(name, check)]


def cases_of(name: str, check: Check) -> Iterator[Case]:
    """Yield the cases of a check's file."""
    text = CHECK_CASES.joinpath(f"{name}.yml").read_text(encoding="utf-8")
    for given in yaml.safe_load(text):
        own = [Platform(given["platform"])] if "platform" in given else list(Platform)
        yield from (Case(name, system, given) for system in own if check.sql_on(system))


def called(case: Case) -> str:
    """The name of a test."""
    return f"{case.check}-{case.platform}-{case.given['case']}"


def rows_of(case: Case) -> dict[str, list[dict[str, Any]]]:
    """The rows of a host with everything that is filled in."""
    given = case.given
    processes = [
        {"pid": 100 + place, "on_disk": 1, "uid": 0, "cmdline": "", "parent": 1} | process
        for place, process in enumerate(given.get("processes", ()))
    ]
    path = SSHD[case.platform]
    sshd = {"pid": OTHER, "name": "sshd", "path": path, "on_disk": 1, "uid": 0}
    first = {"pid": HOST, "name": "init", "path": "/sbin/init", "on_disk": 1, "uid": 0}
    processes += [sshd | {"cmdline": "sshd"}, first | {"cmdline": "init"}]
    namespaces = [
        {
            "pid": process["pid"],
            "pid_namespace": str(process.pop("pid_namespace", HOST)),
            "net_namespace": str(HOST),
        }
        for process in processes
    ]
    sockets = [socket({"port": 22, "pid": OTHER}), *map(socket, given.get("sockets", ()))]
    own = {
        "processes": processes,
        "process_namespaces": namespaces,
        "process_open_sockets": sockets,
        "users": given.get("users", []),
    }
    more = {name: ORDINARY.get(name, []) + rows for name, rows in given.get("tables", {}).items()}
    return ORDINARY | own | more


def socket(given: dict[str, Any]) -> dict[str, Any]:
    """A row of process_open_sockets."""
    protocol = given.get("protocol", 6)
    return {
        "pid": given.get("pid", 100 + given.get("by", 0)),
        "family": given.get("family", 2),
        "protocol": protocol,
        "local_address": given.get("address", "0.0.0.0"),
        "local_port": given["port"],
        "remote_address": given.get("remote_address", "0.0.0.0"),
        "remote_port": given.get("remote_port", 0),
        "state": given.get("state", "LISTEN" if protocol == 6 else ""),
        "net_namespace": str(given.get("net_namespace", HOST)),
    }


def asked(sql: str, rows: dict[str, list[dict[str, Any]]], platform: Platform) -> list[Any]:
    """The rows of an answer; tables have the columns of the platform."""
    if platform is not Platform.LINUX:
        bare = [
            {k: v for k, v in row.items() if k != "net_namespace"}
            for row in rows.get("process_open_sockets", [])
        ]
        rows = rows | {"process_open_sockets": bare}
    connection = database(rows)
    try:
        return list(run(connection, sql))
    finally:
        connection.close()


@for_each("case", cases, ids=called)
def test_a_check_names_what_its_case_says(case: Case) -> None:
    """Exactly the rows that are expected, each with the columns that are written."""
    check = checks()[case.check]
    rows = rows_of(case)
    seen = asked(str(check.sql_on(case.platform)), rows, case.platform)
    wanted = case.given.get("expect", [])
    assert [
        {column: row[column] for column in want} for row, want in zip(seen, wanted, strict=True)
    ] == wanted


@for_each("case", cases, ids=called)
@for_each("state", ["UNKNOWN", None])
def test_a_socket_that_tells_no_state_counts_as_one_that_listens(
    case: Case, state: str | None
) -> None:
    """It may listen, so a check names it all the same; to leave it out would be a false pass."""
    sql, rows = str(checks()[case.check].sql_on(case.platform)), rows_of(case)
    listening = [
        row | {"state": state} if row["state"] == "LISTEN" else row
        for row in rows["process_open_sockets"]
    ]
    unsure = rows | {"process_open_sockets": listening}
    assert asked(sql, unsure, case.platform) == asked(sql, rows, case.platform)


@for_each("name", checks)
@for_each("column", ["family", "protocol", "local_port", "remote_port"])
def test_a_socket_that_tells_no_family_protocol_or_port_counts_as_a_listener(
    name: str, column: str
) -> None:
    """Whatever a case has named is named when all of its sockets lack the column."""
    assert_named_without(name, column)


@for_each("name", ["root-interpreter-listeners", "unknown-root-listeners"])
def test_a_socket_that_tells_no_address_counts_as_one_from_outside(name: str) -> None:
    """These checks pass over loopback alone."""
    assert_named_without(name, "local_address")


def assert_named_without(name: str, column: str) -> None:
    """Insist that a check names something in each of its cases that do, without a column."""
    own = [case for case in cases() if case.check == name and case.given.get("expect")]
    for case in own:
        sql, rows = str(checks()[name].sql_on(case.platform)), rows_of(case)
        sockets = [row | {column: None} for row in rows["process_open_sockets"]]
        assert asked(sql, rows | {"process_open_sockets": sockets}, case.platform), case.given


@for_each("case", cases, ids=called)
def test_a_witness_is_seen_on_every_ordinary_host_and_on_no_empty_one(case: Case) -> None:
    """Whatever is wrong with a host, looking worked; where there is nothing to see, it did not."""
    witness = checks()[case.check].witness_on(case.platform)
    if witness is None:
        return
    assert asked(witness, rows_of(case), case.platform)
    assert not asked(witness, EMPTY, case.platform)


@for_each("column", ["net_namespace", "pid_namespace"])
def test_without_the_namespaces_a_check_compares_its_witness_is_not_seen(column: str) -> None:
    """Where the host's own namespace is not known, nothing is in it, and that proves nothing."""
    rows = rows_of(Case("", Platform.LINUX, {}))
    blind = [row | {column: ""} for row in rows["process_namespaces"]]
    asking = [
        check
        for check in checks().values()
        if f"SELECT {column} FROM" in (check.sql_on(Platform.LINUX) or "")
    ]
    assert asking
    for check in asking:
        witness = str(check.witness_on(Platform.LINUX))
        assert asked(witness, rows, Platform.LINUX), check.check
        seen = asked(witness, rows | {"process_namespaces": blind}, Platform.LINUX)
        assert not seen, check.check


@for_each("name", checks)
def test_a_check_has_cases_that_name_something_and_that_do_not(name: str) -> None:
    """On every platform that it has SQL for."""
    own = [case for case in cases() if case.check == name]
    for platform in (each for each in Platform if checks()[name].sql_on(each)):
        here = [case.given.get("expect", []) for case in own if case.platform is platform]
        assert [] in here
        assert any(here)


@for_each("name", checks)
def test_the_embedded_probe_answers_every_check_on_linux(name: str) -> None:
    """No osquery is needed where most hosts are."""
    check = checks()[name]
    for sql in (check.sql_on(Platform.LINUX), check.witness_on(Platform.LINUX)):
        assert sql is not None
        assert not isinstance(columns_read(sql, Platform.LINUX), Unobserved)


@for_each("platform", Platform)
def test_sql_reads_only_columns_a_platform_has(platform: Platform) -> None:
    """A column of another platform would be an error of the whole question."""
    for check in checks().values():
        sql = check.sql_on(platform)
        read = columns_read(sql, platform) if sql else {}
        if isinstance(read, Unobserved):
            assert "has no table" in read.detail
            continue
        assert set(read) <= set(SCHEMA[platform])


def test_hygiene_has_at_least_twelve_checks_and_each_is_used() -> None:
    """A check that no rule asks is never asked."""
    text = (ROOT / "policies" / "host-hygiene.yml").read_text(encoding="utf-8")
    policy = Policy.model_validate(yaml.safe_load(text))
    used = [getattr(rule, "check", "") for rule in policy.rules]
    assert sorted(used) == sorted(checks())
    assert len(used) >= 12


def test_cases_are_refused_columns_that_osquery_has_not() -> None:
    """A case with a typing error must not pass by it."""
    with pytest.raises((ValueError, sqlite3.Error)):
        asked("SELECT 1", {"processes": [{"nmae": "x"}]}, Platform.LINUX)
