"""What hosts send: replies of osqueryd, output of osqueryi, frames, probes' answers, rows."""

import contextlib
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from portproof.agent.tables import collect
from portproof.investigate import why
from portproof.model.connection import Become, Secret
from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    Observed,
    Platform,
    Row,
    SourceReply,
    Unobserved,
)
from portproof.sources import probe as embedded
from portproof.sources.osquery_plan import planned
from portproof.sources.osqueryi_format import OsqueryiOutputError, one_argument, read_answers
from portproof.sources.thrift_client import OsquerydConnection
from portproof.ssh.command import Delimiters
from portproof.ssh.dialogue import AgentReply, Dialogue, Peer, Printed
from portproof.ssh.framing import FramedReply, FramingError, delimited
from portproof.ssh.replies import OsqueryiRun, read_reply, reply_of_shell
from support.fleet.looking import questions
from support.fuzz.judged import judge_look, look_with
from support.standins.host import HOST, LISTENERS, listening_sockets, published_ports
from support.standins.osqueryd import Osqueryd
from support.standins.schema import database, run
from support.strategies import COLUMNS

QUESTIONS = {**questions()[Platform.LINUX], PUBLISHED_PORTS: published_ports()}
MARKS = Delimiters(ready="READY", prompt="PROMPT:", seal="SEAL")
SUDO = Become(method="sudo", user="root", password=Secret("nobody's"))
LIMIT = 1 << 20
_PUBLISHED = ("id", "type", "port", "host_ip", "host_port")


class _Feeder:
    """A unix socket whose every guest is sent what was set last, and then nothing."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="portproof-fuzz-")
        self.path = str(Path(self._folder.name) / "em")
        self.reply = b""
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(self.path)
        self._door.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            guest, _ = self._door.accept()
            with guest, contextlib.suppress(OSError):
                guest.recv(1 << 16)
                guest.sendall(self.reply)


@cache
def _feeder() -> _Feeder:
    return _Feeder()


def thrift(data: bytes) -> bool:
    """A reply over osqueryd's socket, to the first call on it."""
    feeder = _feeder()
    feeder.reply = data
    with OsquerydConnection(feeder.path, timeout=5.0, limit=LIMIT) as osqueryd:
        return isinstance(osqueryd.ask("SELECT 1"), Observed)


def thrift_seeds() -> list[bytes]:
    """Replies of the stand-in: rows, no rows, an error, as they go over the wire."""
    taken: list[bytes] = []

    def manner(_sql: str, reply: bytes) -> Iterator[bytes]:
        taken.append(reply)
        yield reply

    with tempfile.TemporaryDirectory(prefix="portproof-fuzz-") as folder:
        path = Path(folder) / "em"
        with Osqueryd(path, HOST, manner):
            for sql in (listening_sockets(), "SELECT 1 AS n WHERE 0", "SELECT * FROM nowhere"):
                with OsquerydConnection(str(path), timeout=5.0) as osqueryd:
                    osqueryd.ask(sql)
    return taken


def osqueryi(data: bytes) -> bool:
    """What osqueryi prints for two questions."""
    try:
        return bool(read_answers(data, 2))
    except OsqueryiOutputError:
        return False


def _printed(*sqls: str) -> bytes:
    rows = list(run(database(HOST), one_argument(sqls)))
    lines = ",\n".join("  " + json.dumps(row, separators=(",", ":")) for row in rows)
    return f"[\n{lines}\n]\n".encode()


def osqueryi_seeds() -> list[bytes]:
    """Two questions' answers, in one array and in several."""
    return [
        _printed(listening_sockets(), "SELECT 1 AS n"),
        _printed("SELECT 1 AS n WHERE 0") + _printed("SELECT 'a\\b' AS n"),
        b"[\n\n]\n",
    ]


def frame(data: bytes) -> bool:
    """An answer between seals, in pieces; and what a shell frames."""
    whole = False
    framed, heard = FramedReply("SEAL", LIMIT), bytearray()
    try:
        for start in range(0, len(data), 7):
            heard += data[start : start + 7]
            found = framed.find(heard)
            whole = whole or found is not None
    except FramingError:
        return False
    return delimited(data, "SEAL") is not None or whole


def frame_seeds() -> list[bytes]:
    """A frame of the program, one of a shell, and frames that are cut."""
    return [
        b"motd\n\nSEAL 2\n{}\nSEAL end\n",
        b"\nSEAL begin\n[\n\n]\nSEAL end 0\n",
        b"\nSEAL 99999999999\n{}",
        b"\nSEAL 2\n{}",
    ]


def dialogue(data: bytes) -> bool:
    """A whole conversation; the first byte says where the output is cut and who is become."""
    cut = data[0] if data else 0
    talk = Dialogue(
        Peer("web", "bob", SUDO if cut % 2 else None),
        MARKS,
        lambda ready: b"program for " + ready.kind.encode(),
        LIMIT,
    )
    heard, overheard = data[1 : 1 + cut * 4], data[1 + cut * 4 :]
    for start in range(0, len(heard), 11):
        talk.hear(heard[start : start + 11])
    talk.overhear(overheard)
    outcome = talk.end(0, "")
    assert isinstance(outcome, AgentReply | Printed | Unobserved)
    return not isinstance(outcome, Unobserved)


def dialogue_seeds() -> list[bytes]:
    """Conversations that end well, with and without a password, and the shell's."""
    return [
        b"\xfeREADY python Linux 10.0.0.1 5000 10.0.0.2 22\n\nSEAL 2\n{}\nSEAL end\n",
        b"\xffPROMPT:\rREADY python Linux 1 2 3 4\n\nSEAL 2\n{}\nSEAL end\nW0821 warning\n",
        b"\xfeREADY osqueryi Darwin\n\nSEAL begin\n[\n\n]\nSEAL end 0\n",
        b"\x03\rdoas (bob@web) password: bash: not found",
    ]


