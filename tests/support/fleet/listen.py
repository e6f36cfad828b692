"""Opens sockets on a host, each held by a process of its own name and user, until the host ends."""

import os
import socket
import time
from pathlib import Path
from typing import Any


def opened(protocol: str, address: str, port: int) -> socket.socket:
    """Open a socket; one that is bound to the IPv6 wildcard serves IPv4 as well."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    made = socket.socket(family, kind)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.bind((address, port))
    if protocol == "tcp":
        made.listen()
    return made


def hold(name: str, uid: int) -> None:
    """Stay, under a name and as a user."""
    Path("/proc/self/comm").write_text(name, encoding="utf-8")
    os.setgid(uid)
    os.setuid(uid)
    stay()


def stay() -> None:
    """Wait for the end of the host."""
    while True:
        time.sleep(3600)


def hold_all(wanted: list[list[Any]], ready: Path) -> None:
    """Hold every socket, and say so in a file once all are open."""
    for protocol, address, port, name, uid in wanted:
        held = opened(protocol, address, port)
        if os.fork() == 0:
            hold(name, uid)
        held.close()
    ready.touch()
    stay()
