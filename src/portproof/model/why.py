"""Why a port is open: who is behind a listener, and how that is classified.

Unknown text is empty and unknown numbers are None. What could not be found is explained in
``missing``; an empty field alone never means "there is none".
"""

from enum import StrEnum

import msgspec


class OnDisk(StrEnum):
    """The state of the executable of a process."""

    THERE = "there"
    REPLACED = "replaced"
    DELETED = "deleted"
    MEMORY = "memory"
    UNKNOWN = "unknown"


class ParentProcess(msgspec.Struct, frozen=True, omit_defaults=True):
    """A process that started another one, as far as it is known."""

    pid: int
    name: str = ""
    path: str = ""
    cmdline: str = ""


class Process(ParentProcess, frozen=True, omit_defaults=True):
    """The process that holds a listener.

    ``started`` is in seconds since 1970 (UTC), ``cwd`` the folder it works in.
    """

    user: str = ""
    uid: int | None = None
    started: int | None = None
    cwd: str = ""


class Executable(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file a process runs.

    ``path`` is as the process sees it, so that of a container is inside the container. ``sha256``
    is of what runs, also when the file at the path is another one by now; ``modified`` (seconds
    since 1970, UTC), ``size`` (bytes), ``owner`` (user id) and ``world_writable`` are of the same
    file. ``link`` is another name of it, when that is what the process is called.
    """

    path: str = ""
    on_disk: OnDisk = OnDisk.UNKNOWN
    sha256: str = ""
    modified: int | None = None
    size: int | None = None
    owner: int | None = None
    world_writable: bool | None = None
    link: str = ""


class Package(msgspec.Struct, frozen=True, omit_defaults=True):
    """The package an executable belongs to.

    ``file`` is the path under which the package knows it, ``installed`` when this version came
    (seconds since 1970, UTC), and ``unchanged`` whether the file at the path is the one that the
    package brought.
    """

    manager: str
    name: str
    version: str = ""
    file: str = ""
    installed: int | None = None
    unchanged: bool | None = None


class SocketUnit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A socket unit of systemd: where it listens, as its file says, and what it starts."""

    name: str
    listens: tuple[str, ...] = ()
    service: str = ""


class Unit(msgspec.Struct, frozen=True, omit_defaults=True):
    """The unit of systemd that a process is in.

    ``activated`` is whether systemd opened the socket and handed it over, ``socket`` the unit it
    did that for.
    """

    name: str
    activated: bool | None = None
    socket: str = ""


class Container(msgspec.Struct, frozen=True, omit_defaults=True):
    """The container a process is in; ``pod`` is the id of Kubernetes' pod."""

    runtime: str
    id: str
    name: str = ""
    image: str = ""
    pod: str = ""


class ProcessSession(msgspec.Struct, frozen=True, omit_defaults=True):
    """The session of a process: its controlling terminal, and the process that leads it."""

    terminal: str = ""
    leader: ParentProcess | None = None


class WindowsService(msgspec.Struct, frozen=True, omit_defaults=True):
    """A service that Windows runs in a process."""

    name: str
    title: str = ""
    account: str = ""


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """The signature of an executable: whether it holds, by whom, and the platform's word for it."""

    good: bool
    result: str
    signer: str = ""


class Why(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything found out about one process that holds a listener.

    ``unowned_by`` names the package managers that were asked and know no owner of the executable.
    ``sockets`` are the socket units with a port, when the process is systemd itself. ``missing``
    says in sentences what could not be found, and why.
    """

    process: Process
    parents: tuple[ParentProcess, ...] = ()
    executable: Executable | None = None
    package: Package | None = None
    unowned_by: tuple[str, ...] = ()
    unit: Unit | None = None
    sockets: tuple[SocketUnit, ...] = ()
    launchd: str = ""
    services: tuple[WindowsService, ...] = ()
    container: Container | None = None
    session: ProcessSession | None = None
    signature: Signature | None = None
    missing: tuple[str, ...] = ()


class PortCategory(StrEnum):
    """The category of an open port, the worst first."""

    SUSPICIOUS = "suspicious"
    LEGACY = "legacy"
    UNRELATED = "unrelated"
    UNKNOWN = "unknown"


class Classification(msgspec.Struct, frozen=True):
    """What an open port looks like, the reasons, and what to do next on that system.

    ``reasons`` is never empty: where nothing can be said, it says what is missing.
    """

    kind: PortCategory
    reasons: tuple[str, ...]
    next_step: str

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a classification needs reasons")
