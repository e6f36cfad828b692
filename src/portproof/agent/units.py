"""Find the unit and container of a process of a Linux machine from its control group.

Where systemd puts units is described in cgroups(7) and systemd.slice(5), unit files in
systemd.unit(5) and systemd.socket(5). Container runtimes name their groups after their containers:
docker and podman ``docker-ID.scope`` and ``libpod-ID.scope``, or ``docker/ID`` without systemd;
CRI's ``cri-containerd-ID.scope`` and ``crio-ID.scope`` below ``kubepods``; LXC
``lxc.payload.NAME``; systemd-nspawn is a unit.
"""

import json
import re
from pathlib import Path

from .files import regular_file

_LONGEST = 1 << 20
_MOST = 500
_FOLDERS = (
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "run/systemd/transient",
    "run/systemd/generator.early",
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/generator.late",
)
_PORT = re.compile(r"(?:.*:)?([0-9]{1,5})")
_RUNTIMES = {
    "docker": "docker",
    "libpod": "podman",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
}
_CONTAINER = re.compile(
    r"(?:^|[/:])(?:(docker|libpod|cri-containerd|nerdctl|crio)[-:/])?([0-9a-f]{64})(?:\.scope)?(?=/|$)"
)
_POD = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})")
_LXC = re.compile(r"/lxc(?:/|\.payload[./])([^/]+)")
_MACHINE = re.compile(r"/(?:systemd-nspawn@([^/]+)\.service|machine-(?!qemu)([^/]+)\.scope)")
_TASKS = "run/containerd/io.containerd.runtime.v2.task"


def _text(path: str) -> str:
    return regular_file(path, _LONGEST).decode("utf-8", "backslashreplace")


def unit_of(cgroup: str) -> str:
    """Return the innermost service or scope of systemd in a ``cgroup`` file, or ""."""
    lines = [line.split(":", 2) for line in cgroup.split("\n") if line.count(":") > 1]
    ours = [path for _, names, path in lines if names in ("", "name=systemd")]
    parts = [part for path in ours for part in path.split("/")]
    units = [part.lstrip("_") for part in parts if part.endswith((".service", ".scope"))]
    return units[-1] if units else ""


def container_of(cgroup: str) -> "dict[str, str] | None":
    """Return the container of a process by its ``cgroup`` file: runtime, id and pod."""
    paths = [line.split(":", 2)[2] for line in cgroup.split("\n") if line.count(":") > 1]
    for path in sorted(set(paths), key=len, reverse=True):
        found = _container(path)
        if found:
            return found
    return None


def _container(path: str) -> "dict[str, str] | None":
    ids = list(_CONTAINER.finditer(path))
    if ids:
        pod = _POD.search(path)
        plain = "kubernetes" if pod else "an unknown runtime"
        runtime = _RUNTIMES.get(ids[-1].group(1) or "", plain)
        return {
            "runtime": runtime,
            "id": ids[-1].group(2),
            "pod": pod.group(1).replace("_", "-") if pod else "",
        }
    lxc, machine = _LXC.search(path), _MACHINE.search(path)
    if lxc:
        return {"runtime": "lxc", "id": lxc.group(1)}
    if machine:
        return {"runtime": "systemd-machined", "id": machine.group(1) or machine.group(2)}
    return None


def image_of(root: str, identifier: str) -> "dict[str, str]":
    """Return name and image of a container; empty if its runtime did not record them.

    docker does in ``config.v2.json``, containers/storage (podman, CRI-O) in ``containers.json``,
    and containerd in the annotations of the OCI configuration.
    """
    for look in (_docker, _storage, _containerd):
        try:
            found = look(root, identifier)
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue
        if found.get("image"):
            return {key: str(value) for key, value in found.items()}
    return {}


def _docker(root: str, identifier: str) -> "dict[str, str]":
    path = f"{root}/var/lib/docker/containers/{identifier}/config.v2.json"
    told = json.loads(_text(path))
    return {"name": told["Name"].lstrip("/"), "image": told["Config"]["Image"]}


def _storage(root: str, identifier: str) -> "dict[str, str]":
    path = f"{root}/var/lib/containers/storage/overlay-containers/containers.json"
    for told in json.loads(_text(path)):
        if told["id"] == identifier:
            about = json.loads(told["metadata"])
            return {"name": about.get("name", ""), "image": about["image-name"]}
    return {}


def _containerd(root: str, identifier: str) -> "dict[str, str]":
    for place in Path(f"{root}/{_TASKS}").iterdir():
        config = place / identifier / "config.json"
        if config.exists():
            notes = json.loads(_text(str(config)))["annotations"]
            name = notes.get("io.kubernetes.cri.container-name") or notes.get("nerdctl/name", "")
            return {"name": name, "image": notes["io.kubernetes.cri.image-name"]}
    return {}


def socket_units(root: str) -> "list[dict[str, object]]":
    """Return every socket unit that listens on a port; the first folder with a name wins."""
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in _names(f"{root}/{folder}"):
            if name.endswith(".socket") and len(files) < _MOST:
                files.setdefault(name, f"{root}/{folder}/{name}")
    units = [_socket(root, name, path) for name, path in sorted(files.items())]
    return [unit for unit in units if unit["listens"]]


def _names(folder: str) -> "list[str]":
    try:
        return sorted(each.name for each in Path(folder).iterdir())
    except OSError:
        return []


def _socket(root: str, name: str, path: str) -> "dict[str, object]":
    """Return a socket unit with its drop-ins; an empty assignment clears earlier values."""
    listens: list[str] = []
    stem = name[: -len(".socket")]
    service = stem + ".service"
    extras = [
        f"{root}/{folder}/{name}.d/{each}"
        for folder in _FOLDERS
        for each in _names(f"{root}/{folder}/{name}.d")
    ]
    for file in (path, *extras):
        for key, value in _settings(file):
            if key in ("ListenStream", "ListenDatagram"):
                listens = [*listens, value] if value else []
            elif key == "Service":
                service = value
    ports = [value for value in listens if _PORT.fullmatch(value)]
    return {"name": name, "listens": ports, "service": service}


def _settings(file: str) -> "list[tuple[str, str]]":
    try:
        lines = _text(file).split("\n")
    except OSError:
        return []
    pairs = [line.partition("=") for line in lines if line[:1] not in ("#", ";", "[")]
    return [(key.strip(), value.strip()) for key, equals, value in pairs if equals]


def socket_of(units: "list[dict[str, object]]", service: str) -> str:
    """Return the socket unit that starts a service, or ""; ``x@1.service`` is one of ``x@``."""
    stem = service.partition("@")[0] + "@.service" if "@" in service else service
    names = [
        str(unit["name"])
        for unit in units
        if unit["service"] in (service, stem) or _accepts(unit, stem)
    ]
    return names[0] if names else ""


def _accepts(unit: "dict[str, object]", stem: str) -> bool:
    """Return whether a socket with ``Accept=yes`` starts an instance for each connection."""
    return str(unit["name"]).replace(".socket", "@.service") == stem