def reply(data: bytes) -> bool:
    """The document of the program that is sent to hosts, judged by rules if it can be."""
    told = read_reply(data, QUESTIONS, Platform.LINUX, time.monotonic() + 5.0)
    if isinstance(told.reply, SourceReply):
        judge_look(look_with(told.reply, told.canaries))
    return isinstance(told.reply, SourceReply)


def _probed() -> dict[str, object]:
    names = embedded.wanted(QUESTIONS, Platform.LINUX)
    found = collect(names)
    tables = found["tables"]
    assert isinstance(tables, dict)
    for table in tables.values():
        del table["rows"][40:]
    return dict(found)


def reply_seeds() -> list[bytes]:
    """Documents with osqueryi's answer, with the probe's, and with a failure."""
    out = _printed(
        "SELECT '5.23.0' AS version, 0 AS euid, '' AS elevated, '4026531840' AS host_namespace",
        listening_sockets(),
    ).decode("latin-1")
    aside = _printed(published_ports()).decode("latin-1")
    ran = {"code": 0, "out": out, "err": "", "late": False, "large": False}
    canaries = [["tcp", "127.0.0.1", 40001, 701], ["udp", "127.0.0.1", 40003, 702]]
    told = {
        "runs": [ran],
        "probe": None,
        "canaries": canaries,
        "unopened": [["tcp", "::1"]],
        "processes": [4711, 4712],
        "failed": "",
    }
    documents = [
        {**told, "aside": {**ran, "out": aside}},
        {**told, "runs": [{**ran, "code": 1, "err": "Error: no such table: x\n"}, ran, ran]},
        {**told, "runs": [], "probe": _probed()},
        {**told, "runs": [], "failed": "OSError: no"},
    ]
    return [json.dumps(each).encode() for each in documents]


def osqueryi_over_ssh(data: bytes) -> bool:
    """The output and the complaints of osqueryi run by a host's shell, apart by a NUL."""
    out, _, err = data.partition(b"\0")
    ran = OsqueryiRun(code=0, out=out.decode("latin-1"), err=err.decode("latin-1"))
    source_reply = reply_of_shell(ran, QUESTIONS, Platform.LINUX, time.monotonic() + 5.0)
    return isinstance(source_reply, SourceReply)


def osqueryi_over_ssh_seeds() -> list[bytes]:
    """An answer, one with a warning, and an error."""
    who = "SELECT '5.23.0' AS version, 0 AS euid, '' AS elevated, '1' AS host_namespace"
    first = planned(QUESTIONS, Platform.LINUX).first
    whole = _printed(who, *first.values())
    unread = b"W0821 12:00:00.1  42 filesystem.cpp:70] Cannot read /proc/812/net/tcp size exceeds\n"
    return [whole, whole + b"\0" + unread, b"[\n\n]\n\0Error: no such table: x\n"]


def probed(data: bytes) -> bool:
    """The answer of the embedded probe, asked every question and judged by rules."""
    collected = embedded.decoded(data)
    if isinstance(collected, Unobserved):
        return False
    judge_look(look_with(embedded.reply(QUESTIONS, collected, time.monotonic() + 5.0)))
    return True


def probed_seeds() -> list[bytes]:
    """What the probe finds on this machine, shortened, and an empty answer."""
    empty = {"probe": 1, "platform": "linux", "tables": {}, "incomplete": [], "missing": {}}
    return [json.dumps(_probed()).encode(), json.dumps(empty).encode()]


def second_round(data: bytes) -> bool:
    """The answer of the probe of the second round."""
    return not isinstance(why.decoded(data), Unobserved)


def second_round_seeds() -> list[bytes]:
    """One process with a parent, one that is gone, and nothing."""
    found = {
        "812": {
            "process": {"pid": 812, "name": "npmp", "path": "/usr/sbin/npmp", "started": 17},
            "parents": [{"pid": 1, "name": "init"}],
            "missing": ["its package: no database"],
        }
    }
    documents = [{"why": 1, "found": found, "left_out": [7]}, {"why": 1, "found": {}}]
    nothing = {"why": 1, "found": {}, "left_out": []}
    return [json.dumps(each).encode() for each in (*documents, nothing)]


def rows(data: bytes) -> bool:
    """Rows of any text in any column: a line is a row, a tab ends a value, as in ``COLUMNS``."""
    text = data.decode("utf-8", "backslashreplace")
    sockets, _, docker = text.partition("\f")
    told = SourceReply(
        look_with(None).reply.identity,
        {
            LISTENING_SOCKETS: _observed(COLUMNS, sockets),
            PUBLISHED_PORTS: _observed(_PUBLISHED, docker),
        },
    )
    judge_look(look_with(told))
    return True


def _observed(columns: tuple[str, ...], text: str) -> Observed:
    found: list[Row] = [
        dict(zip(columns, line.split("\t"), strict=False)) for line in text.split("\n") if line
    ]
    return Observed(tuple(found), len(found))


def rows_seeds() -> list[bytes]:
    """The stand-in's rows, every family and protocol, and ports that docker publishes."""
    lines = ["\t".join(row.get(name, "") for name in COLUMNS) for row in LISTENERS]
    odd = [f"-1\t3\t9\t{family}\t17\t::ffff:10.0.0.1\t609\t0" for family in (0, 1, 2, 17, 23, 30)]
    docker = ["4f79\ttcp\t80\t0.0.0.0\t609", "4f79\tudp\t80\t\t610"]
    return [
        "\n".join([*lines, *odd]).encode(),
        ("\n".join(lines) + "\f" + "\n".join(docker)).encode(),
    ]
