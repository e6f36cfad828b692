"""A Linux machine of a test's own making: a proc file system and a root beside it."""

from pathlib import Path
from typing import Any

from portproof.agent.explain import explain

PROGRAM = "/usr/sbin/npmp"


class WhyHost:
    """A machine in a folder, with systemd as process 1."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.root = folder / "proc", folder / "root"
        self.put("proc/stat", "cpu 1 2\nbtime 1700000000\n")
        self.put("root/etc/passwd", "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n")
        self.process(1, "systemd", "/usr/lib/systemd/systemd", parent=0)

    def put(self, name: str, text: str | bytes) -> Path:
        """Write a file of the machine."""
        path = self.proc.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def link(self, name: str, target: str | Path) -> None:
        """Make or change a symbolic link."""
        path = self.proc.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def process(  # noqa: PLR0913 - what tells processes apart
        self,
        pid: int,
        name: str = "npmp",
        path: str = PROGRAM,
        *,
        parent: int = 1,
        cgroup: str = "0::/\n",
        sockets: tuple[int, ...] = (),
        environment: str = "LANG=C",
        session: int = 0,
        terminal: int = 0,
        flags: int = 0,
        root: Path | None = None,
    ) -> None:
        """Add a process, and the file it runs. Its path is a link to that, as it looks in /proc."""
        base = f"proc/{pid}"
        numbers = f"{parent} {pid} {session} {terminal} -1 {flags} " + "0 " * 12 + "100 0 0"
        self.put(f"{base}/stat", f"{pid} ({name}) S {numbers}\n")
        self.put(f"{base}/status", f"Name:\t{name}\nUid:\t33\t33\t33\t33\nNSpid:\t{pid}\t7\n")
        self.put(f"{base}/cmdline", f"{path}\0-d\0")
        self.put(f"{base}/cgroup", cgroup)
        self.put(f"{base}/environ", f"PATH=/bin\0{environment}\0")
        self.link(f"{base}/cwd", "/")
        self.link(f"{base}/root", root or self.root)
        file = Path(f"{root or self.root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"ELF " + path.encode())
        self.link(f"{base}/exe", file)
        (self.proc / f"{pid}/fd").mkdir(exist_ok=True)
        for number in sockets:
            self.link(f"{base}/fd/{number % 100}", f"socket:[{number}]")

    def explain(self, *pids: int, seconds: float = 15.0) -> dict[str, Any]:
        """What the probe tells of the machine."""
        told: dict[str, Any] = explain(pids, str(self.proc), str(self.root), seconds)
        return told

    def why(self, pid: int = 812) -> dict[str, Any]:
        """What the probe tells of one process."""
        found: dict[str, Any] = self.explain(pid)["found"][str(pid)]
        return found
