"""Turn the documents that the agent printed on a host into a ``SourceReply``, or a reason."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from portproof.model.limits import LAST_PORT
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Answer,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.sources import osqueryi_run
from portproof.sources import probe as embedded
from portproof.sources.agent import sha256
from portproof.sources.answers import quoted
from portproof.sources.identity import IDENTITY_SQL, read_identity
from portproof.sources.program import CompletedProgram, ErrorOutput
from portproof.sources.source import NO_DOCKER, apart, failure_of, useless_answer
from portproof.ssh.dialogue import Printed

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_WANTED: Final = _LOOPBACK | {"::ffff:127.0.0.1"}
_PROTOCOLS: Final = frozenset({"tcp", "udp"})
_MOST_CANARIES: Final = 5


class OsqueryiRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of osqueryi; ``out`` and ``err`` are bytes as Latin-1 text."""

    code: int
    out: str
    err: str
    late: bool = False
    large: bool = False


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document that ``agent.look`` prints."""

    runs: list[OsqueryiRun]
    probe: msgspec.Raw
    canaries: list[tuple[str, str, int]]
    unopened: list[tuple[str, str]]
    failed: str
    aside: OsqueryiRun | None = None


class HostReply(NamedTuple):
    """A host's reply: who looked and what they saw, the canaries, and what was tried before.

    ``useless`` is why the answer of osqueryi cannot be used although it ended well, so that the
    agent did not let the probe look.
    """

    reply: SourceReply | Unobserved
    canaries: tuple[Witness, ...]
    tried: tuple[str, ...] = ()
    useless: Unobserved | None = None


def asked(questions: Mapping[str, str], platform: Platform) -> dict[str, str]:
    """The questions in the order in which osqueryi is asked: first who it is, then the sockets."""
    together, _ = apart(questions)
    first = {name: sql for name, sql in together.items() if name == LISTENING_SOCKETS}
    return {"": IDENTITY_SQL[platform]} | first | together


def read_reply(
    document: bytes,
    questions: Mapping[str, str],
    platform: Platform,
    deadline: float,
    server: str = "",
) -> HostReply:
    """Judge the document of ``agent.look``; ``deadline`` is of ``time.monotonic``.

    ``server`` is the address, besides loopback, at which a canary was asked for. osqueryi counts
    where it could tell the listening sockets, else the probe.
    """
    try:
        reply = msgspec.json.decode(document, type=Reply)
        canaries = _canaries(reply.canaries, server)
        unopened = _unopened(reply.unopened)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        detail = f"the host's answer is not understood: {quoted(str(error))}"
        return HostReply(Unobserved(Reason.GARBLED, detail), ())
    if reply.failed:
        detail = f"looking failed on the host: {quoted(reply.failed)}"
        return HostReply(Unobserved(Reason.QUERY_ERROR, detail), canaries)
    osqueryi = reply_of_runs(reply.runs, questions, platform) if reply.runs else None
    probe = _probe(reply, questions, deadline)
    failure = failure_of(osqueryi) if osqueryi is not None else None
    if osqueryi is not None and (failure is None or probe is None):
        source_reply = _by_agent(_with_aside(osqueryi, reply.aside, questions))
        useless = useless_answer(source_reply) if probe is None else None
        return HostReply(_without(source_reply, unopened), canaries, useless=useless)
    nothing = Unobserved(
        Reason.NO_COLLECTOR, "there is no osqueryi, and the probe knows Linux only"
    )
    tried = (f"{osqueryi_run.SOURCE}: {failure.detail}",) if failure is not None else ()
    seen = nothing if probe is None else _without(_by_agent(probe), unopened)
    return HostReply(seen, canaries, tried)


def reply_of_runs(
    runs: Sequence[OsqueryiRun], questions: Mapping[str, str], platform: Platform
) -> SourceReply | Unobserved:
    """Return what osqueryi saw: from its one run for everything, or from one for each question."""
    names = list(asked(questions, platform))
    if len(runs) == 1:
        told = _answers(runs[0], len(names))
        if isinstance(told, Unobserved):
            return told
    else:
        told = osqueryi_run.joined(_answers(run, 1) for run in runs[1 : len(names) + 1])
    identity = read_identity(osqueryi_run.SOURCE, platform, told.answers[0])
    if isinstance(identity, Unobserved):
        return identity
    late = Unobserved(Reason.TIMEOUT, "osqueryi was not asked this; the time was over")
    answers: dict[str, Answer] = dict.fromkeys(names[1:], late)
    answers |= dict(zip(names[1:], told.answers[1:], strict=False))
    return SourceReply(identity, answers, tuple(dict.fromkeys(told.unread)))


def _with_aside(
    source_reply: SourceReply | Unobserved, run: OsqueryiRun | None, questions: Mapping[str, str]
) -> SourceReply | Unobserved:
    """Add the answer to the separate question; it does not affect the others."""
    _, aside = apart(questions)
    if isinstance(source_reply, Unobserved) or not aside:
        return source_reply
    told = NO_DOCKER if run is None else _answers(run, len(aside))
    answers = [told] * len(aside) if isinstance(told, Unobserved) else told.answers
    return msgspec.structs.replace(
        source_reply, answers=source_reply.answers | dict(zip(aside, answers, strict=True))
    )


def run_of(printed: Printed) -> OsqueryiRun:
    """Return what a shell printed, as the one run it is."""
    out, err = printed.output.decode("latin-1"), printed.complaints.decode("latin-1")
    return OsqueryiRun(code=printed.code, out=out, err=err)


def _answers(run: OsqueryiRun, count: int) -> osqueryi_run.OsqueryiReply | Unobserved:
    """Return the answers of a run on the host, if it is complete."""
    try:
        complaints = ErrorOutput.of(run.err.encode("latin-1"))
        ran = CompletedProgram(run.code, bytearray(run.out, "latin-1"), complaints)
    except UnicodeEncodeError:
        return Unobserved(Reason.GARBLED, "the host's answer is not understood: it is not bytes")
    if run.late:
        return Unobserved(Reason.TIMEOUT, "osqueryi did not end in time")
    if run.large:
        return Unobserved(Reason.OVERSIZED, "osqueryi printed more than is accepted")
    return osqueryi_run.judged(ran, count)


def _by_agent(told: SourceReply | Unobserved) -> SourceReply | Unobserved:
    """Return a reply with the hash of the source that was run on the host to get it."""
    if isinstance(told, Unobserved):
        return told
    identity = msgspec.structs.replace(told.identity, agent=sha256())
    return msgspec.structs.replace(told, identity=identity)


def _probe(
    reply: Reply, questions: Mapping[str, str], deadline: float
) -> SourceReply | Unobserved | None:
    if bytes(reply.probe) == b"null":
        return None
    collected = embedded.decoded(bytes(reply.probe))
    if isinstance(collected, Unobserved):
        return collected
    return embedded.reply(questions, collected, deadline)


def _without(
    source_reply: SourceReply | Unobserved, unopened: tuple[str, ...]
) -> SourceReply | Unobserved:
    """Return a reply that also names the canaries that could not be opened."""
    if isinstance(source_reply, Unobserved) or not unopened:
        return source_reply
    return msgspec.structs.replace(source_reply, incomplete=(*source_reply.incomplete, *unopened))


def _unopened(told: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return what could not be witnessed, in sentences."""
    for protocol, address in told:
        if protocol not in _PROTOCOLS or address not in _WANTED:
            raise ValueError(f"a canary missing on {protocol} {address}")
    return tuple(f"no {protocol} canary could be opened on {address}" for protocol, address in told)


def _canaries(told: Sequence[tuple[str, str, int]], server: str) -> tuple[Witness, ...]:
    """Return the canaries; only plausible ones, because listeners that match are not judged."""
    if len(told) > _MOST_CANARIES:
        raise ValueError(f"{len(told)} canaries")
    for protocol, address, port in told:
        is_placed = protocol == "tcp" and address == server != ""
        is_one = is_placed or (protocol in _PROTOCOLS and address in _LOOPBACK)
        if not is_one or not 0 < port <= LAST_PORT:
            raise ValueError(f"a canary on {protocol} {address} port {port}")
    return tuple(Witness(*canary, ours=True) for canary in told)
