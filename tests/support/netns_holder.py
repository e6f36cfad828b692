"""Opens the sockets it is told of, tells what they became, and holds them until its input ends.

Its argument is a JSON object of name -> socket. A socket has ``family`` (4 or 6), ``kind`` (tcp,
udp or udplite), ``address`` and ``port``, and where wanted ``v6only``, ``device`` (its name),
``reuse`` (SO_REUSEPORT), ``idle`` (bound but not listening), ``peer`` (connected to the named
socket), ``send`` (has sent a datagram to the named socket), ``shared`` (a child holds it too) or
``apart`` (a child alone holds it, as ``user`` and under the name ``comm``). It prints a JSON object
of name -> pids, inode and port.
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

Spec = dict[str, Any]

_OPEN: dict[str, socket.socket] = {}


def _make(spec: Spec) -> socket.socket:
    kind = socket.SOCK_STREAM if spec["kind"] == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if spec["family"] == 6 else socket.AF_INET
    made = socket.socket(family, kind, 136 if spec["kind"] == "udplite" else 0)
    if "v6only" in spec:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, spec["v6only"])
    if "device" in spec:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, spec["device"].encode())
    if spec.get("reuse"):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if "address" in spec:
        made.bind((spec["address"], spec.get("port", 0)))
    if "peer" in spec:
        made.connect(_OPEN[spec["peer"]].getsockname())
    elif "send" in spec:
        made.sendto(b"datagram", _OPEN[spec["send"]].getsockname())
    elif kind == socket.SOCK_STREAM and not spec.get("idle"):
        made.listen()
    return made


def _told(made: socket.socket, *pids: int) -> Spec:
    inode = os.fstat(made.fileno()).st_ino
    return {"pids": sorted(pids), "inode": str(inode), "port": made.getsockname()[1]}


def _child(work: Callable[[], bytes]) -> tuple[int, bytes]:
    """Run ``work`` in a child that lives as long as we do; give its pid and what it returned."""
    inside, outside = os.pipe()
    alive, _ours = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(_ours)
        os.write(outside, work())
        os.read(alive, 1)
        os._exit(0)
    return pid, os.read(inside, 1 << 16)


def _shared(name: str, spec: Spec) -> Spec:
    made = _OPEN[name] = _make(spec)

    def keep_only_this() -> bytes:
        for other in _OPEN.values():
            if other is not made:
                other.close()
        return b"ready"

    return _told(made, os.getpid(), _child(keep_only_this)[0])


def _apart(spec: Spec) -> Spec:
    def open_alone() -> bytes:
        for other in _OPEN.values():
            other.close()
        if "comm" in spec["apart"]:
            with open("/proc/self/comm", "wb") as comm:  # noqa: PTH123 - one write, unbuffered in effect
                comm.write(spec["apart"]["comm"].encode("latin-1"))
        os.setuid(spec["apart"].get("user", 0))
        made = _OPEN["alone"] = _make(spec)
        return json.dumps(_told(made, os.getpid())).encode()

    told: Spec = json.loads(_child(open_alone)[1])
    return told


def _opened(name: str, spec: Spec) -> Spec:
    if "apart" in spec:
        return _apart(spec)
    if spec.get("shared"):
        return _shared(name, spec)
    _OPEN[name] = _make(spec)
    return _told(_OPEN[name], os.getpid())


if __name__ == "__main__":
    told = {name: _opened(name, spec) for name, spec in json.loads(sys.argv[1]).items()}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
