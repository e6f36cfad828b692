"""The probe reads a thread of a real process in another namespace."""

import os
import subprocess
import sys
from typing import Any

import pytest

from portproof.agent.tables import collect
from support.fakeproc import rows

TABLES = ["process_open_sockets", "processes"]

# A process whose second thread listens in a namespace of its own, and whose first may end.
THREADED = """
import ctypes, os, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def listen():
    if libc.unshare(0x40000000):
        os._exit(1)
    server = socket.create_server(("0.0.0.0", 609))
    print(os.fstat(server.fileno()).st_ino, flush=True)
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=listen).start()
if sys.argv[1] == "ends":
    libc.pthread_exit(None)
"""


@pytest.mark.needs("root")
@pytest.mark.parametrize("first", ["stays", "ends"])
def test_a_real_thread_in_another_namespace_is_read(first: str) -> None:
    """Its listener is told, in a namespace that is not ours, and nothing is missing."""
    with subprocess.Popen(
        [sys.executable, "-c", THREADED, first], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        inode = int(process.stdout.readline())
        found: Any = collect(TABLES)
        process.stdin.close()
    (row,) = [row for row in rows(found, TABLES[0]) if row["socket"] == inode]
    own = os.readlink("/proc/self/ns/net")[5:-1]  # noqa: PTH115 - not the path of a file
    assert (row["local_port"], row["state"]) == (609, "LISTEN")
    assert row["net_namespace"].isdigit()
    assert row["net_namespace"] not in ("0", own)
