"""Ask osquery who is behind processes, where portproof's own probe cannot.

The questions come in rounds: first the processes, then what they lead to, by paths and ids only,
and their parents, one level per round. No table is joined with another. The tables and columns are
those of osquery's ``specs/*.table``. A table that is missing or fails is reported, and the rest is
still found. osquery sees the host's files, so files of containers are not asked about.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from portproof.agent.package_owners import aliases_of
from portproof.agent.units import unit_of
from portproof.investigate.osquery_processes import read, socket_name
from portproof.investigate.rows import MOST_LEVELS, Rows, level_id, number
from portproof.model.observation import Answer, Platform

__all__ = ["more_questions", "questions", "read"]

_LONGEST_PATH: Final = 4096
_PLAIN: Final = re.compile(r"[A-Za-z0-9@:._+\\-]{1,255}")

_PROCESSES: Final = (
    "SELECT pid, name, path, cmdline, uid, start_time, on_disk, parent FROM processes"
    " WHERE pid IN ({})"
)
_FOLDERS: Final = "SELECT pid, cwd FROM processes WHERE pid IN ({})"
"""Asked separately, because psutil does not give it to the embedded probe."""

_FIRST: Final = {
    Platform.LINUX: {
        "why-cgroups": "SELECT pid, cgroup_path FROM processes WHERE pid IN ({})",
        "why-namespaces": (
            "SELECT pid, mnt_namespace, pid_namespace FROM process_namespaces WHERE pid IN (1, {})"
        ),
    },
    Platform.MACOS: {},
    Platform.WINDOWS: {
        "why-services": (
            "SELECT name, display_name, user_account, pid FROM services WHERE pid IN ({})"
        ),
    },
}
_BY_PATH: Final = {
    "why-files": "SELECT path, uid, mode, size, mtime FROM file WHERE path IN ({})",
    "why-hashes": "SELECT path, sha256 FROM hash WHERE path IN ({})",
}
_BY_PATH_ON: Final = {
    Platform.LINUX: {
        "why-rpm-files": "SELECT package, path, sha256 FROM rpm_package_files WHERE path IN ({})",
    },
    Platform.MACOS: {
        "why-signatures": (
            "SELECT path, signed, authority FROM signature"
            " WHERE hash_resources = 0 AND path IN ({})"
        ),
        "why-launchd": "SELECT label, program FROM launchd WHERE program IN ({})",
    },
    Platform.WINDOWS: {
        "why-signatures": "SELECT path, result, subject_name FROM authenticode WHERE path IN ({})",
    },
}
_DEB_FILES: Final = "SELECT package, path FROM deb_package_files WHERE path IN ({})"
_ARGUMENTS: Final = "SELECT label, program_arguments FROM launchd WHERE {}"
_COUNTS: Final = {
    "why-deb-count": "SELECT count(*) AS packages FROM deb_packages",
    "why-rpm-count": "SELECT count(*) AS packages FROM rpm_packages",
}
_USERS: Final = "SELECT uid, username FROM users WHERE uid IN ({})"
_UNITS: Final = "SELECT id, sub_state FROM systemd_units WHERE id IN ({})"
_CONTAINERS: Final = "SELECT id, name, image FROM docker_containers WHERE id IN ({})"
_DEBS: Final = {
    "why-deb-versions": ("SELECT name, version FROM deb_packages WHERE name IN ({})", "{}"),
    "why-deb-lists": (
        "SELECT path, mtime FROM file WHERE path IN ({})",
        "/var/lib/dpkg/info/{}.list",
    ),
}
_RPMS: Final = {
    "why-rpm-versions": (
        "SELECT name, version, release, install_time FROM rpm_packages WHERE name IN ({})",
        "{}",
    ),
}


def questions(platform: Platform, pids: Iterable[int]) -> dict[str, str]:
    """Return the first round: SQL by question id, or nothing without a process."""
    asked = _numbers(pids)
    if not asked:
        return {}
    first = {level_id(0): _PROCESSES, "why-folders": _FOLDERS, **_FIRST[platform]}
    return {name: sql.format(asked) for name, sql in first.items()}


def more_questions(platform: Platform, answers: Mapping[str, Answer]) -> dict[str, str]:
    """Return the next round, given the answers so far; empty when nothing is left to ask."""
    rows = Rows(platform, answers)
    rounds = (_parents(rows), _details(rows), _versions(rows))
    wanted = {name: sql for each in rounds for name, sql in each}
    return {name: sql for name, sql in wanted.items() if name not in answers}


def _parents(rows: Rows) -> Iterator[tuple[str, str]]:
    unknown = rows.unknown_parents(rows.last_level)
    if unknown and rows.last_level < MOST_LEVELS:
        yield level_id(rows.last_level + 1), _PROCESSES.format(_numbers(unknown))


def _details(rows: Rows) -> Iterator[tuple[str, str]]:
    uids = {number(row.get("uid")) for row in rows.asked.values()} - {None}
    if uids:
        yield "why-users", _USERS.format(_numbers(uid for uid in uids if uid is not None))
    paths = [path for path in rows.paths() if "\0" not in path and len(path) <= _LONGEST_PATH]
    if paths:
        yield from _about_files(rows, paths)
    units = {unit_of(group) for group in rows.groups.values()}
    sockets = _plain(socket_name(unit) for unit in units if unit.endswith(".service"))
    if sockets:
        yield "why-units", _UNITS.format(_texts(sockets))
    containers = [rows.container(pid) for pid in rows.asked]
    ids = _plain(found["id"] for found in containers if found)
    if ids:
        yield "why-containers", _CONTAINERS.format(_texts(ids))


def _about_files(rows: Rows, paths: list[str]) -> Iterator[tuple[str, str]]:
    for name, sql in (_BY_PATH | _BY_PATH_ON[rows.platform]).items():
        # If the executable was deleted, the file at its path now is another one.
        meant = [path for path in paths if name != "why-hashes" or rows.is_on_disk(path)]
        if meant:
            yield name, sql.format(_texts(meant))
    if rows.platform is Platform.LINUX:
        yield "why-deb-files", _DEB_FILES.format(_texts(a for p in paths for a in aliases_of(p)))
        yield from _COUNTS.items()
    if rows.platform is Platform.MACOS:
        starts = (f"instr(program_arguments, {_text(path)}) = 1" for path in paths)
        yield "why-launchd-arguments", _ARGUMENTS.format(" OR ".join(starts))


def _versions(rows: Rows) -> Iterator[tuple[str, str]]:
    for files, wanted in (("why-deb-files", _DEBS), ("why-rpm-files", _RPMS)):
        packages = _plain(row.get("package", "") for row in rows.of(files))
        for name, (sql, form) in wanted.items():
            if packages:
                yield name, sql.format(_texts(form.format(package) for package in packages))


def _plain(names: Iterable[str]) -> list[str]:
    """Return the names that are nothing but plain names."""
    return sorted({name for name in names if _PLAIN.fullmatch(name)})


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(values))))


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))


def _text(value: str) -> str:
    """Quote a text as an SQL literal: only quotes need doubling."""
    return "'" + value.replace("'", "''") + "'"
