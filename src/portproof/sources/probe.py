"""Use the embedded probe as a source: portproof's own look at a machine without osquery.

On Linux the probe reads /proc; elsewhere psutil tells. Either way the rows go through SQLite, so
that the questions are the very SQL that osquery is asked.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from portproof import __version__
from portproof.agent.tables import collect
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Identity,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources.agent import sha256
from portproof.sources.answers import quoted
from portproof.sources.identity import this_platform
from portproof.sources.osquery_tables import with_unknown_owners
from portproof.sources.own import NOTHING_OWN, Own
from portproof.sources.sight import ProbePlace, Sight, hidden_doubt, sight_doubts
from portproof.sources.snapshot import Snapshot, answers_from, columns_wanted
from portproof.sources.socket_details import tables_needed, with_details
from portproof.sources.sqltables import Table

PROTOCOL: Final = 1
"""The version of what the probe prints."""

_MOST_FAULTS: Final = 100


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe brought back, here or from a host; as JSON it is one line.

        {"probe": 1, "platform": "linux", "euid": 0, "host_namespace": "4026531840",
         "tables": {"users": {"columns": ["uid", ...], "rows": [[0, ...], ...]}},
         "incomplete": ["/proc/1/net/tcp6: Permission denied"], "missing": {"hash": "..."}}

    ``host_namespace`` is the inode of process 1's network namespace, "0" when it may not be known.
    A column of osquery's that a table lacks is unknown, not empty; so is a ``missing`` table, each
    with the reason. While ``incomplete`` is not empty, the absence of a row proves nothing.
    ``by_file`` says for which network namespaces the kernel could not be asked about TCP and UDP
    sockets, and why; there /proc was read. ``hidden`` are processes that could not be read,
    ``unread`` network namespaces likewise, and ``place`` is what limits the probe (``sight``).
    """

    probe: int
    platform: Platform
    euid: int | None = None
    elevated: bool | None = None
    host_namespace: str = ""
    tables: dict[str, Table]
    incomplete: list[str]
    by_file: list[str] = []
    missing: dict[str, str]
    unread: list[str] = []
    hidden: list[int] = []
    place: ProbePlace = ProbePlace()


class ProbeSource:
    """A source that reads this machine in this process.

    Args:
        timeout: Seconds for a whole look. A process in uninterruptible sleep can hold up the
            reading of /proc for ever, so it is left behind when they are over.
    """

    name = "probe"

    def __init__(self, timeout: float = 30.0) -> None:
        self._timeout = timeout

    def look(
        self, questions: Mapping[str, str], own: Own = NOTHING_OWN
    ) -> SourceReply | Unobserved:
        """Read what the questions need, once, and answer each of them."""
        deadline = time.monotonic() + self._timeout
        platform = this_platform()
        collected = read_here(platform, wanted(questions, platform), self._timeout)
        if isinstance(collected, Unobserved):
            return collected
        return reply(questions, collected, deadline, own)


def read_here(platform: Platform, names: list[str], seconds: float) -> Collected | Unobserved:
    """Read tables of this machine; ``names`` are those that ``wanted`` returns."""
    found = _within(seconds, lambda: _collect(platform, names))
    return found if isinstance(found, Unobserved) else checked(found)


def wanted(questions: Mapping[str, str], platform: Platform) -> list[str]:
    """Return the names to call a probe with: columns as ``table.column``, and whole tables.

    A question that cannot be asked at all needs nothing read; its answer will say so.
    """
    wanted = columns_wanted(questions, platform)
    whole = [table for table, columns in wanted.items() if not columns]
    whole += tables_needed(questions, platform)
    return sorted([*whole, *(f"{table}.{each}" for table in wanted for each in wanted[table])])


