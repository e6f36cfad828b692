"""Looks at the host it is run on, and answers in one frame; it is sent over SSH and never imported.

It needs only Python 3.6 and nothing else of portproof. It writes nothing on the host and leaves
nothing running: it and what it started end when the time is over, or when nobody is left to read
the answer (its input ends). ``run`` prints, with the seal that it is given:

    SEAL LENGTH
    {"runs": [...], "probe": {...}, "canaries": [["tcp", "127.0.0.1", 40001]],
     "unopened": [], "failed": ""}
    SEAL end

``LENGTH`` counts the bytes of the document, which is ASCII. ``runs`` are the runs of osqueryi, each
with its exit ``code`` (-1 when it was killed), ``out`` and ``err`` (bytes as Latin-1 text), and
whether it was too ``late`` or its output too ``large``; the first asks everything at once, and when
it fails one for each question follows. ``aside`` is the run for the question that may take long,
which is not asked where there is no docker. ``probe`` is what the embedded probe found, or null.
``unopened`` are the canaries that could not be opened though their family is in use.

``explain`` answers in such a frame too: the document is the one run of a program in Python.
"""

import os
import sys
from _socket import (  # `socket` loads longer
    AF_INET,
    AF_INET6,
    AI_NUMERICHOST,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    SOCK_DGRAM,
    SOCK_STREAM,
    getaddrinfo,
    socket,
)
from _thread import allocate_lock, start_new_thread
from errno import EAFNOSUPPORT, EPFNOSUPPORT
from select import select
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Run = dict[str, object]
    Canary = tuple[socket, str, str, int]

_IPV4, _IPV6 = (AF_INET, "127.0.0.1"), (AF_INET6, "::1")
_DUAL = (AF_INET6, "::ffff:127.0.0.1")  # an IPv6 socket that serves IPv4, in the tables of IPv6
_MAPPED = "::ffff:"
_KINDS = (("tcp", SOCK_STREAM), ("udp", SOCK_DGRAM))
_CHUNK = 1 << 16
_KILL = 9
_MOMENT = 0.01
_PATIENCE = 0.5  # the part of the time that osqueryi gets, so that there is some for the probe
_ASIDE = 0.2  # the part of the time that the question aside gets, at most
_FINDING, _RUNNING = 0.7, 0.9  # the parts after which what was found is told, and is given up


class Children:
    """The process that runs at the moment, in a process group of its own."""

    def __init__(self) -> None:
        self.pid = 0
        self._lock = allocate_lock()

    def start(self, command: "list[str]") -> "tuple[int, int]":
        """Start a program without input; give the ends of its output and of its complaints."""
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        with self._lock:
            self.pid = os.fork()
            if self.pid == 0:
                _become(command, out_end, err_end)
        os.close(out_end)
        os.close(err_end)
        return out, err

    def kill(self) -> None:
        """End the process and what it started."""
        with self._lock:
            if self.pid:
                _signal(os.kill, self.pid)  # it may have no group of its own yet
                _signal(os.killpg, self.pid)

    def ended(self) -> "int | None":
        """The exit code of the process once it has ended, -1 after a signal."""
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


