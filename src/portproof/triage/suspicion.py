"""Find what makes a listening process suspicious: its file, its name, and who started it."""

import re
from collections.abc import Iterator
from typing import Final

from portproof.model.observation import Platform
from portproof.model.why import Executable, OnDisk, ParentProcess, Why
from portproof.triage.programs import (
    MULTICALL,
    SHELLS,
    base,
    plain,
    related,
    script,
)

TEMPORARY: Final = {
    Platform.LINUX: ("/tmp", "/var/tmp", "/dev/shm", "/run/shm", "/run/user"),  # noqa: S108 - a pattern to look for; nothing is written there
    Platform.MACOS: (
        *("/tmp", "/var/tmp", "/var/folders", "/Users/Shared"),  # noqa: S108 - the same
        *("/private/tmp", "/private/var/tmp", "/private/var/folders"),
    ),
    Platform.WINDOWS: ("C:\\Users\\Public",),
}
"""World-writable folders (hier(7); FHS 3.0, sections 3.18 and 5.15)."""

_TEMPORARY_NAMES: Final = frozenset({"temp", "tmp", "$recycle.bin"})
_OWN_PLACES: Final = {
    Platform.LINUX: (
        *("/usr/local", "/opt", "/snap", "/var/lib/snapd", "/var/lib/flatpak"),
        *("/nix/store", "/gnu/store", "/home/linuxbrew"),
    ),
    Platform.MACOS: ("/usr/local", "/opt", "/Applications", "/Library"),
    Platform.WINDOWS: ("C:\\Program Files", "C:\\Program Files (x86)"),
}
"""Folders for software that no package manager installed (FHS 3.0, 3.13 and 4.9)."""

_COMMAND: Final = re.compile(r"-[a-z]*c")
"""The option of every shell for a command (POSIX, sh), alone or behind others as in ``-lc``."""
_TIMERS: Final = frozenset({"cron", "crond", "anacron", "atd", "fcron"})
_KERNEL_LIKE: Final = re.compile(r"\[[^\s\]]*\]?")


def suspicions(why: Why, platform: Platform) -> Iterator[str]:
    """Yield the reasons to be suspicious of a process, in sentences."""
    if why.executable is not None:
        yield from _of_file(why, why.executable, platform)
        yield from _of_place(why.executable.path, "executable", platform)
        yield from _of_name(why, why.executable)
    yield from _of_signature(why, platform)
    yield from _of_place(script(why), "script", platform)
    yield from _of_session(why)


def upgraded(why: Why) -> bool:
    """Return whether the package replaced the executable after the process had started."""
    file, package, started = why.executable, why.package, why.process.started
    if file is None or package is None or file.on_disk is not OnDisk.REPLACED:
        return False
    if started is None or package.installed is None or package.unchanged is False:
        return False
    return package.installed > started


def in_own_place(path: str, platform: Platform) -> bool:
    """Return whether a path is where software without a package of the system usually is."""
    return any(_below(path, folder) for folder in _OWN_PLACES[platform])


def _of_file(why: Why, file: Executable, platform: Platform) -> Iterator[str]:
    if file.on_disk is OnDisk.MEMORY:
        yield "It runs from memory alone (memfd), without a file on disk."
    elif file.on_disk is OnDisk.DELETED:
        yield f"Its executable {file.path} was deleted while it runs."
    elif file.on_disk is OnDisk.REPLACED and not upgraded(why):
        yield (
            f"Its executable {file.path} was replaced while it runs, and no package upgrade"
            " explains it."
        )
    if file.world_writable:
        yield f"Every user can write to its executable {file.path}."
    if why.package is not None and why.package.unchanged is False:
        name = why.package.name
        yield f"{file.path} is not the file that package {name} installed: it was changed since."
    if _is_strange(why, file) and not in_own_place(file.path, platform):
        managers = " and ".join(why.unowned_by)
        own = " or ".join(_OWN_PLACES[platform][:2])
        yield (
            f"No package owns {file.path} ({managers} knows none), and locally installed software"
            f" is usually in {own}."
        )


def _is_strange(why: Why, file: Executable) -> bool:
    """Return whether nobody installed the file; in a container that is normal."""
    known = why.package is not None or why.container is not None
    return bool(why.unowned_by) and not known and file.on_disk is not OnDisk.MEMORY


