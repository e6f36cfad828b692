"""The probe's tables of processes, users and the host, as osquery would fill them."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from portproof.agent import system
from portproof.agent.tables import collect
from portproof.model.observation import Platform
from portproof.sources.osquery_schema import SCHEMA
from support.fakeproc import HEAD, PACKET_HEAD, UNIX_HEAD, Proc, line, rows

TABLES = [*SCHEMA[Platform.LINUX]]


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """A proc file system with a process 1 that has no sockets."""
    return Proc(tmp_path)


def test_a_process_is_told_as_osquery_tells_it(proc: Proc) -> None:
    """Ids are real, effective and saved; sizes are in bytes; the start is in seconds since 1970."""
    proc.put("1/stat", f"1 (a) b) S 7 8 9 0 -1 0 0 0 0 0 300 50 0 0 20 -5 4 0 100{'00' * 2} 0 0\n")
    proc.put("1/cmdline", "nginx\0-g\0daemon off;\0")
    proc.put("1/cgroup", "0::/system.slice/nginx.service\n1:name=x:/other\n")
    proc.link("1/cwd", "/srv")
    tick = os.sysconf("SC_CLK_TCK")
    found = proc.collect("processes", "processes.cwd", "processes.cgroup_path", "processes.root")
    (row,) = rows(found, "processes")
    assert row == {
        "pid": 1,
        "name": "name",
        "path": "",
        "cmdline": "nginx -g daemon off;",
        "state": "S",
        "uid": 1,
        "euid": 2,
        "suid": 3,
        "gid": 5,
        "egid": 6,
        "sgid": 7,
        "on_disk": -1,
        "wired_size": 0,
        "resident_size": 10240,
        "total_size": 20480,
        "user_time": 300 * 1000 // tick,
        "system_time": 50 * 1000 // tick,
        "start_time": 1700000000 + 1000000 // tick,
        "parent": 7,
        "pgroup": 8,
        "threads": 4,
        "nice": -5,
        "cgroup_path": "/system.slice/nginx.service",
        "cwd": "/srv",
        "root": "",
    }


def test_columns_that_were_not_asked_for_are_unknown(proc: Proc) -> None:
    """They cost more than the rest together; a question that reads one names it."""
    columns = proc.collect("processes")["tables"]["processes"]["columns"]
    assert not {"cwd", "root", "cgroup_path"} & set(columns)


def test_a_start_without_a_boot_time_is_unknown(proc: Proc) -> None:
    """Then it is -1, as in osquery."""
    proc.put("stat", "cpu 1 2 3\n")
    assert [row["start_time"] for row in rows(proc.collect("processes"), "processes")] == [-1]


@pytest.mark.parametrize(
    ("link", "there", "path", "on_disk"),
    [
        ("/bin/x", ["bin/x"], "/bin/x", 1),
        ("/bin/x", [], "/bin/x", 0),
        ("/bin/x (deleted)", [], "/bin/x", 0),
        ("/bin/x (deleted)", ["bin/x"], "/bin/x", 0),
        ("/bin/x (deleted)", ["bin/x (deleted)"], "/bin/x", 0),
    ],
)
def test_a_program_is_looked_for_in_the_root_of_its_process(
    proc: Proc, link: str, there: list[str], path: str, on_disk: int
) -> None:
    """A container's program is on disk, though not on ours; a deleted one is named as it was."""
    proc.link("1/exe", link)
    for name in there:
        proc.put(f"1/root/{name}", "")
    (row,) = rows(proc.collect("processes"), "processes")
    assert (row["path"], row["on_disk"]) == (path, on_disk)


def test_a_program_whose_name_ends_like_a_deleted_one_is_on_disk(proc: Proc) -> None:
    """It is the very file that runs."""
    name = proc.root / "x (deleted)"
    name.touch()
    proc.link("1/exe", str(name))
    proc.link("1/root", "/")
    (row,) = rows(proc.collect("processes"), "processes")
    assert (row["path"], row["on_disk"]) == (str(name), 1)


def test_a_kernel_thread_is_root_and_has_no_program(proc: Proc) -> None:
    """Its status is not read; its name is the one in brackets."""
    (proc.root / "1/status").unlink()
    proc.put("1/stat", f"1 (kworker/0:1) I 2 0 0 0 -1 {1 << 21} {'0 ' * 12}1 0 100 0 0\n")
    (row,) = rows(proc.collect("processes"), "processes")
    told = (row["name"], row["uid"], row["path"], row["on_disk"], row["total_size"])
    assert told == ("kworker/0:1", 0, "", -1, None)


def test_listening_ports_are_osquerys(proc: Proc) -> None:
    """Its filter does not look at the state, and keeps named unix and all packet sockets."""
    entry = "0000000000000000: 00000002 00000000 00010000 0001 01"
    proc.put("1/net/tcp", HEAD + line(1) + line(2, state="07").replace(":0000 07", ":0001 07"))
    proc.put("1/net/udp6", HEAD + line(3, "0" * 32 + ":0035", "07"))
    proc.put("1/net/unix", f"{UNIX_HEAD}{entry} 4 /run/a\n{entry} 5\n")
    proc.put("1/net/packet", f"{PACKET_HEAD}0000000000000000 3 3 0003 2 1 0 0 6\n")
    found = rows(proc.collect("listening_ports"), "listening_ports")
    told = [(row["socket"], row["port"], row["address"], row["path"]) for row in found]
    assert told == [
        (1, 609, "127.0.0.1", None),
        (3, 53, "::", None),
        (0, 0, None, "/run/a"),
        (6, 0, "", None),
    ]