def _become(command: "list[str]", out: int, err: int) -> None:
    """Be the program, in the new process."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 1 << 12)
        os.execv(command[0], command)  # noqa: S606 - no shell: a question is one argument
    except OSError as error:
        os.write(2, ("Error: " + str(error) + "\n").encode("ascii", "replace"))
    os._exit(127)


def _canaries() -> "tuple[list[Canary], list[list[str]]]":
    """Hold a TCP and a UDP socket open on each loopback address; tell what is missing of them."""
    held = []
    unopened = []
    for family, address in _loopback():
        seen_at = address.rpartition(_MAPPED)[2]
        for protocol, kind in _KINDS:
            try:
                canary = _opened(family, kind, (address, 0))
                held.append((canary, protocol, seen_at, canary.getsockname()[1]))
            except OSError as error:
                if error.errno not in (EAFNOSUPPORT, EPFNOSUPPORT):
                    unopened.append([protocol, address])
    return held, unopened


def _opened(family: int, kind: int, where: "tuple[Any, ...]") -> socket:
    canary = socket(family, kind)
    if where[0].startswith(_MAPPED):
        canary.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
    canary.bind(where)
    if kind == SOCK_STREAM:
        canary.listen(1)
    return canary


def _loopback() -> "tuple[tuple[int, str], ...]":
    """Where there is to be a canary: on IPv6 too, if it may have an address; as in ``canary``."""
    try:
        with open("/proc/net/if_inet6", "rb") as addresses:  # noqa: PTH123 - loading pathlib takes long
            has_ipv6 = bool(addresses.read().strip())
    except OSError:
        has_ipv6 = True
    return (_IPV4, _IPV6 if has_ipv6 else _DUAL)


def _placed(at: bytes) -> "list[Canary]":
    """Hold a TCP socket open at an address, if that is one of the network that we are in."""
    try:
        family, _, _, _, where = getaddrinfo(at, 0, 0, SOCK_STREAM, 0, AI_NUMERICHOST)[0]
        canary = _opened(family, SOCK_STREAM, where)
        bound = canary.getsockname()
        # With ip_nonlocal_bind any address can be bound to. Only one of our own is also where we
        # would send from to reach it; connecting a UDP socket asks for that, and sends nothing.
        source = socket(family, SOCK_DGRAM)
        source.connect(bound)
        if source.getsockname()[0] != bound[0]:
            return []
    except OSError:
        return []
    return [(canary, "tcp", at.decode("ascii").partition("%")[0], bound[1])]


def _program(names: "list[str]") -> "str | None":
    """The first of the programs that is there; a name without a slash is looked for on PATH."""
    for name in names:
        # Loading pathlib takes longer than looking at most hosts.
        folders = [""] if "/" in name else [path + "/" for path in os.get_exec_path() if path]
        for folder in folders:
            path = folder + name
            if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113 - see above
                return path
    return None


def _run(children: Children, command: "list[str]", deadline: float, limit: int) -> "Run":
    """Run a program to its end, or to the end of its time or output."""
    told = {pipe: bytearray() for pipe in children.start(command)}
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
    return {"code": code, "out": texts[0], "err": texts[1], "late": late, "large": large}


def _failed(run: "Run") -> bool:
    return run["code"] != 0 or "\nError:" in "\n" + str(run["err"])


def _ask_osqueryi(ask: "dict[str, Any]", children: Children, patience: float) -> "list[Run]":
    program = _program(ask["programs"])
    if program is None:
        return []
    # The program takes itself for the daemon when its name says so, unless it is told otherwise.
    shell = ["-S"] if "osqueryd" in program else []
    command = [program, *shell, *ask["flags"]]
    deadline = monotonic() + patience
    runs = []
    for argument in [ask["together"], *ask["singly"]]:
        runs.append(_run(children, [*command, argument], deadline, ask["limit"]))
        hopeless = runs[-1]["late"] or runs[-1]["large"]
        if hopeless or (len(runs) == 1 and not _failed(runs[0])):
            break
    return runs


def _ask_aside(ask: "dict[str, Any]", children: Children, patience: float) -> "Run | None":
    """Ask what may take long, where there is something to be asked."""
    program = _program(ask["programs"])
    if not ask["aside"] or program is None or not os.path.exists(ask["aside_of"]):  # noqa: PTH110 - loading pathlib takes long
        return None
    shell = ["-S"] if "osqueryd" in program else []
    command = [program, *shell, *ask["flags"], ask["aside"]]
    return _run(children, command, monotonic() + patience, ask["limit"])


def _is_answered(runs: "list[Run]") -> bool:
    """Whether osqueryi can have told who it is and the sockets, its first two questions."""
    if not runs:
        return False
    needed = runs[1:3] if len(runs) > 1 else runs
    return not any(_failed(run) for run in needed)


def _probe(ask: "dict[str, Any]") -> object:
    if not ask["tables"] or not sys.platform.startswith("linux"):
        return None
    probe: dict[str, Any] = {"__name__": "probe"}
    exec(ask["probe"], probe)  # noqa: S102 - it came with this program
    return probe["collect"](ask["tables"], more=probe["HOST_TABLES"])


def _watch(children: Children, seconds: float) -> None:
    """End everything when the time is over, or when the input ends because the reader is gone."""
    select([0], [], [], seconds)
    children.kill()
    os._exit(1)


def _encoded(value: object) -> bytes:
    """JSON in ASCII; by the C encoder alone where there is one, as the package loads in 8 ms."""
    try:
        from _json import encode_basestring_ascii, make_encoder  # noqa: PLC0415 - may not be there

        encoder = make_encoder(None, repr, encode_basestring_ascii, None, ":", ",", *[False] * 3)
        return "".join(encoder(value, 0)).encode("ascii")
    except (ImportError, TypeError):
        import json  # noqa: PLC0415 - only where the encoder is not there

        return json.dumps(value).encode("ascii")


def run(ask: "dict[str, Any]", line: bytes) -> None:
    """Look, print the frame and end.

    ``ask`` holds the questions for osqueryi ``together`` and ``singly``, its ``programs`` and
    ``flags``, the ``limit`` of its output in bytes, the ``probe``, source or compiled, and the
    ``tables`` it is to read.
    ``line`` has the seal, the seconds for everything, and where the host's SSH server named it, its
    address, at which one more canary is opened.
    """
    seal, seconds, *server = line.split()
    children = Children()
    start_new_thread(_watch, (children, float(seconds)))
    held, unopened = _canaries()
    for address in server:
        held += _placed(address)
    answer: dict[str, Any] = {"runs": [], "probe": None, "aside": None, "failed": ""}
    try:
        answer["runs"] = _ask_osqueryi(ask, children, float(seconds) * _PATIENCE)
        if not _is_answered(answer["runs"]):
            answer["probe"] = _probe(ask)
        elif ask["aside"]:
            answer["aside"] = _ask_aside(ask, children, min(5.0, float(seconds) * _ASIDE))
    except Exception as error:  # noqa: BLE001 - whatever a host does to this must be told
        answer["failed"] = type(error).__name__ + ": " + str(error)
    answer["canaries"] = [list(canary[1:]) for canary in held]
    answer["unopened"] = unopened
    _end_with(seal, answer)


def explain(ask: "dict[str, Any]", line: bytes) -> None:
    """Run another Python with a program, print the frame and end.

    ``ask`` holds the ``program`` and the ``limit`` of its output in bytes. ``line`` has the seal,
    the seconds for everything, and the program's arguments; before them the program gets its own
    part of the time, as ``seconds=9.5``.
    """
    seal, seconds, arguments = line.decode("ascii").split(None, 2)
    children = Children()
    start_new_thread(_watch, (children, float(seconds)))
    time = "seconds=%.3f" % (float(seconds) * _FINDING)
    python = [sys.executable or "/proc/self/exe", "-ISBWignore", "-c", ask["program"], time]
    deadline = monotonic() + float(seconds) * _RUNNING
    _end_with(seal.encode(), _run(children, python + arguments.split(), deadline, ask["limit"]))


def _end_with(seal: bytes, answer: object) -> None:
    document = _encoded(answer)
    frame = b"\n%s %d\n%s\n%s end\n" % (seal, len(document), document, seal)
    while frame:
        frame = frame[os.write(1, frame) :]
    os._exit(0)
