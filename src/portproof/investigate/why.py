"""Ask who is behind listeners that should not be there: the second round.

This module asks this machine; ``ssh.second_round`` asks hosts over SSH.

The second round changes no verdict. So nothing here raises an error, and whatever could not be
found is described in ``Why.missing``.
"""

import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from portproof.investigate.rows import MOST_LEVELS
from portproof.investigate.sql import more_questions, questions, read
from portproof.model.listeners import Listener, Owner
from portproof.model.observation import Answer, HostLook, Platform, Reason, SourceReply, Unobserved
from portproof.model.why import Process, Why
from portproof.sources.agent import BOOT, program
from portproof.sources.answers import quoted
from portproof.sources.identity import this_platform
from portproof.sources.program import run
from portproof.sources.source import Source

PROTOCOL: Final = 1
"""The version of what the probe prints."""

_MOST: Final = 50
SECONDS: Final = 20.0
"""How long a host may take to answer."""

_PROBE_SECONDS: Final = 15.0
"""After how long the probe tells what it has found, on this machine."""

LONGEST: Final = 4 << 20
"""Bytes of an answer that are read."""

_MOST_PARENTS: Final = 8
_MOST_MISSING: Final = 30
_LONGEST_MISSING: Final = 300
_SAME_START: Final = 5
"""Seconds by which two readings of one start may differ: clocks are set, and osquery rounds."""


class _ProbeReply(msgspec.Struct, frozen=True):
    """What the probe printed; ``agent.explain`` describes it."""

    why: int
    found: dict[int, Why]
    left_out: list[int]


def decoded(line: bytes | bytearray) -> dict[int, Why] | Unobserved:
    """Parse what ``agent.explain`` printed; return ``Unobserved`` for anything else."""
    if len(line) > LONGEST:
        return Unobserved(Reason.OVERSIZED, f"the probe printed more than {LONGEST} bytes")
    try:
        told = msgspec.json.decode(line, type=_ProbeReply)
        msgspec.msgpack.encode(told)  # reject a number that msgpack cannot hold: no host has it
    except (msgspec.MsgspecError, OverflowError, UnicodeError, RecursionError) as error:
        return _garbled(error)
    if told.why != PROTOCOL:
        return _garbled(f"version {told.why}")
    return {pid: _bounded(why) for pid, why in told.found.items() if why.process.pid == pid}


def with_why(look: HostLook, listeners: Sequence[Listener], sources: Sequence[Source]) -> HostLook:
    """Return the look with who is behind these listeners, asked on this machine."""
    source = next((each for each in sources if each.name == look.reply.identity.source), None)
    return msgspec.structs.replace(look, why=ask_why(source, listeners))


def ask_why(source: Source | None, listeners: Sequence[Listener]) -> dict[int, Why]:
    """Ask this machine who is behind listeners: every process that holds one gets an answer.

    Where there is /proc, portproof's own probe is asked, whatever source the listeners came from;
    elsewhere ``source``. Raises nothing.
    """
    pids = pids_of(listeners)
    try:
        found = _ask(source, pids) if pids else {}
    except Exception as error:  # noqa: BLE001 - the verdict must not depend on its explanation
        found = Unobserved(Reason.INTERNAL, f"portproof failed ({type(error).__name__})")
    return for_owners(listeners, found)


def pids_of(listeners: Iterable[Listener]) -> list[int]:
    """Return the processes to ask about: all that hold one of the listeners, up to a limit."""
    return sorted(_holders(listeners))[:_MOST]


def for_owners(listeners: Iterable[Listener], found: dict[int, Why] | Unobserved) -> dict[int, Why]:
    """Return what was found for every process that holds one of the listeners.

    A process that was not asked about, that has ended, or whose number was reused gets an answer
    that says only that.
    """
    holders = _holders(listeners)
    asked = set(sorted(holders)[:_MOST])
    return {pid: _answer(pid, owner, pid in asked, found) for pid, owner in holders.items()}


def _holders(listeners: Iterable[Listener]) -> dict[int, Owner]:
    owners = [(owner.pid, owner) for each in listeners for owner in each.owners]
    return {pid: owner for pid, owner in owners if pid is not None and pid > 0}


def _ask(source: Source | None, pids: Sequence[int]) -> dict[int, Why] | Unobserved:
    if sys.platform == "linux" and Path("/proc/self").is_dir():
        return _ask_probe(pids)
    if source is None:
        return Unobserved(Reason.NO_COLLECTOR, "the source of the listeners is no longer there")
    return ask_source(source, this_platform(), pids)