def test_namespaces_of_a_process_are_told_or_unknown(proc: Proc) -> None:
    """What cannot be read is NULL, as in osquery."""
    proc.link("1/ns/pid", "pid:[77]")
    (row,) = rows(proc.collect("process_namespaces"), "process_namespaces")
    assert (row["net_namespace"], row["pid_namespace"], row["mnt_namespace"]) == ("10", "77", None)


def test_a_user_of_a_directory_service_is_told_when_it_owns_a_process(
    proc: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such users are not in the list, but osquery finds them one by one."""
    monkeypatch.setattr(pwd, "getpwall", list)
    local = pwd.getpwuid(1)
    found = proc.collect("users", "processes")
    assert [(row["uid"], row["username"]) for row in rows(found, "users")] == [(1, local.pw_name)]
    assert rows(proc.collect("users"), "users") == []


def test_the_tables_of_the_host_are_filled() -> None:
    """Each has osquery's columns, or some of them, and a row, but where there is no rpm."""
    found = collect(TABLES)
    tables: Any = found["tables"]
    assert (set(tables), found["missing"]) == (set(TABLES), {})
    for name, table in tables.items():
        declared = [part.split()[0] for part in SCHEMA[Platform.LINUX][name].split(",")]
        assert set(table["columns"]) <= set(declared)
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
        assert table["rows"] or name == "rpm_packages", name


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (
            {"/etc/os-release": 'NAME="Debian"\nVERSION_ID="12"\nVERSION="12 (b)"\nID=debian\n'},
            ("Debian", "12 (b)", 12, 0, 0, "debian", None),
        ),
        (
            {"/etc/os-release": "NAME=U\nVERSION_ID='22.04'\nID_LIKE=debian\nUBUNTU_CODENAME=j\n"},
            ("U", None, 22, 4, 0, None, "j"),
        ),
        (
            {
                "/etc/os-release": "NAME=x\nID=almalinux\nVERSION_ID=8.5\n",
                "/etc/redhat-release": "AlmaLinux OS release 8.5 (Arctic)\n",
            },
            ("AlmaLinux OS", "AlmaLinux OS release 8.5 (Arctic)", 8, 5, 0, "rhel", None),
        ),
        (
            {"/etc/os-release": "NAME=C\nVERSION_ID=9\n", "/etc/redhat-release": "CentOS Stream 9"},
            ("C", "CentOS Stream 9", 9, 0, 0, "rhel", None),
        ),
    ],
)
def test_the_system_is_told_as_osquery_tells_it(
    monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str], told: tuple[object, ...]
) -> None:
    """From os-release, and where there is one from redhat-release."""

    def read(path: str, _longest: int = 0) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    monkeypatch.setattr(system, "_file", read)
    found = collect(["os_version"])
    (row,) = rows(found, "os_version")
    columns = ("name", "version", "major", "minor", "patch", "platform", "codename")
    assert tuple(row[column] for column in columns) == told


def test_a_system_that_cannot_be_told_is_a_missing_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where osquery makes up a row: a file that was not read is not a fact."""

    def read(path: str, _longest: int = 0) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(system, "_file", read)
    found: Any = collect(["os_version"])
    assert (found["tables"], set(found["missing"])) == ({}, {"os_version"})


def test_services_are_parsed_as_osquery_parses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, port, protocol, aliases and comment; lines that are none are passed over."""
    text = "# a comment\n\nhttp 80/tcp www web # the # web\nbad line\nsunrpc\t111/udp\n"
    monkeypatch.setattr(system, "_file", lambda _path: text)
    found = rows(collect(["etc_services"]), "etc_services")
    assert [tuple(row.values()) for row in found] == [
        ("http", 80, "tcp", "www web", "the # web"),
        ("sunrpc", 111, "udp", "", None),
    ]


RPM = """#!/bin/sh
[ "$1 $2" = "-qa --queryformat" ] || exit 9
printf 'xinetd\\t2.3\\t1\\tx.src.rpm\\tx86_64\\t(none)\\t1700000000\\tRed Hat\\tUnspecified\\n'
"""


def test_red_hat_packages_are_what_rpm_prints(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stand-in for rpm answers in the form it was asked for."""
    give_rpm(monkeypatch, tmp_path, RPM)
    (row,) = rows(collect(["rpm_packages"]), "rpm_packages")
    told = {"name": "xinetd", "version": "2.3", "release": "1", "epoch": None, "vendor": "Red Hat"}
    assert told.items() <= row.items()


def test_an_rpm_that_fails_leaves_its_table_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A database that cannot be read is not an empty one."""
    give_rpm(monkeypatch, tmp_path, "#!/bin/sh\nexit 1\n")
    found: Any = collect(["rpm_packages"])
    assert (found["tables"], set(found["missing"])) == ({}, {"rpm_packages"})


def give_rpm(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Let this machine have a database of rpm's, and this program for it."""
    program = folder / "rpm"
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(system, "_RPM_FOLDERS", (str(folder),))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_dpkg_database_that_is_too_long_is_a_missing_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A part of the packages would look like all of them."""
    monkeypatch.setattr(system, "LONG", 100)
    found: Any = collect(["deb_packages"])
    assert set(found["missing"]) == {"deb_packages"}


def test_a_row_of_another_length_than_its_table_is_a_missing_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Values that slid into other columns must not be believed, whichever columns are asked for."""
    give_rpm(monkeypatch, tmp_path, RPM.replace("Red Hat", "Red\\tHat"))
    found: Any = collect(["rpm_packages.name"])
    assert (found["tables"], set(found["missing"])) == ({}, {"rpm_packages"})
