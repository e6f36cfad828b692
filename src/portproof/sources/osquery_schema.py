"""The tables of osquery that the embedded probe knows, as osquery declares them.

Columns and types are those of osquery's ``specs/*.table`` (5.23), without its hidden columns. They
are SQL as they stand: osquery gives the same declarations to SQLite.
"""

from typing import Final

from portproof.model.observation import Platform

_SOCKETS: Final = (
    "pid INTEGER, fd BIGINT, socket BIGINT, family INTEGER, protocol INTEGER, local_address TEXT,"
    " remote_address TEXT, local_port INTEGER, remote_port INTEGER, path TEXT, state TEXT"
)
_LISTENING: Final = (
    "pid INTEGER, port INTEGER, protocol INTEGER, family INTEGER, address TEXT, fd BIGINT,"
    " socket BIGINT, path TEXT"
)
_PROCESSES: Final = (
    "pid BIGINT, name TEXT, path TEXT, cmdline TEXT, state TEXT, cwd TEXT, root TEXT, uid BIGINT,"
    " gid BIGINT, euid BIGINT, egid BIGINT, suid BIGINT, sgid BIGINT, on_disk INTEGER,"
    " wired_size BIGINT, resident_size BIGINT, total_size BIGINT, user_time BIGINT,"
    " system_time BIGINT, disk_bytes_read BIGINT, disk_bytes_written BIGINT, start_time BIGINT,"
    " parent BIGINT, pgroup BIGINT, threads INTEGER, nice INTEGER"
)
_USERS: Final = (
    "uid BIGINT, gid BIGINT, uid_signed BIGINT, gid_signed BIGINT, username TEXT,"
    " description TEXT, directory TEXT, shell TEXT, uuid TEXT"
)
_NAMESPACES: Final = (
    "pid INTEGER, cgroup_namespace TEXT, ipc_namespace TEXT, mnt_namespace TEXT,"
    " net_namespace TEXT, pid_namespace TEXT, user_namespace TEXT, uts_namespace TEXT"
)
_OS_VERSION: Final = (
    "name TEXT, version TEXT, major INTEGER, minor INTEGER, patch INTEGER, build TEXT,"
    " platform TEXT, platform_like TEXT, codename TEXT, arch TEXT"
)
_SYSTEM_INFO: Final = (
    "hostname TEXT, uuid TEXT, cpu_type TEXT, cpu_subtype TEXT, cpu_brand TEXT,"
    " cpu_physical_cores INTEGER, cpu_logical_cores INTEGER, cpu_sockets INTEGER,"
    " cpu_microcode TEXT, physical_memory BIGINT, hardware_vendor TEXT, hardware_model TEXT,"
    " hardware_version TEXT, hardware_serial TEXT, board_vendor TEXT, board_model TEXT,"
    " board_version TEXT, board_serial TEXT, computer_name TEXT, local_hostname TEXT,"
    " emulated_cpu_type TEXT"
)
_EVERYWHERE: Final = {
    "process_open_sockets": _SOCKETS,
    "listening_ports": _LISTENING,
    "processes": _PROCESSES,
    "users": _USERS,
    "os_version": _OS_VERSION,
    "system_info": _SYSTEM_INFO,
    "kernel_info": "version TEXT, arguments TEXT, path TEXT, device TEXT",
    "etc_services": "name TEXT, port INTEGER, protocol TEXT, aliases TEXT, comment TEXT",
    "uptime": (
        "days INTEGER, hours INTEGER, minutes INTEGER, seconds INTEGER, total_seconds BIGINT"
    ),
}
_LINUX: Final = {
    "process_open_sockets": _SOCKETS + ", net_namespace TEXT",
    "listening_ports": _LISTENING + ", net_namespace TEXT",
    "processes": _PROCESSES + ", cgroup_path TEXT",
    "process_namespaces": _NAMESPACES,
    "deb_packages": (
        "name TEXT, version TEXT, source TEXT, size BIGINT, arch TEXT, revision TEXT, status TEXT,"
        " maintainer TEXT, section TEXT, priority TEXT, admindir TEXT"
    ),
    "rpm_packages": (
        "name TEXT, version TEXT, release TEXT, source TEXT, size BIGINT, sha1 TEXT, arch TEXT,"
        " epoch INTEGER, install_time INTEGER, vendor TEXT, package_group TEXT"
    ),
}
_MACOS: Final = {
    "processes": _PROCESSES
    + ", upid BIGINT, uppid BIGINT, cpu_type INTEGER, cpu_subtype INTEGER, translated INTEGER",
    "users": _USERS + ", is_hidden INTEGER",
}
_WINDOWS: Final = {
    "processes": _PROCESSES
    + ", elevated_token INTEGER, secure_process INTEGER, protection_type TEXT,"
    " virtual_process INTEGER, elapsed_time BIGINT, handle_count BIGINT,"
    " percent_processor_time BIGINT",
    "users": _USERS + ", type TEXT",
    "os_version": _OS_VERSION + ", install_date BIGINT",
}

SCHEMA: Final[dict[Platform, dict[str, str]]] = {
    Platform.LINUX: _EVERYWHERE | _LINUX,
    Platform.MACOS: _EVERYWHERE | _MACOS,
    Platform.WINDOWS: _EVERYWHERE | _WINDOWS,
}
"""For each platform the tables by name, each as the column list of ``CREATE TABLE``."""
