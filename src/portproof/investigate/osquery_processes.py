"""Turn osquery's answers about processes (``investigate.sql``) into what is known of them."""

from collections.abc import Iterator, Mapping
from typing import Final

from portproof.agent.package_owners import aliases_of
from portproof.agent.units import unit_of
from portproof.investigate.rows import MOST_LEVELS, Rows, level_id, number
from portproof.model.observation import Answer, Observed, Platform, Row, Unobserved
from portproof.model.why import (
    Container,
    Executable,
    OnDisk,
    Package,
    ParentProcess,
    Process,
    Signature,
    Unit,
    Why,
    WindowsService,
)

_PARTS: Final = {
    "why-folders": "its working folder",
    "why-users": "its user's name",
    "why-files": "the facts about its file",
    "why-hashes": "its hash",
    "why-deb-count": "whether there are deb packages",
    "why-rpm-count": "whether there are rpm packages",
    "why-deb-files": "its deb package",
    "why-deb-versions": "the version of its deb package",
    "why-deb-lists": "the time its deb package was installed",
    "why-rpm-files": "its rpm package",
    "why-rpm-versions": "the version of its rpm package",
    "why-cgroups": "its control group",
    "why-namespaces": "its namespaces",
    "why-units": "its socket unit",
    "why-containers": "the image of its container",
    "why-services": "its services",
    "why-signatures": "its signature",
    "why-launchd": "its launchd job by program",
    "why-launchd-arguments": "its launchd job by arguments",
}
_LONGEST_COMMAND: Final = 1000
_LONGEST_PARENT: Final = 200
_SHA256: Final = 64
_EVERYBODY: Final = 0o002
_GOOD: Final = ("trusted", "valid")
_UNTOLD: Final = "its terminal and session could not be found: osquery does not report them"


def read(platform: Platform, answers: Mapping[str, Answer]) -> dict[int, Why]:
    """Return what is known of each process that was asked about and still exists."""
    rows = Rows(platform, answers)
    return {pid: _why(rows, pid, row) for pid, row in rows.asked.items()}


def socket_name(service: str) -> str:
    """Return the socket unit that starts a service by default (systemd.socket(5))."""
    return service.removesuffix(".service").partition("@")[0] + ".socket"


def _why(rows: Rows, pid: int, row: Row) -> Why:
    container = rows.container(pid)
    path = row.get("path", "") if rows.on_host(pid) else ""
    package = _package(rows, path)
    return Why(
        process=_process(rows, pid, row),
        parents=tuple(_parents(rows, pid)),
        executable=_executable(rows, row, path),
        package=package,
        unowned_by=() if package or not path else tuple(_unowned(rows)),
        unit=_unit(rows, pid),
        launchd=_launchd(rows, path),
        services=tuple(_services(rows, pid)),
        container=_container(rows, container) if container else None,
        signature=_signature(rows, path),
        missing=tuple(_missing(rows, pid, row)),
    )


def _program(pid: int, row: Row) -> ParentProcess:
    command = row.get("cmdline", "")[:_LONGEST_PARENT]
    return ParentProcess(
        pid=pid, name=row.get("name", ""), path=row.get("path", ""), cmdline=command
    )


def _process(rows: Rows, pid: int, row: Row) -> Process:
    user = rows.one("why-users", "uid", row.get("uid", ""))
    folder = rows.one("why-folders", "pid", str(pid))
    return Process(
        pid=pid,
        name=row.get("name", ""),
        path=row.get("path", ""),
        cmdline=row.get("cmdline", "")[:_LONGEST_COMMAND],
        user=user.get("username", "") if user else "",
        uid=number(row.get("uid")),
        started=number(row.get("start_time")),
        cwd=folder.get("cwd", "") if folder else "",
    )


def _parents(rows: Rows, pid: int) -> Iterator[ParentProcess]:
    seen = {pid}
    parent = number(rows.everyone[pid].get("parent"))
    while parent and parent not in seen and parent in rows.everyone:
        seen.add(parent)
        yield _program(parent, rows.everyone[parent])
        parent = number(rows.everyone[parent].get("parent"))


def _executable(rows: Rows, row: Row, path: str) -> Executable | None:
    """Return the facts about the file at the path, if it is still what the process runs."""
    if not path:
        return Executable(path=row["path"]) if row.get("path") else None
    on_disk = _on_disk(rows, row, path)
    file = rows.one("why-files", "path", path) if on_disk is OnDisk.THERE else None
    digest = rows.one("why-hashes", "path", path) if on_disk is OnDisk.THERE else None
    return Executable(
        path=path,
        on_disk=on_disk,
        sha256=digest.get("sha256", "") if digest else "",
        modified=number(file.get("mtime")) if file else None,
        size=number(file.get("size")) if file else None,
        owner=number(file.get("uid")) if file else None,
        world_writable=_writable(rows.platform, file) if file else None,
    )


def _on_disk(rows: Rows, row: Row, path: str) -> OnDisk:
    if path.startswith("/memfd:"):
        return OnDisk.MEMORY
    if row.get("on_disk") == "1":
        return OnDisk.THERE
    if row.get("on_disk") != "0" or not isinstance(rows.answers.get("why-files"), Observed):
        return OnDisk.UNKNOWN
    return OnDisk.REPLACED if rows.one("why-files", "path", path) else OnDisk.DELETED


