"""The tables of osquery that the stand-ins answer from: Linux's, and a few of other platforms.

Names, order and types of columns are those of osquery 5: ``specs/process_open_sockets.table``,
``specs/listening_ports.table``, ``specs/processes.table``, ``specs/users.table``,
``specs/etc_services.table``, ``specs/linux/process_namespaces.table``,
``specs/utility/osquery_info.table`` and ``specs/utility/osquery_flags.table`` of osquery/osquery,
without their hidden columns; and likewise those in ``_MORE``, below ``specs``, ``specs/linux``,
``specs/posix``, ``specs/darwin`` and ``specs/windows``.
"""

import math
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence

Value = str | int | float | None
Rows = Mapping[str, Sequence[Mapping[str, Value]]]

_TEXT, _INTEGER, _BIGINT = "TEXT", "INTEGER", "BIGINT"

TABLES: dict[str, list[tuple[str, str]]] = {
    "process_open_sockets": [
        ("pid", _INTEGER),
        ("fd", _BIGINT),
        ("socket", _BIGINT),
        ("family", _INTEGER),
        ("protocol", _INTEGER),
        ("local_address", _TEXT),
        ("remote_address", _TEXT),
        ("local_port", _INTEGER),
        ("remote_port", _INTEGER),
        ("path", _TEXT),
        ("state", _TEXT),
        ("net_namespace", _TEXT),
    ],
    "listening_ports": [
        ("pid", _INTEGER),
        ("port", _INTEGER),
        ("protocol", _INTEGER),
        ("family", _INTEGER),
        ("address", _TEXT),
        ("fd", _BIGINT),
        ("socket", _BIGINT),
        ("path", _TEXT),
        ("net_namespace", _TEXT),
    ],
    "processes": [
        ("pid", _BIGINT),
        ("name", _TEXT),
        ("path", _TEXT),
        ("cmdline", _TEXT),
        ("state", _TEXT),
        ("cwd", _TEXT),
        ("root", _TEXT),
        ("uid", _BIGINT),
        ("gid", _BIGINT),
        ("euid", _BIGINT),
        ("egid", _BIGINT),
        ("suid", _BIGINT),
        ("sgid", _BIGINT),
        ("on_disk", _INTEGER),
        ("wired_size", _BIGINT),
        ("resident_size", _BIGINT),
        ("total_size", _BIGINT),
        ("user_time", _BIGINT),
        ("system_time", _BIGINT),
        ("disk_bytes_read", _BIGINT),
        ("disk_bytes_written", _BIGINT),
        ("start_time", _BIGINT),
        ("parent", _BIGINT),
        ("pgroup", _BIGINT),
        ("threads", _INTEGER),
        ("nice", _INTEGER),
        ("cgroup_path", _TEXT),
    ],
    "users": [
        ("uid", _BIGINT),
        ("gid", _BIGINT),
        ("uid_signed", _BIGINT),
        ("gid_signed", _BIGINT),
        ("username", _TEXT),
        ("description", _TEXT),
        ("directory", _TEXT),
        ("shell", _TEXT),
        ("uuid", _TEXT),
        ("type", _TEXT),
    ],
    "process_namespaces": [
        ("pid", _INTEGER),
        ("cgroup_namespace", _TEXT),
        ("ipc_namespace", _TEXT),
        ("mnt_namespace", _TEXT),
        ("net_namespace", _TEXT),
        ("pid_namespace", _TEXT),
        ("user_namespace", _TEXT),
        ("uts_namespace", _TEXT),
    ],
    "osquery_info": [
        ("pid", _INTEGER),
        ("uuid", _TEXT),
        ("instance_id", _TEXT),
        ("version", _TEXT),
        ("config_hash", _TEXT),
        ("config_valid", _INTEGER),
        ("extensions", _TEXT),
        ("build_platform", _TEXT),
        ("build_distro", _TEXT),
        ("start_time", _INTEGER),
        ("watcher", _INTEGER),
        ("platform_mask", _INTEGER),
    ],
    "osquery_flags": [
        ("name", _TEXT),
        ("type", _TEXT),
        ("description", _TEXT),
        ("default_value", _TEXT),
        ("value", _TEXT),
        ("shell_only", _INTEGER),
    ],
    "etc_services": [
        ("name", _TEXT),
        ("port", _INTEGER),
        ("protocol", _TEXT),
        ("aliases", _TEXT),
        ("comment", _TEXT),
    ],
}