def _ask_probe(pids: Sequence[int]) -> dict[int, Why] | Unobserved:
    """Run the probe in a separate process, which is killed at its deadline."""
    command = (sys.executable, "-ISBW", "ignore", "-c", f"import sys,zlib;{BOOT}")
    line = " ".join(map(str, (_PROBE_SECONDS, *pids)))
    given = program({"do": "explain"}) + f"{line}\n".encode("ascii")
    ran = run(command, time.monotonic() + SECONDS, LONGEST, given)
    if isinstance(ran, Unobserved):
        return ran
    if ran.code != 0:
        told = quoted(ran.complaints.text.decode("utf-8", "backslashreplace"))
        return Unobserved(Reason.QUERY_ERROR, f"the probe ended with exit code {ran.code}: {told}")
    return decoded(ran.output)


def ask_source(
    source: Source, platform: Platform, pids: Iterable[int]
) -> dict[int, Why] | Unobserved:
    """Ask a source in osquery's SQL, round by round."""
    asking = inquiry(platform, pids)
    try:
        wanted = next(asking)
        while True:
            wanted = asking.send(source.look(wanted))
    except StopIteration as done:
        found: dict[int, Why] | Unobserved = done.value
        return found


Inquiry = Generator[dict[str, str], SourceReply | Unobserved, dict[int, Why] | Unobserved]


def inquiry(platform: Platform, pids: Iterable[int]) -> Inquiry:
    """Yield the SQL of each round; the caller sends in the reply of each.

    Returns what was found, whichever way the replies were obtained.
    """
    answers: dict[str, Answer] = {}
    wanted = questions(platform, pids)
    for _ in range(MOST_LEVELS + 2):
        if not wanted:
            break
        reply = yield wanted
        if isinstance(reply, Unobserved) and not answers:
            return reply
        answers |= _answers(wanted, reply)
        wanted = more_questions(platform, answers)
    return read(platform, answers)


def _answers(wanted: Mapping[str, str], reply: SourceReply | Unobserved) -> dict[str, Answer]:
    lost = Unobserved(Reason.PARTIAL, "the question was not answered")
    told: Callable[[str], Answer] = (
        (lambda _: reply)
        if isinstance(reply, Unobserved)
        else lambda name: reply.answers.get(name, lost)
    )
    return {name: told(name) for name in wanted}


def _answer(pid: int, owner: Owner, asked: bool, found: dict[int, Why] | Unobserved) -> Why:
    if not asked:
        return _nothing(pid, owner, f"only {_MOST} processes of a host are asked about")
    if isinstance(found, Unobserved):
        return _nothing(pid, owner, f"who is behind it could not be found: {found.detail}")
    why = found.get(pid)
    if why is None:
        return _nothing(pid, owner, f"process {pid} had ended when it was asked about")
    if not _is_same(owner, why.process):
        text = (
            f"process {pid} had ended when it was asked about: another process has its number now"
        )
        return _nothing(pid, owner, text)
    if not why.process.name:
        return msgspec.structs.replace(why, process=_seen(pid, owner))
    return why


def _nothing(pid: int, owner: Owner, missing: str) -> Why:
    return Why(process=_seen(pid, owner), missing=(missing,))


def _seen(pid: int, owner: Owner) -> Process:
    """Return what the listener itself says about its owner."""
    return Process(
        pid=pid,
        name=owner.name,
        path=owner.path,
        cmdline=owner.cmdline,
        user=owner.user,
        uid=owner.uid,
        started=owner.started,
    )


def _is_same(owner: Owner, process: Process) -> bool:
    """Return whether a process is the one that held the listener; process ids are reused."""
    if owner.started is not None and process.started is not None:
        return abs(owner.started - process.started) <= _SAME_START
    return not (owner.name and process.name) or owner.name == process.name


def _bounded(why: Why) -> Why:
    """Truncate what a host may have made too long."""
    missing = tuple(text[:_LONGEST_MISSING] for text in why.missing[:_MOST_MISSING])
    return msgspec.structs.replace(why, parents=why.parents[:_MOST_PARENTS], missing=missing)


def _garbled(error: object) -> Unobserved:
    return Unobserved(Reason.GARBLED, f"the probe's answer is malformed: {quoted(str(error))}")
