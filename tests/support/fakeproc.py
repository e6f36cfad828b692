"""A proc file system of a test's own making."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portproof.agent import tables

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid inode\n"
UNIX_HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"
PACKET_HEAD = "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"
_INTERNET = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "icmp", "icmp6", "raw", "raw6")


def line(inode: int, local: str = "0100007F:0261", state: str = "0A") -> str:
    """A line of a table: by default a listener on 127.0.0.1:609 of a little-endian machine."""
    peer = "0" * len(local.partition(":")[0]) + ":0000"
    rest = "00000000:00000000 00:00000000 00000000     0        0"
    return f"   0: {local} {peer} {state} {rest} {inode} 1\n"


class Proc:
    """A proc file system of our own making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.put("self/mountinfo", f"22 1 0:21 / {root} rw,relatime - proc proc rw\n")
        self.put("self/status", "Name:\tprobe\nCapEff:\t0000000000000000\n")
        self.put("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n")
        self.process(1, "10")

    def put(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def process(self, pid: int, namespace: str | None, sockets: Mapping[int, int] = {}) -> None:
        """Add a process: its network namespace (None: we may not know it) and descriptors."""
        self._task(str(pid), namespace)
        self.put(f"{pid}/cmdline", "")
        self.put(f"{pid}/stat", f"{pid} (name) S 0 {pid} {pid} 0 -1 0 {'0 ' * 12}1 0 100 0 0\n")
        ids = "Uid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nVmSize:\t20 kB\nVmRSS:\t10 kB\n"
        self.put(f"{pid}/status", f"Name:\tname\nUmask:\t0022\n{ids}")
        for number, inode in sockets.items():
            self.link(f"{pid}/fd/{number}", f"socket:[{inode}]")

    def thread(self, pid: int, thread: int, namespace: str | None) -> None:
        """Add a second thread to a process, in a network namespace (None: we may not know it)."""
        self._task(f"{pid}/task/{thread}", namespace)
        (self.root / f"{pid}/task/{pid}").mkdir(exist_ok=True)
        text = (self.root / f"{pid}/stat").read_text()
        self.put(f"{pid}/stat", text.replace(" 1 0 100 ", " 2 0 100 "))

    def leave(self, pid: int) -> None:
        """End the first thread of a process: what /proc shows of it is then gone."""
        for name in ("net", "ns"):
            shutil.rmtree(self.root / str(pid) / name)

    def _task(self, base: str, namespace: str | None) -> None:
        for name in _INTERNET:
            self.put(f"{base}/net/{name}", HEAD)
        self.put(f"{base}/net/unix", UNIX_HEAD)
        self.put(f"{base}/net/packet", PACKET_HEAD)
        self.put(f"{base}/net/dev", "")
        self.put(f"{base}/net/if_inet6", "")
        if namespace is None:
            self.put(f"{base}/ns/net", "")  # not a link, so reading it fails
        else:
            self.link(f"{base}/ns/net", f"net:[{namespace}]")

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def collect(self, *names: str) -> dict[str, Any]:
        """Run the probe on it."""
        return tables.collect(names, str(self.root))

    def sockets(self) -> list[dict[str, Any]]:
        """The rows of process_open_sockets."""
        return rows(self.collect("process_open_sockets"), "process_open_sockets")

    def faults(self) -> list[str]:
        """What is incomplete after the sockets were read, without the folder's name."""
        found = self.collect("process_open_sockets")["incomplete"]
        return [fault.replace(str(self.root), "/proc") for fault in found]


def rows(found: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """The rows of a table as mappings."""
    columns = found["tables"][table]["columns"]
    return [dict(zip(columns, row, strict=True)) for row in found["tables"][table]["rows"]]