_MORE = {
    "file": """path, directory, filename, inode BIGINT, uid BIGINT, gid BIGINT, mode,
        device BIGINT, size BIGINT, block_size INTEGER, atime BIGINT, mtime BIGINT, ctime BIGINT,
        btime BIGINT, hard_links INTEGER, symlink INTEGER, type, symlink_target_path""",
    "hash": "path, directory, md5, sha1, sha256",
    "deb_packages": """name, version, source, size BIGINT, arch, revision, status, maintainer,
        section, priority, admindir""",
    "deb_package_files": "package, path, admindir",
    "rpm_packages": """name, version, release, source, size BIGINT, sha1, arch, epoch INTEGER,
        install_time INTEGER, vendor, package_group""",
    "rpm_package_files": "package, path, username, groupname, mode, size BIGINT, sha256",
    "systemd_units": """id, description, load_state, active_state, sub_state, unit_file_state,
        following, object_path, job_id BIGINT, job_type, job_path, fragment_path, user,
        source_path""",
    "docker_containers": """id, name, image, image_id, command, created BIGINT, state, status, pid,
        path, config_entrypoint, started_at, finished_at, privileged INTEGER, security_options,
        env_variables, readonly_rootfs INTEGER, cgroup_namespace, ipc_namespace, mnt_namespace,
        net_namespace, pid_namespace, user_namespace, uts_namespace""",
    "docker_container_ports": "id, type, port INTEGER, host_ip, host_port INTEGER",
    "docker_version": """version, api_version, min_api_version, git_commit, go_version, os, arch,
        kernel_version, build_time""",
    "launchd": """path, name, label, program, run_at_load, keep_alive, on_demand, disabled,
        username, groupname, stdout_path, stderr_path, start_interval, program_arguments,
        watch_paths, queue_directories, inetd_compatibility, start_on_mount, root_directory,
        working_directory, process_type""",
    "plist": "key, subkey, value, path",
    "signature": """path, hash_resources INTEGER, hash_executable INTEGER, arch, signed INTEGER,
        identifier, cdhash, team_identifier, authority, entitlements""",
    "homebrew_packages": "name, path, version, type",
    "authenticode": "path, original_program_name, serial_number, issuer_name, subject_name, result",
    "services": """name, service_type, display_name, status, pid INTEGER, start_type,
        win32_exit_code INTEGER, service_exit_code INTEGER, path, module_path, description,
        user_account""",
}
"""More tables, a column being TEXT unless it says otherwise."""

TABLES |= {
    table: [(words[0], (words[1:] or [_TEXT])[0]) for words in map(str.split, columns.split(","))]
    for table, columns in _MORE.items()
}


def database(rows: Rows) -> sqlite3.Connection:
    """Open a database in memory that holds the rows; a column left out of a row is NULL.

    Text may carry bytes that are not UTF-8 as lone surrogates (``surrogateescape``), and comes back
    the same way. The connection may be used by any thread, one at a time.

    Raises:
        ValueError: osquery has no such table or column.
    """
    _check(rows)
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    for table, columns in TABLES.items():
        names = ", ".join(f"{name} {kind}" for name, kind in columns)
        connection.execute(f"CREATE TABLE {table} ({names})")
        _fill(connection, table, rows.get(table, ()))
    return connection


def _check(rows: Rows) -> None:
    for table, its_rows in rows.items():
        columns = {name for name, _ in TABLES.get(table, ())}
        for row in its_rows:
            if not row.keys() <= columns:
                raise ValueError(f"{table} has no column {sorted(row.keys() - columns)}")


def _fill(connection: sqlite3.Connection, table: str, rows: Sequence[Mapping[str, Value]]) -> None:
    columns = TABLES[table]
    # Text is bound as bytes, because the driver refuses lone surrogates.
    places = ", ".join("CAST(? AS TEXT)" if kind == _TEXT else "?" for _, kind in columns)
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO {table} VALUES ({places})",  # noqa: S608 - the name comes from TABLES
        ([_bound(row.get(name), kind) for name, kind in columns] for row in rows),
    )
    connection.execute("COMMIT")


def _bound(value: Value, kind: str) -> Value | bytes:
    if value is None or kind != _TEXT:
        return value
    return str(value).encode("utf-8", "surrogateescape")


def run(
    connection: sqlite3.Connection, sql: str, *, as_shell: bool = False
) -> Iterator[dict[str, str]]:
    """Carry out every statement in turn and give the rows as osquery does.

    Columns of one name collapse, names are sorted, and every value is text: decimal numbers,
    doubles with a fraction, NULL as empty, text and blobs up to a NUL. An error comes where SQLite
    meets it, perhaps after rows.

    Args:
        connection: The database.
        sql: What is asked.
        as_shell: Whether osqueryi prints the rows, which writes doubles as SQLite does.

    Raises:
        sqlite3.Error: the SQL is wrong or fails; ``code`` has the exit code of osqueryi.
    """
    for statement in _statements(sql.partition("\0")[0]):
        cursor = _execute(connection, statement)
        names = [column[0] for column in cursor.description or ()]
        for values in cursor:
            texts = [_as_text(value, as_shell) for value in values]
            yield dict(sorted(dict(zip(names, texts, strict=True)).items()))


def exit_code(error: sqlite3.Error) -> int:
    """Give the exit code of osqueryi after an error: SQLite's own, or that of a missing column."""
    if "required column" in str(error):
        return 19
    return 23 if str(error) == "not authorized" else 1


def _execute(connection: sqlite3.Connection, statement: str) -> sqlite3.Cursor:
    """Carry out a statement, unless osquery refuses it.

    Raises:
        sqlite3.Error: osquery or SQLite refuses it.
    """
    table = _UNBOUND.match(statement)
    if table is not None:
        text = f"Table {table[1]} was queried without a required column in the WHERE clause"
        raise sqlite3.OperationalError(text)
    if _ATTACH.match(statement):
        raise sqlite3.DatabaseError("not authorized")
    return connection.execute(statement)


_UNBOUND = re.compile(r"\s*select\b.*\bfrom\s+(hash|file)\s*;?\s*$", re.IGNORECASE | re.DOTALL)
_ATTACH = re.compile(r"\s*attach\b", re.IGNORECASE)


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for piece in sql.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip("; \n"):
        yield statement.removesuffix(";")


def _as_text(value: object, as_shell: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, float):
        return _sqlite_double(value) if as_shell else _thrift_double(value)
    return str(value).partition("\0")[0]


def _thrift_double(value: float) -> str:
    text = f"{value:.15g}"
    return text if "." in text else text + ".0"


def _sqlite_double(value: float) -> str:
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    number, sign, exponent = f"{value:.15g}".partition("e")
    return (number if "." in number else number + ".0") + sign + exponent
