"""Read tables that few looks need: those derived from others, and those about the host itself.

The rows follow osquery: tables/networking/listening_ports.cpp and etc_services.cpp,
tables/system/uptime.cpp, and processes.cpp, os_version.cpp, kernel_info.cpp, system_info.cpp,
deb_packages.cpp and rpm_packages.cpp of tables/system/linux, all below osquery/. A file that cannot
be read makes its table missing; a package manager that a machine does not have makes it empty.
"""

import os

from .files import LONG
from .sockets import rows as open_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .view import Row, Table, View

_KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_RELEASE = {
    "NAME": "name",
    "VERSION": "version",
    "BUILD_ID": "build",
    "ID": "platform",
    "ID_LIKE": "platform_like",
    "VERSION_CODENAME": "codename",
}
_OS = "name version major minor patch build platform platform_like codename arch".split()
_DEB = "Package Version Source Architecture Status Maintainer Section Priority".split()
_RPM = "NAME VERSION RELEASE SOURCERPM ARCH EPOCH INSTALLTIME VENDOR GROUP".split()
_RPM_FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
_LONGEST = 1 << 22


def _file(path: str, longest: int = _LONGEST) -> str:
    with open(path, "rb") as file:
        return file.read(longest).decode("utf-8", "backslashreplace")


def _line(path: str) -> "str | None":
    try:
        return _file(path).strip() or None
    except OSError:
        return None


def _listening(view: "View") -> "list[Row]":
    """Return what osquery considers a listener; osquery ignores the state of TCP sockets."""
    rows: list[Row] = []
    for row in open_sockets(view):
        pid, number, socket, family, protocol, address, _, port, peer, path, _, space = row
        if family == 1 and path:
            rows.append([pid, 0, protocol, family, None, number, 0, path, space])
        elif family != 1 and not (family in (2, 10) and peer):
            rows.append([pid, port, protocol, family, address, number, socket, None, space])
    return rows


def _namespaces(view: "View") -> "list[Row]":
    return [
        [int(pid), *[view.namespace(pid, kind) or None for kind in _KINDS]] for pid in view.pids()
    ]


def _services(_view: "View") -> "list[Row]":
    rows: list[Row] = []
    for line in _file("/etc/services").split("\n"):
        parts = [part.strip() for part in line.split("#")]
        name, end, *aliases = [*parts[0].split(), "", ""]
        port, _, protocol = end.partition("/")
        if port.isdigit() and protocol:
            comment = " # ".join(parts[1:]) or None
            rows.append([name, int(port), protocol, " ".join(aliases).strip(), comment])
    return rows


def _os(_view: "View") -> "list[Row]":
    found: dict[str, str | int | None] = {"major": 0, "minor": 0, "patch": 0}
    for line in _file("/etc/os-release").split("\n"):
        key, _, value = line.strip().partition("=")
        value = value.strip("\"'")
        column = _RELEASE.get(key, "codename" if "CODENAME" in key else "")
        if key == "VERSION_ID":
            numbers = [int(part) if part.isdigit() else 0 for part in value.split(".", 2)]
            found.update(zip(("major", "minor", "patch"), numbers))
        elif column:
            found[column] = value
    found["arch"] = os.uname().machine
    found.update(_red_hat())
    return [[found.get(column) for column in _OS]]


def _red_hat() -> "dict[str, str | int]":
    """Return name, version and platform from /etc/redhat-release, as osquery does."""
    line = _line("/etc/redhat-release")
    if line is None:
        return {}
    found: dict[str, str | int] = {"version": line, "platform": "rhel", "platform_like": "rhel"}
    words = line.split(" ")
    for place, word in enumerate(words):
        numbers = word.split(".")
        if place > 1 and len(numbers) > 1 and all(number.isdigit() for number in numbers):
            found["name"] = " ".join(words[: place - 1])
            found.update(zip(("major", "minor", "patch"), [*map(int, numbers[:3]), 0]))
            break
    return found


