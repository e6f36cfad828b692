"""Say what to do next about an open port, on the system it is on.

Only numbers and plain words of a host are put into a command line that somebody may paste.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from portproof.model.listeners import Listener
from portproof.model.observation import Platform
from portproof.model.why import PortCategory, Why
from portproof.triage.programs import OLD, RPC, names, plain, sockets_at
from portproof.triage.suspicion import upgraded

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9@:._+-]{0,127}")
_REMOVE: Final = {
    "dpkg": "sudo apt-get purge {}",
    "rpm": "sudo dnf remove {}",
    "apk": "sudo apk del {}",
}
_SHORT_ID: Final = 12
_LOOK: Final = {
    Platform.LINUX: (
        "Find its owner as root: `sudo ss -tulnp 'sport = :{port}'`. A row without a process"
        " then belongs to the kernel, such as NFS or WireGuard, or is hidden."
    ),
    Platform.MACOS: "Find its owner as root: `sudo lsof -nP -i :{port}`.",
    Platform.WINDOWS: (
        "Find its owner as administrator: `Get-NetTCPConnection -LocalPort {port}` and"
        " `Get-NetUDPEndpoint -LocalPort {port}`. PID 4 is the kernel:"
        " `netsh http show servicestate`."
    ),
}
_PUBLISHED: Final = "`sudo docker ps --filter publish={port}` names the container."
_KEEP: Final = {
    Platform.LINUX: "`sudo cp /proc/{pid}/exe ./evidence-{pid}` keeps the program",
    Platform.MACOS: "`sudo lsof -nP -p {pid}` names its files: keep a copy of the program",
    Platform.WINDOWS: (
        "`Get-CimInstance Win32_Process -Filter 'ProcessId = {pid}'` names its file: keep a copy"
    ),
}
_ABOUT: Final = {
    Platform.LINUX: "`systemctl status {pid}` and `sudo ls -l /proc/{pid}/exe /proc/{pid}/cwd`",
    Platform.MACOS: "`ps -p {pid} -o user,lstart,command` and `sudo lsof -nP -p {pid}`",
    Platform.WINDOWS: (
        "`Get-CimInstance Win32_Process -Filter 'ProcessId = {pid}'` and"
        " `Get-CimInstance Win32_Service -Filter 'ProcessId = {pid}'`"
    ),
}


def next_step(
    kind: PortCategory, listener: Listener, whys: Sequence[Why], platform: Platform
) -> str:
    """Return what to do next, in a few sentences."""
    if not listener.socket:
        return _PUBLISHED.format(port=listener.port)
    if not whys:
        return _LOOK[platform].format(port=listener.port)
    if kind is PortCategory.SUSPICIOUS:
        pid = whys[0].process.pid
        keep = _KEEP[platform].format(pid=pid)
        return (
            "Treat it as an incident until somebody can say what it is for. Before you stop it,"
            f" {keep}; then ask the user it runs as."
        )
    restart = [_restart(why, platform) for why in whys if upgraded(why)]
    steps = [*restart[:1], *_steps(kind, listener, whys[0], platform)]
    return " ".join(steps)


def _steps(kind: PortCategory, listener: Listener, why: Why, platform: Platform) -> Iterator[str]:
    if why.container is not None:
        yield from _container(why)
    if kind is PortCategory.LEGACY:
        yield from _retire(listener, why, platform)
    elif kind is PortCategory.UNRELATED and _is_rpc(why):
        yield (
            "Give it a port of its own (for rpc.statd `port=` under `[statd]` in /etc/nfs.conf), or"
            f" put {listener.port} into /etc/bindresvport.blacklist, and restart it. If it must"
            " stay, waive the process, not the port: the next restart may take another one."
        )
    elif kind is PortCategory.UNRELATED and "docker-proxy" in names(why):
        yield _PUBLISHED.format(port=listener.port)
    elif kind is PortCategory.UNRELATED:
        yield "Give it another port in its configuration."
        yield from _stop(listener, why, platform)
        yield "If it must stay, waive it by its process."
    else:
        yield f"Find out what it is for: {_ABOUT[platform].format(pid=why.process.pid)}."
        yield from _stop(listener, why, platform)


def _is_rpc(why: Why) -> bool:
    return any(name in RPC for name in names(why))


def _container(why: Why) -> Iterator[str]:
    container = why.container
    if container is None:
        return
    identifier = container.id[:_SHORT_ID]
    tool = {"docker": "docker", "podman": "podman"}.get(container.runtime)
    if tool and _PLAIN.fullmatch(identifier):
        yield f"`sudo {tool} inspect {identifier}` shows who started its container."
    else:
        yield "Ask whoever runs its container."


def _retire(listener: Listener, why: Why, platform: Platform) -> Iterator[str]:
    old = [OLD[plain(name)] for name in names(why) if plain(name) in OLD]
    if any(not each.services for each in old) and platform is not Platform.WINDOWS:
        yield (
            f"Find what it starts: `sudo grep -rnw {listener.port} /etc/inetd.conf /etc/inetd.d"
            " /etc/xinetd.conf /etc/xinetd.d /etc/services`; switch it off there and restart it."
        )
    yield from _stop(listener, why, platform)
    package = why.package
    if package and package.manager in _REMOVE and _PLAIN.fullmatch(package.name):
        remove = _REMOVE[package.manager].format(package.name)
        yield f"Remove the package if nothing needs it: `{remove}`."
    else:
        yield "Remove the software if nothing needs it."


def _stop(listener: Listener, why: Why, platform: Platform) -> Iterator[str]:
    commands = {
        Platform.LINUX: _systemctl(listener, why),
        Platform.MACOS: _bootout(why),
        Platform.WINDOWS: _stop_service(why),
    }
    if commands[platform]:
        yield f"To stop it for good: `{commands[platform]}`."


def _systemctl(listener: Listener, why: Why) -> str:
    held = sockets_at(why, listener.port)
    units = [name for unit in held for name in (unit.name, unit.service)]
    if why.unit is not None and why.unit.name.endswith(".service"):
        units += [why.unit.socket, why.unit.name]
    plain_units = list(dict.fromkeys(unit for unit in units if _PLAIN.fullmatch(unit)))
    if why.container is not None or not plain_units:
        return ""
    return f"sudo systemctl disable --now {' '.join(plain_units)}"


def _bootout(why: Why) -> str:
    return f"sudo launchctl bootout system/{why.launchd}" if _PLAIN.fullmatch(why.launchd) else ""


def _stop_service(why: Why) -> str:
    """Return the command to stop a service, unless its process runs several services."""
    names_of = [each.name for each in why.services]
    if len(names_of) != 1 or not _PLAIN.fullmatch(names_of[0]):
        return ""
    return f"Stop-Service {names_of[0]}; Set-Service {names_of[0]} -StartupType Disabled"


def _restart(why: Why, platform: Platform) -> str:
    unit = why.unit.name if why.unit else ""
    if platform is Platform.LINUX and unit.endswith(".service") and _PLAIN.fullmatch(unit):
        return f"Restart it, it runs an old version: `sudo systemctl restart {unit}`."
    return "Restart it: it runs an old version."
