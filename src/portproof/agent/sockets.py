"""Read the sockets of a Linux machine, in all network namespaces.

TCP and UDP sockets are told by the kernel (``netlink``), where it lets us ask it; those, and all
others, are in files that proc(5) describes.

The files are described in proc(5). The rows follow osquery (process_open_sockets.cpp), with two
differences: a socket held by several processes has a row for each, and whatever osquery skips
silently is a fault.
"""

import os
import sys
from _socket import inet_ntop  # loading `socket` takes longer than reading most machines

from . import netlink
from .files import GONE, LONG, as_text, file_identity, is_denied, link_target, read_file
from .namespaces import open_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .view import Row, View

_INET, _INET6, _UNIX, _PACKET, _TCP = 2, 10, 1, 17, 6
_INTERNET = (("icmp", 1), ("tcp", _TCP), ("udp", 17), ("udplite", 136), ("raw", 255))
_FILES = [(name, _INET, protocol) for name, protocol in _INTERNET]
_FILES += [(name + "6", _INET6, protocol) for name, protocol in _INTERNET]
_FILES += [("unix", _UNIX, 0), ("packet", _PACKET, 0)]
_UDP = (17, 136)
_KERNEL_TELLS = [(family, protocol) for _, family, protocol in _FILES if protocol in (6, 17, 136)]
_MOST_THREADS = 100_000

COLUMNS = "pid fd socket family protocol local_address remote_address local_port".split()
COLUMNS += "remote_port path state net_namespace".split()
DETAILS = "socket protocol local_address local_port v6only device uid net_namespace".split()


def rows(view: "View") -> "list[Row]":
    """Return the rows of ``process_open_sockets``, read once."""
    if view.sockets is None:
        listed = _listed(view)
        owners = _owners(view, frozenset(row[0] for row in listed))
        pairs = [(row, owners.get(row[0], [[-1, -1]])) for row in listed]
        view.sockets = [[*owner, *row] for row, holders in pairs for owner in holders]
    return view.sockets


def details(view: "View") -> "list[Row]":
    """Return the rows of ``socket_details``: what else the kernel told of sockets that may listen.

    ``v6only`` is 1 or 0 for IPv6, ``device`` the number of the interface it is bound to, which is 0
    for none and 1 for loopback, and ``uid`` the user who opened it.
    """
    rows(view)
    view.uids.update(row[6] for row in view.details if isinstance(row[6], int))
    return view.details


def _listed(view: "View") -> "list[Row]":
    """Return the sockets of every network namespace of a visible thread, without owners.

    A namespace that cannot be identified counts as "0", as in osquery. The files below net/ have
    different inodes in each namespace, which show whether one was read already or never (unread).
    """
    listed: list[Row] = []
    read: dict[object, list[Row]] = {}
    done = {""}
    unknown: dict[object, str] = {}
    for task, found in _tasks(view):
        if found in done:
            continue
        net = view.proc + "/" + task + "/net/"
        place = file_identity(net + "dev") or net
        if found is None:
            unknown.setdefault(place, net)
        namespace = found or "0"
        rows = read.get(place)
        if rows is None and namespace not in done:
            rows = _sockets_of(view, task, namespace)
        if rows is not None and namespace not in done:
            read[place] = rows
            done.add(namespace)
            listed += [[*row, namespace] for row in rows]
    missed = [net for place, net in unknown.items() if place not in read]
    view.unread += [net for net in missed if file_identity(net + "dev") != ()]
    return listed


def _tasks(view: "View") -> "Iterator[tuple[str, str | None]]":
    """Yield every process and its other threads, each with its network namespace.

    A thread may be in another namespace than the first thread of its process, which /proc/PID
    shows, and may outlive that one. Listing threads is expensive, so processes that had only one
    are skipped.
    """
    for pid in view.pids():
        first = view.namespace(pid, "net")
        yield pid, first
        if first == "" or pid not in view.single:
            threads = [(name, view.namespace(name, "net")) for name in _threads(view, pid)]
            yield from threads
            # One without a namespace is ending, and has closed its files; a new one may hold some.
            if first == "" and set(_threads(view, pid)).difference(dict(threads)):
                view.faults.append(f"{view.proc}/{pid}/task: threads not read")


def _threads(view: "View", pid: str) -> "list[str]":
    """Return the threads of a process except the first; none, and a fault, if too many."""
    path = view.proc + "/" + pid + "/task"
    try:
        found = [pid + "/task/" + name for name in os.listdir(path) if name != pid]
    except GONE:
        return []
    except OSError as error:
        view.faults.append(f"{path}: {error.strerror}")
        return []
    view.threads += len(found)
    if view.threads > _MOST_THREADS:
        view.faults.append(f"{path}: over {_MOST_THREADS} threads")
        return []
    return found


def _sockets_of(view: "View", task: str, namespace: str) -> "list[Row] | None":
    """Read one network namespace; return None if the process ended meanwhile."""
    net = view.proc + "/" + task + "/net/"
    rows, details, by_file, faults = _by_netlink(view.proc + "/" + task, namespace)
    absent = []
    for name, family, protocol in _FILES:
        if (family, protocol) in _KERNEL_TELLS and (family, protocol) not in by_file:
            continue
        try:
            found, why = _read(net + name, family, protocol)
        except OSError as error:
            found, why = [], str(error.strerror)
            absent += [name] if isinstance(error, GONE) else []
        rows += found
        faults += [f"{net}{name}: {why}"] if why and name not in absent else []
    if absent and file_identity(net + "dev") == ():
        return None
    # TCP and UDP are always there, and IPv6's where there is IPv6; the rest is optional.
    required = "tcp udp" if file_identity(net + "if_inet6") == () else "tcp udp tcp6 udp6"
    faults += [f"{net}{name}: no such file" for name in absent if name in required.split()]
    view.faults += faults
    view.by_file += [f"{namespace}: {why}" for why in sorted(set(by_file.values()))]
    view.details += details
    return rows


