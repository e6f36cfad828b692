"""Tell which checks an empty answer proves nothing for, because processes could not be read.

Being root is not enough to read other users' processes: in a user namespace, or without the
capability CAP_SYS_PTRACE as in containers, what they hold and what they run stays hidden, without
an error. Process 1 alone may be hidden where every listener has an owner: then all that can be
missing is that process 1 holds, too, what others hold.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from portproof.model.observation import (
    NAMESPACES_DOUBT,
    WITNESS,
    Platform,
    Reason,
    Unobserved,
)
from portproof.sources.answers import quoted
from portproof.sources.sqltables import Table, columns_read

_SOCKETS: Final = "process_open_sockets"
_READ_OF: Final = {
    _SOCKETS: frozenset({"pid", "fd"}),
    "listening_ports": frozenset({"pid", "fd"}),
    "processes": frozenset({"path", "cwd", "root", "on_disk"}),
}
"""Columns whose values are hidden with the files of a process; of other tables, all are."""

_OF_SOCKETS: Final = frozenset({_SOCKETS, "listening_ports"})
_INIT: Final = 1
_INTERNET: Final = (2, 10)
_TCP, _UDP = 6, 17
_OTHER_ROOT: Final = Unobserved(
    Reason.NO_WITNESS,
    "the files that can be seen are others than process 1's, as in a container or after chroot; run"
    " portproof outside of it",
)
_MOST_LACKING: Final = 2
_CLIENTS: Final = 32768
"""The first UDP port that clients are given by default (ip_local_port_range)."""


class ProbePlace(msgspec.Struct, frozen=True):
    """Where a look was made from, as ``agent.place`` tells it."""

    user_namespace: bool = False
    process_namespace: bool = False
    lacks: tuple[str, ...] = ()
    other_root: bool | None = None
    container: str = ""


class Sight(msgspec.Struct, frozen=True):
    """What a probe could not read: processes by their pids, and network namespaces by a path."""

    hidden: tuple[int, ...] = ()
    unread: tuple[str, ...] = ()
    place: ProbePlace = ProbePlace()


def sight_doubts(
    questions: Mapping[str, str],
    platform: Platform,
    sockets: Table | None,
    sight: Sight,
) -> dict[str, Unobserved]:
    """Return why absence proves nothing, by the ids of checks and of other parts of a reply."""
    doubts: dict[str, Unobserved] = {}
    hidden = hidden_doubt(sight, sockets)
    if hidden is not None:
        asked = dict.fromkeys(_checks(questions, platform, whole=False), hidden)
        doubts |= asked
    unseen = _unseen(sight.place, sockets)
    if unseen is not None:
        doubts |= dict.fromkeys(_checks(questions, platform, whole=True), unseen)
    if sight.place.other_root:
        doubts |= dict.fromkeys(beyond_sockets(questions, platform), _OTHER_ROOT)
    if sight.unread:
        doubts[NAMESPACES_DOUBT] = _unread(sight)
    elif hidden is not None:
        doubts[NAMESPACES_DOUBT] = hidden
    return doubts


def of_processes(sql: str, platform: Platform, *, whole: bool) -> bool:
    """Return whether a question is about processes.

    Args:
        sql: The question.
        platform: Whose tables it reads.
        whole: Whether the names and numbers of processes count, or only what they hold and run.
    """
    read = columns_read(sql, platform)
    if isinstance(read, Unobserved):
        return True
    return any(_is_hidden(table, read[table], whole=whole) for table in read)


def beyond_sockets(questions: Mapping[str, str], platform: Platform) -> list[str]:
    """Return the ids of checks that are about anything but sockets: processes, packages, files."""
    return [
        name
        for name, sql in questions.items()
        if not name.endswith(WITNESS) and not _is_of_sockets(sql, platform)
    ]


def _is_of_sockets(sql: str, platform: Platform) -> bool:
    read = columns_read(sql, platform)
    if isinstance(read, Unobserved):
        return False
    return all(t in _OF_SOCKETS and _READ_OF[t].isdisjoint(read[t]) for t in read)


def _is_hidden(table: str, columns: Collection[str], *, whole: bool) -> bool:
    if whole and table == "processes":
        return True
    if table in _READ_OF:
        return not _READ_OF[table].isdisjoint(columns)
    return table.startswith("process_")


def _checks(questions: Mapping[str, str], platform: Platform, *, whole: bool) -> list[str]:
    return [
        name
        for name, sql in questions.items()
        if not name.endswith(WITNESS) and of_processes(sql, platform, whole=whole)
    ]


def hidden_doubt(sight: Sight, sockets: Table | None) -> Unobserved | None:
    """Return why not every holder of a socket is known, or None if all are."""
    if not sight.hidden or (sight.hidden == (_INIT,) and not ownerless(sockets)):
        return None
    is_one = len(sight.hidden) == 1
    others = "" if is_one else f" and {len(sight.hidden) - 1} more"
    unknown = "it holds and runs" if is_one else "they hold and run"
    text = (
        f"process {sight.hidden[0]}{others} could not be read, so what {unknown} is not"
        f" known: {_limits(sight.place)}"
    )
    return Unobserved(Reason.PRIVILEGE, text)


def _unseen(place: ProbePlace, sockets: Table | None) -> Unobserved | None:
    """Return a doubt if processes of another process namespace hold listeners."""
    count = ownerless(sockets) if place.process_namespace else 0
    if not count:
        return None
    text = (
        f"no process that can be seen holds {count} of the listeners: portproof runs in a container"
        " and does not see the machine's processes; run it on the machine itself, or give the"
        " container the machine's processes (--pid=host)"
    )
    return Unobserved(Reason.NO_WITNESS, text)


def _unread(sight: Sight) -> Unobserved:
    text = (
        f"the network namespaces of {len(sight.unread)} processes could not be read"
        f" ({sight.unread[0]}), so some may be missing: {_limits(sight.place)}"
    )
    return Unobserved(Reason.PRIVILEGE, text)


def _limits(place: ProbePlace) -> str:
    if place.user_namespace:
        return "root is that of a user namespace; run portproof as the machine's own root"
    if place.lacks:
        lacking = " and ".join(map(quoted, place.lacks[:_MOST_LACKING]))
        return f"without {lacking}; run portproof as root with all capabilities"
    return "a security module or a sandbox forbids it even to root; run portproof outside of it"


def ownerless(sockets: Table | None) -> int:
    """Return how many listeners have no process that can be seen.

    UDP sockets on ports of clients do not count: their processes may just have ended.
    """
    names = ("pid", "family", "protocol", "state", "local_port", "remote_port")
    if sockets is None or not set(names).issubset(sockets.columns):
        return 0
    at = [sockets.columns.index(name) for name in names]
    return sum(1 for row in sockets.rows if _is_ownerless(*(row[place] for place in at)))


def _is_ownerless(  # noqa: PLR0913, PLR0917 - the columns of a row
    pid: object, family: object, protocol: object, state: object, port: object, remote: object
) -> bool:
    if pid != -1 or family not in _INTERNET or not isinstance(port, int):
        return False
    return (protocol == _TCP and state == "LISTEN") or (
        protocol == _UDP and remote == 0 and 0 < port < _CLIENTS
    )
