"""Run programs on a host, bounded in time and output, and leave nothing running."""

import os
from _thread import allocate_lock, start_new_thread
from select import select
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Run = dict[str, object]

_CHUNK = 1 << 16
_KILL = 9
_MOMENT = 0.01


class Children:
    """The child process that is running, in a process group of its own."""

    def __init__(self) -> None:
        self.pid = 0
        self._lock = allocate_lock()

    def start(self, work: "Callable[[], None]") -> "tuple[int, int]":
        """Start work in a new process without input; return pipes for its output and errors."""
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        with self._lock:
            self.pid = os.fork()
            if self.pid == 0:
                _work(work, out_end, err_end)
        os.close(out_end)
        os.close(err_end)
        return out, err

    def kill(self) -> None:
        """Kill the process and everything it started."""
        with self._lock:
            if self.pid:
                _signal(os.kill, self.pid)  # it may have no group of its own yet
                _signal(os.killpg, self.pid)

    def ended(self) -> "int | None":
        """Return the exit code of the process once it has ended, -1 after a signal."""
        with self._lock:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if not pid:
                return None
            _signal(os.killpg, self.pid)  # what it left behind
            self.pid = 0
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1


def _signal(send: "Callable[[int, int], None]", number: int) -> None:
    try:  # noqa: SIM105 - loading contextlib takes as long as starting Python
        send(number, _KILL)
    except OSError:  # nobody there
        pass


def _work(work: "Callable[[], None]", out: int, err: int) -> None:
    """Do the work of a new process, and exit."""
    code = 127
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 1 << 12)
        work()
        code = 0
    except BaseException as error:  # noqa: BLE001 - nothing may return into the parent's code
        text = "Error: " + (str(error) or type(error).__name__) + "\n"
        os.write(2, text.encode("ascii", "backslashreplace"))
    finally:
        os._exit(code)


def program(command: "list[str]", environment: "dict[str, str]") -> "Callable[[], None]":
    """Return the work of a process that becomes a program, with changes of the environment."""
    told = dict(os.environ, **environment)
    # No shell: a question is one argument, whatever it holds.
    return lambda: os.execve(command[0], command, told)  # noqa: S606 - see above


def find(names: "list[str]") -> "str | None":
    """Return the first program that exists; a name without a slash is searched on PATH."""
    for name in names:
        folders = [""] if "/" in name else [path + "/" for path in os.get_exec_path() if path]
        for folder in folders:
            path = folder + name
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
    return None


def run(children: Children, work: "Callable[[], None]", deadline: float, limit: int) -> "Run":
    """Do work in a new process until it ends, or until its time or output limit is reached.

    Returns:
        Its ``pid``, its exit ``code`` (-1 when it was killed), ``out`` and ``err`` (bytes as
        Latin-1 text), and whether it took too long (``late``) or printed too much (``large``).
    """
    told = {pipe: bytearray() for pipe in children.start(work)}
    pid = children.pid
    out, err = told
    going = [out, err]
    large = False
    while going and not large and deadline > monotonic():
        for pipe in select(going, [], [], max(0.0, deadline - monotonic()))[0]:
            part = os.read(pipe, _CHUNK)
            told[pipe] += part
            if not part:
                going.remove(pipe)
        large = len(told[out]) + len(told[err]) > limit
    code = children.ended()
    while code is None and not large and deadline > monotonic():
        sleep(_MOMENT)
        code = children.ended()
    late = code is None and not large
    children.kill()
    while code is None:
        sleep(_MOMENT)
        code = children.ended()
    os.close(out)
    os.close(err)
    texts = ["" if large else bytes(told[pipe]).decode("latin-1") for pipe in (out, err)]
    return {
        "pid": pid,
        "code": code,
        "out": texts[0],
        "err": texts[1],
        "late": late,
        "large": large,
    }


def watch(children: Children, seconds: float) -> None:
    """Exit with all children when time is up, or when input ends because the reader has gone."""

    def end() -> None:
        select([0], [], [], seconds)
        children.kill()
        os._exit(1)

    start_new_thread(end, ())