def _writable(platform: Platform, file: Row) -> bool | None:
    mode = file.get("mode", "")
    if platform is Platform.WINDOWS or not mode or set(mode) - set("01234567"):
        return None
    return bool(int(mode[-4:], 8) & _EVERYBODY)


def _package(rows: Rows, path: str) -> Package | None:
    rpm = rows.one("why-rpm-files", "path", path) if path else None
    if rpm is not None:
        return _rpm(rows, rpm, path)
    debs = [rows.one("why-deb-files", "path", alias) for alias in aliases_of(path) if path]
    return next((_deb(rows, deb) for deb in debs if deb is not None), None)


def _rpm(rows: Rows, file: Row, path: str) -> Package:
    package = rows.one("why-rpm-versions", "name", file.get("package", "")) or {}
    digest = (rows.one("why-hashes", "path", path) or {}).get("sha256", "")
    known = len(digest) == len(file.get("sha256", "")) == _SHA256
    return Package(
        manager="rpm",
        name=file.get("package", ""),
        version="-".join(filter(None, (package.get("version"), package.get("release")))),
        file=path,
        installed=number(package.get("install_time")),
        unchanged=digest == file["sha256"] if known else None,
    )


def _deb(rows: Rows, file: Row) -> Package:
    name = file.get("package", "")
    package = rows.one("why-deb-versions", "name", name) or {}
    listed = rows.one("why-deb-lists", "path", f"/var/lib/dpkg/info/{name}.list") or {}
    return Package(
        manager="dpkg",
        name=name,
        version=package.get("version", ""),
        file=file.get("path", ""),
        installed=number(listed.get("mtime")),
    )


def _unowned(rows: Rows) -> Iterator[str]:
    """Return the package managers in use that know no owner. An empty table knows nothing."""
    for manager, kind in (("dpkg", "deb"), ("rpm", "rpm")):
        counted = rows.of(f"why-{kind}-count")
        asked = isinstance(rows.answers.get(f"why-{kind}-files"), Observed)
        if asked and counted and number(counted[0].get("packages")):
            yield manager


def _unit(rows: Rows, pid: int) -> Unit | None:
    name = unit_of(rows.groups.get(pid, ""))
    if not name or name.removesuffix(".scope").endswith(_id(rows, pid) or "\0"):
        return None
    state = rows.one("why-units", "id", socket_name(name))
    if state is None or state.get("sub_state") != "running":
        return Unit(name)
    return Unit(name, activated=True, socket=socket_name(name))


def _id(rows: Rows, pid: int) -> str:
    return (rows.container(pid) or {}).get("id", "")


def _container(rows: Rows, found: Mapping[str, str]) -> Container:
    told = rows.one("why-containers", "id", found["id"]) or {}
    return Container(
        runtime=found["runtime"],
        id=found["id"],
        name=told.get("name", "").lstrip("/"),
        image=told.get("image", ""),
        pod=found.get("pod", ""),
    )


def _launchd(rows: Rows, path: str) -> str:
    if not path:
        return ""
    by_arguments = (
        row
        for row in rows.of("why-launchd-arguments")
        if (row.get("program_arguments", "") + " ").startswith(path + " ")
    )
    job = rows.one("why-launchd", "program", path) or next(by_arguments, {})
    return job.get("label", "")


def _services(rows: Rows, pid: int) -> Iterator[WindowsService]:
    for row in rows.of("why-services"):
        if number(row.get("pid")) == pid:
            title, account = row.get("display_name", ""), row.get("user_account", "")
            yield WindowsService(row.get("name", ""), title, account)


def _signature(rows: Rows, path: str) -> Signature | None:
    signatures = [row for row in rows.of("why-signatures") if path and row.get("path") == path]
    if not signatures:
        return None
    if rows.platform is Platform.WINDOWS:
        result = signatures[0].get("result", "")
        return Signature(result in _GOOD, result, signatures[0].get("subject_name", ""))
    good = all(row.get("signed") == "1" for row in signatures)
    authority = signatures[0].get("authority", "")
    return Signature(good, "signed" if good else "not signed", authority)


def _missing(rows: Rows, pid: int, row: Row) -> Iterator[str]:
    for name, part in _PARTS.items():
        answer = rows.answers.get(name)
        if isinstance(answer, Unobserved):
            yield f"{part} could not be found: {answer.detail}"
    level = rows.answers.get(level_id(rows.last_level))
    if isinstance(level, Unobserved):
        yield f"its chain of parents is incomplete: {level.detail}"
    elif rows.last_level == MOST_LEVELS and rows.unknown_parents(MOST_LEVELS):
        yield f"more than {MOST_LEVELS} parents are not followed"
    yield from _unasked(rows, pid, row)
    yield _UNTOLD


def _unasked(rows: Rows, pid: int, row: Row) -> Iterator[str]:
    if not row.get("path"):
        yield "its executable could not be found: osquery gave no path"
    elif rows.on_host(pid) is None:
        yield "its files were not examined: it is not known whether it is in a container"
    elif not rows.on_host(pid):
        yield "its files were not examined: they are in a container, and osquery sees the host's"
    counts = [row for each in ("deb", "rpm") for row in rows.of(f"why-{each}-count")]
    if counts and not any(number(count.get("packages")) for count in counts):
        yield "its package could not be found: osquery knows of no deb or rpm package here"