def _by_netlink(
    task: str, namespace: str
) -> "tuple[list[Row], list[Row], dict[tuple[int, int], str], list[str]]":
    """Ask the kernel for the sockets of a network namespace.

    Returns:
        Their rows and details, for each family and protocol that it did not tell the reason, and
        what is incomplete of the others.
    """
    rows: list[Row] = []
    details: list[Row] = []
    untold: dict[tuple[int, int], str] = {}
    faults: list[str] = []
    try:
        asker = open_in(task, namespace, netlink.opened)
    except OSError as error:
        return [], [], dict.fromkeys(_KERNEL_TELLS, error.strerror or str(error)), []
    try:
        for family, protocol in _KERNEL_TELLS:
            try:
                told = netlink.Sockets(asker, family, protocol)
            except OSError as error:
                untold[family, protocol] = error.strerror or str(error)
                continue
            rows += told.rows.values()
            details += [[*row, namespace] for row in told.details.values()]
            faults += [f"{task}/net: {told.fault}"] if told.fault else []
    finally:
        asker.close()
    return rows, details, untold, faults


def _read(path: str, family: int, protocol: int) -> "tuple[list[Row], str]":
    """Return the sockets of a file, and what is wrong with it; of UDP, those of two readings.

    While sockets come and go, one reading of UDP sockets skips others.
    """
    rows, why = _parse(read_file(path, LONG), family, protocol)
    if protocol not in _UDP or not rows:
        return rows, why
    more, why_again = _parse(read_file(path, LONG), family, protocol)
    seen = set(map(tuple, rows))
    return rows + [row for row in more if tuple(row) not in seen], why or why_again


def _parse(data: bytes, family: int, protocol: int) -> "tuple[list[Row], str]":
    """Return the sockets of one file, and what is wrong with the file (or "")."""
    lines = data.split(b"\n")
    cut = lines.pop() or len(data) >= LONG
    if not lines or lines.pop(0).split()[:1] not in ([b"sl"], [b"sk"], [b"Num"]):
        return [], "not a table of sockets"
    rows, bad = [], 0
    names: dict[bytes, str] = {}
    for line in lines:
        if family == _UNIX and line.find(b": ") not in (8, 16):
            continue  # the rest of a path with a line feed, which osquery cuts at blanks as well
        try:
            rows.append(_row(line.split(), family, protocol, names))
        except (ValueError, IndexError):
            bad += 1
    why = f"{bad} malformed lines" if bad else "cut off"
    return rows, why if bad or cut else ""


def _row(fields: "list[bytes]", family: int, protocol: int, names: "dict[bytes, str]") -> "Row":
    """Return the columns of a socket from ``socket`` to ``state``."""
    if family == _UNIX:
        path = as_text(b"".join(fields[7:8]))
        return [int(fields[6]), family, int(fields[2]), "", "", 0, 0, path, ""]
    if family == _PACKET:
        return [int(fields[8]), family, int(fields[3], 16), "", "", 0, 0, "", "NONE"]
    local, port = fields[1].split(b":")
    peer, peer_port = fields[2].split(b":")
    if (len(port), len(peer_port)) != (4, 4):
        raise ValueError(fields)
    ends = [names.get(end) or _address(end, family, names) for end in (local, peer)]
    number = int(fields[3], 16)
    state = netlink.STATES.get(number, "UNKNOWN") if protocol == _TCP else ""
    return [int(fields[9]), family, protocol, *ends, int(port, 16), int(peer_port, 16), "", state]


def _address(field: bytes, family: int, names: "dict[bytes, str]") -> str:
    """Decode an address, which is 32-bit numbers in this machine's byte order."""
    if len(field) != (8 if family == _INET else 32):
        raise ValueError(field)
    words = [int(field[at : at + 8], 16) for at in range(0, len(field), 8)]
    packed = b"".join([word.to_bytes(4, sys.byteorder) for word in words])
    names[field] = inet_ntop(family, packed)
    return names[field]


def _owners(view: "View", inodes: "frozenset[object]") -> "dict[object, list[Row]]":
    """Return for each socket the processes that hold it, with the lowest descriptor of each."""
    owners: dict[object, list[Row]] = {}
    for pid in sorted(set(view.pids()) - view.idle):
        for inode, number in _held(view, pid).items():
            if inode in inodes:
                owners.setdefault(inode, []).append([int(pid), number])
    return owners


def _held(view: "View", pid: str) -> "dict[int, int]":
    """Return the sockets among a process's descriptors; it is hidden if they may not be read."""
    held: dict[int, int] = {}
    try:
        handle = os.open(view.proc + "/" + pid + "/fd", os.O_RDONLY)
        try:
            for name in os.listdir(handle):
                link = link_target(name, handle)
                if link[:8] == "socket:[":
                    inode = int(link[8:-1])
                    held[inode] = min(int(name), held.get(inode, int(name)))
                elif not link and pid not in view.hidden and is_denied(name, handle):
                    view.hidden.add(pid)
        finally:
            os.close(handle)
    except GONE:
        return held
    except OSError:
        view.hidden.add(pid)
    return held