def _kernel(view: "View") -> "list[Row]":
    words = _file(view.proc + "/cmdline").split()
    signature = _file(view.proc + "/version").split()
    version = " ".join(signature[2:3]) if signature[1:2] == ["version"] else None
    places = {word.partition("=")[0]: word.partition("=")[2] for word in words if "=" in word}
    others = [word for word in words if word.partition("=")[0] not in ("BOOT_IMAGE", "root")]
    return [[version, " ".join(others), places.get("BOOT_IMAGE"), places.get("root")]]


def _system(view: "View") -> "list[Row]":
    import socket

    name = os.uname().nodename
    try:
        full = socket.getaddrinfo(name, None, 0, 0, 0, socket.AI_CANONNAME)[0][3] or name
    except (OSError, UnicodeError):
        full = name
    brand = view.text("cpuinfo").partition("\nmodel name\t: ")[2].partition("\n")[0].strip()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    uuid = _line("/sys/class/dmi/id/product_uuid")
    machine = os.uname().machine
    return [[full, uuid, machine, brand or None, os.cpu_count(), memory, name, full]]


def _uptime(view: "View") -> "list[Row]":
    seconds = int(float(_file(view.proc + "/uptime").split()[0]))
    rest = [seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60]
    return [[*rest, seconds]]


def _debs(_view: "View") -> "list[Row]":
    """Return the packages of dpkg's database, which is text (deb822(5))."""
    if not os.path.isdir("/var/lib/dpkg"):
        return []
    text = _file("/var/lib/dpkg/status", LONG)
    if len(text) >= LONG:
        raise OSError("/var/lib/dpkg/status is too long")
    rows: list[Row] = []
    for entry in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.split("\n") if _is_field(line))
        if "Package" in fields:
            values = [fields.get(name) for name in _DEB]
            version = fields.get("Version", "")
            revision = version.rpartition("-")[2] if "-" in version else ""
            rows.append([*values, int(fields.get("Installed-Size", "0")), revision])
    return rows


def _is_field(line: str) -> bool:
    return line[:1] not in ("", " ", "\t") and ": " in line


def _rpms(_view: "View") -> "list[Row]":
    """Return the packages of rpm's database; only rpm itself can read all of its formats."""
    if not any(map(os.path.isdir, _RPM_FOLDERS)):
        return []
    import subprocess

    form = "\\t".join("%{" + tag + "}" for tag in _RPM) + "\\n"
    # The program is ended by its own time limit, so that nothing of it outlives the probe for long.
    command = ["timeout", "-k", "1", "20", "rpm", "-qa", "--queryformat", form]
    ran = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 - our own words
    told = ran.communicate()[0].decode("utf-8", "backslashreplace")
    if ran.returncode != 0:
        raise OSError("rpm ended with exit code " + str(ran.returncode))
    rows = [line.split("\t") for line in told.split("\n") if line]
    return [[None if text == "(none)" else text for text in row] for row in rows]


TABLES: "dict[str, Table]" = {
    "listening_ports": (
        "pid port protocol family address fd socket path net_namespace".split(),
        _listening,
    ),
    "process_namespaces": (
        ["pid", *[kind + "_namespace" for kind in _KINDS]],
        _namespaces,
    ),
    "etc_services": ("name port protocol aliases comment".split(), _services),
    "os_version": (_OS, _os),
    "kernel_info": ("version arguments path device".split(), _kernel),
    "system_info": (
        "hostname uuid cpu_type cpu_brand cpu_logical_cores physical_memory computer_name"
        " local_hostname".split(),
        _system,
    ),
    "deb_packages": (
        "name version source arch status maintainer section priority size revision".split(),
        _debs,
    ),
    "rpm_packages": (
        "name version release source arch epoch install_time vendor package_group".split(),
        _rpms,
    ),
    "uptime": ("days hours minutes seconds total_seconds".split(), _uptime),
}
