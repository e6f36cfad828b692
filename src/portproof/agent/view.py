"""State shared by the tables of one look."""

import os

from .files import GONE, LONG, as_text, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Row = list[str | int | None]
    Table = tuple[list[str], Callable[["View"], list[Row]]]

_SYS_PTRACE = 1 << 19


class View:
    """One pass over a proc file system, with what could not be read.

    ``faults`` says what could not be read. ``extra`` are the costly columns of processes to read.
    The table of processes leaves ``uids``, the users seen; ``idle``, the processes that hold no
    descriptors; ``single``, those of one thread; and ``hidden``, those whose program or descriptors
    may not be read. ``sockets`` are the rows of the sockets, once they have been read, ``details``
    what else is known of them, ``unread`` network namespaces that may not be read, and ``by_file``
    those for which the kernel could not be asked, and why.
    """

    def __init__(self, proc: str, extra: "list[str]") -> None:
        self.proc, self.extra, self.threads = proc, extra, 0
        self.faults: list[str] = []
        self.uids: set[int] = set()
        self.idle: set[str] = set()
        self.single: set[str] = set()
        self.hidden: set[str] = set()
        self.unread: list[str] = []
        self._pids: list[str] | None = None
        self.sockets: list[Row] | None = None
        self.details: list[Row] = []
        self.by_file: list[str] = []

    def pids(self) -> "list[str]":
        """Return every visible process, in osquery's order, which is alphabetical."""
        if self._pids is None:
            self._pids = sorted(name for name in os.listdir(self.proc) if name.isdigit())
            self._check()
        return self._pids

    def namespace(self, pid: str, kind: str) -> "str | None":
        """Return the inode of a namespace; None if access is denied, "" if the process ended."""
        try:
            link = os.readlink(self.proc + "/" + pid + "/ns/" + kind)
        except GONE:
            return ""
        except OSError:
            return None
        return link[len(kind) + 2 : -1] if link.startswith(kind + ":[") else None

    def text(self, name: str) -> str:
        """Return a whole file below this proc as text, or "" if it cannot be read."""
        try:
            return as_text(read_file(self.proc + "/" + name, LONG))
        except OSError:
            return ""

    def _check(self) -> None:
        """Check that this is procfs and that it shows the processes of other users."""
        if "1" not in self.pids():
            self.faults.append(f"{self.proc}: process 1 is hidden, so other processes may be too")
        mounts = [line.split(" ") for line in self.text("self/mountinfo").split("\n")]
        mount = " ".join([" ".join(fields) for fields in mounts if fields[4:5] == [self.proc]][-1:])
        mode = mount.partition("hidepid=")[2].partition(",")[0] or "0"
        mask = self.text("self/status").partition("\nCapEff:")[2].split()[:1]
        if " - proc " not in mount:
            self.faults.append(f"{self.proc}: not known to be a proc file system")
        elif mode not in ("0", "off") and not any(int(bits, 16) & _SYS_PTRACE for bits in mask):
            self.faults.append(f"{self.proc}: mounted with hidepid={mode}, so processes are hidden")