def _of_place(path: str, what: str, platform: Platform) -> Iterator[str]:
    folder = _temporary(path, platform)
    if folder:
        yield f"Its {what} {path} is in the temporary folder {folder}."
    parts = path.replace("\\", "/").split("/")
    hidden = [part for part in parts[:-1] if _is_hidden(part)]
    if hidden:
        yield f"Its {what} {path} is in the hidden folder {hidden[0]}."
    if _is_hidden(parts[-1]):
        yield f"Its {what} {path} has a hidden name."


def _temporary(path: str, platform: Platform) -> str:
    below = next((folder for folder in TEMPORARY[platform] if _below(path, folder)), "")
    if below or platform is not Platform.WINDOWS:
        return below
    parts = path.split("\\")[:-1]
    at = next((at for at, part in enumerate(parts) if part.casefold() in _TEMPORARY_NAMES), None)
    return "" if at is None else "\\".join(parts[: at + 1])


def _below(path: str, folder: str) -> bool:
    end = "\\" if "\\" in folder else "/"
    return path.casefold().startswith(folder.casefold() + end)


def _is_hidden(part: str) -> bool:
    return (part.startswith(".") and part not in (".", "..")) or (bool(part) and not part.strip())


def _of_name(why: Why, file: Executable) -> Iterator[str]:
    name = why.process.name
    if _is_hidden(name) and not _is_hidden(base(file.path)):
        yield f"It has a hidden name, {name!r}."
    shown = next(filter(_KERNEL_LIKE.fullmatch, (name, why.process.cmdline)), "")
    if shown and not base(file.path).startswith("["):
        yield f"It calls itself {shown[:40]}, like a kernel thread, but it is not one."
    elif _is_misnamed(why, file):
        yield f"It calls itself {name}, but its executable is {file.path}."


def _is_misnamed(why: Why, file: Executable) -> bool:
    name, program = why.process.name, base(file.path)
    if not name or not program or file.link or file.on_disk is OnDisk.MEMORY:
        return False
    if related(name, program) or (plain(name) in SHELLS and plain(program) in SHELLS):
        return False
    # A script has the name of its file; a multi-call program has the name it was started by.
    called = why.process.cmdline.split()[:2] if plain(program) in MULTICALL else [script(why)]
    return not any(related(name, base(each)) for each in called if each)


def _of_signature(why: Why, platform: Platform) -> Iterator[str]:
    signature, path = why.signature, why.executable.path if why.executable else ""
    if signature is None or signature.good:
        return
    if signature.result not in ("missing", "not signed"):
        yield f"The signature of {path} is invalid: {signature.result}."
    elif not in_own_place(path, platform):
        yield f"{path} is not signed."


def _of_session(why: Why) -> Iterator[str]:
    session, process = why.session, why.process
    leader = session.leader if session else None
    led = leader is not None and leader.pid != process.pid and _is_shell(leader)
    if session and session.terminal and (why.container is None or led):
        by = f" in the session of {leader.name} (process {leader.pid})" if led and leader else ""
        yield f"It was started by hand, on the terminal {session.terminal}{by}, not as a service."
        return
    shells = [each for each in (leader, *why.parents) if each and each.pid != process.pid]
    shell = next(filter(_is_interactive, shells), None)
    if shell is not None:
        yield f"It was started from an interactive shell, {shell.name} (process {shell.pid})."
    elif any(each.name.casefold() == "explorer.exe" for each in why.parents):
        yield "It was started from a user's desktop (explorer.exe), not as a service."
    elif _is_in_login(why):
        yield "It belongs to a user's login session (logind), not to a service."


def _is_in_login(why: Why) -> bool:
    """Return whether logind assigns it to a login; so it does for cron's jobs (pam_systemd(8))."""
    timers = any(each.name.casefold() in _TIMERS for each in why.parents)
    return why.unit is not None and why.unit.name.startswith("session-") and not timers


def _is_shell(program: ParentProcess) -> bool:
    return plain(program.name.removeprefix("-")) in SHELLS


def _is_interactive(program: ParentProcess) -> bool:
    """Return whether it is a shell with neither a script nor a command, only options."""
    first, *rest = program.cmdline.split() or [""]
    options = all(word.startswith("-") and not _COMMAND.match(word) for word in rest)
    return _is_shell(program) and bool(first) and options