def decoded(line: bytes) -> Collected | Unobserved:
    """Parse what the probe printed on a host; return ``Unobserved`` for anything else."""
    try:
        return checked(msgspec.json.decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _garbled(error)


def checked(found: object) -> Collected | Unobserved:
    """Accept what a probe collected if it has the shape that this version knows."""
    try:
        collected = msgspec.convert(found, Collected)
    except msgspec.ValidationError as error:
        return _garbled(error)
    if collected.probe != PROTOCOL:
        return _garbled(f"version {collected.probe}")
    return collected


def reply(
    questions: Mapping[str, str], collected: Collected, deadline: float, own: Own = NOTHING_OWN
) -> SourceReply:
    """Answer every question from what was collected.

    Args:
        questions: The SQL of every question by its id.
        collected: What was collected.
        deadline: When the answers must be there, on the clock of ``time.monotonic``.
        own: What portproof has on the machine.
    """
    missing = missing_of(collected)
    snapshot = Snapshot(collected.platform, collected.tables, missing, own)
    answers = answers_from(snapshot, questions, deadline)
    if LISTENING_SOCKETS in answers:
        told = with_details(answers[LISTENING_SOCKETS], collected.tables)
        answers[LISTENING_SOCKETS] = told
    identity = Identity(
        source=ProbeSource.name,
        version=__version__,
        platform=collected.platform,
        euid=collected.euid,
        elevated=collected.elevated,
        host_namespace=collected.host_namespace[:20],
        agent=sha256() if collected.platform is Platform.LINUX else "",
        sockets_by=_sockets_by(collected),
    )
    incomplete = tuple(quoted(fault) for fault in collected.incomplete[:_MOST_FAULTS])
    sight = Sight(tuple(collected.hidden), tuple(map(quoted, collected.unread)), collected.place)
    sockets = collected.tables.get("process_open_sockets")
    doubts = sight_doubts(questions, collected.platform, sockets, sight)
    if collected.euid == 0 and LISTENING_SOCKETS in answers and hidden_doubt(sight, sockets):
        answers[LISTENING_SOCKETS] = with_unknown_owners(answers[LISTENING_SOCKETS])
    return SourceReply(identity, answers, incomplete, doubts)


def _sockets_by(collected: Collected) -> tuple[str, ...]:
    """Return how the TCP and UDP sockets of Linux were read, if they were."""
    if collected.platform is not Platform.LINUX or "process_open_sockets" not in collected.tables:
        return ()
    files = [
        f"/proc in network namespace {quoted(why)}" for why in collected.by_file[:_MOST_FAULTS]
    ]
    return tuple(files) or ("netlink",)


def missing_of(collected: Collected) -> dict[str, Unobserved]:
    """Return why each table that was asked for could not be read."""
    return {name: _missing(name, why) for name, why in collected.missing.items()}


def _missing(table: str, why: str) -> Unobserved:
    detail = f"the embedded probe has no table {table} ({quoted(why)}); install osquery to ask this"
    return Unobserved(Reason.MISSING_TABLE, detail)


def _garbled(error: object) -> Unobserved:
    return Unobserved(Reason.GARBLED, f"the probe's answer is malformed: {quoted(str(error))}")


def _collect(platform: Platform, names: list[str]) -> dict[str, object]:
    if platform is Platform.LINUX:
        return collect(names)
    from portproof.sources import probe_psutil  # noqa: PLC0415 - Linux has no need of psutil

    return probe_psutil.collect(names)


def _within(seconds: float, work: Callable[[], object]) -> object:
    """Return what ``work`` returns, or why it did not; it is abandoned after ``seconds``."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(_outcome(work)), daemon=True)
    thread.start()
    thread.join(seconds)
    late = Unobserved(Reason.TIMEOUT, f"reading the machine took more than {seconds:g} seconds")
    return results[0] if results else late


def _outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever a machine does to its probe is unproven
        kind = type(error).__name__
        return Unobserved(Reason.QUERY_ERROR, f"the probe failed: {kind}: {quoted(str(error))}")
