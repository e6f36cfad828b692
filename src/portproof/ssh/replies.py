"""Turn the documents that the agent printed on a host into a ``SourceReply``, or a reason."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from portproof.model.limits import LAST_PORT
from portproof.model.observation import (
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
from portproof.sources.osquery_plan import QueryPlan, planned
from portproof.sources.osquery_reply import Beside, reply_to
from portproof.sources.own import FIRST, NOTHING_OWN, Canary, Own, with_process
from portproof.sources.program import CompletedProgram, ErrorOutput
from portproof.sources.source import NO_DOCKER, failure_of, useless_answer
from portproof.ssh.dialogue import Printed

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_WANTED: Final = _LOOPBACK | {"::ffff:127.0.0.1"}
_PROTOCOLS: Final = frozenset({"tcp", "udp"})
_MOST_CANARIES: Final = 5
_MOST_PROCESSES: Final = 16


class OsqueryiRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of osqueryi; ``out`` and ``err`` are bytes as Latin-1 text."""

    code: int
    out: str
    err: str
    late: bool = False
    large: bool = False
    pid: int = 0


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document that ``agent.look`` prints."""

    runs: list[OsqueryiRun]
    probe: msgspec.Raw
    canaries: list[tuple[str, str, int, int]]
    unopened: list[tuple[str, str]]
    processes: list[int]
    failed: str
    direct: list[OsqueryiRun] = []
    aside: OsqueryiRun | None = None
    beside: msgspec.Raw = msgspec.Raw(b"null")


class HostReply(NamedTuple):
    """A host's reply: who looked and what they saw, the canaries, and what was tried before.

    ``useless`` is why the answer of osqueryi cannot be used although it ended well, so that the
    agent did not let the probe look.
    """

    reply: SourceReply | Unobserved
    canaries: tuple[Witness, ...]
    tried: tuple[str, ...] = ()
    useless: Unobserved | None = None


def asked(plan: QueryPlan) -> dict[str, str]:
    """The questions in the order in which osqueryi is asked: first who it is, then for sockets."""
    return {"": IDENTITY_SQL[plan.platform], **plan.first}


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
        own = _own(reply)
        unopened = _unopened(reply.unopened)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        detail = f"the host's answer is not understood: {quoted(str(error))}"
        return HostReply(Unobserved(Reason.GARBLED, detail), ())
    if reply.failed:
        detail = f"looking failed on the host: {quoted(reply.failed)}"
        return HostReply(Unobserved(Reason.QUERY_ERROR, detail), canaries)
    plan = planned(questions, platform, holders=False)
    osqueryi = _osqueryi(reply, plan, deadline, own) if reply.runs else None
    probe = _probe(reply, questions, deadline, own)
    failure = failure_of(osqueryi) if osqueryi is not None else None
    if osqueryi is not None and (failure is None or probe is None):
        source_reply = _by_agent(osqueryi)
        useless = useless_answer(source_reply) if probe is None else None
        return HostReply(_without(source_reply, unopened), canaries, useless=useless)
    nothing = Unobserved(
        Reason.NO_COLLECTOR, "there is no osqueryi, and the probe knows Linux only"
    )
    tried = (f"{osqueryi_run.SOURCE}: {failure.detail}",) if failure is not None else ()
    seen = nothing if probe is None else _without(_by_agent(probe), unopened)
    return HostReply(seen, canaries, tried)


def reply_of_shell(
    run: OsqueryiRun, questions: Mapping[str, str], platform: Platform, deadline: float
) -> SourceReply | Unobserved:
    """Return what osqueryi saw where a shell asked it everything in one run, but what is aside."""
    plan = planned(questions, platform)
    return _reply(plan, _told([run], ["", *plan.first, *plan.direct]), {}, deadline)


def _osqueryi(reply: Reply, plan: QueryPlan, deadline: float, own: Own) -> SourceReply | Unobserved:
    """Return what osqueryi saw where the agent asked it."""
    own = with_process(own, reply.runs[0].pid) if len(reply.runs) == 1 else own
    told = _told(reply.runs, ["", *plan.first])
    further = _told(reply.direct, [*plan.direct]).answers | _aside(reply.aside, [*plan.aside])
    return _reply(plan, told, further, deadline, beside=_beside(reply), own=own)


class _Told(NamedTuple):
    """Answers by their ids, and warnings of what could not be read."""

    answers: dict[str, Answer]
    unread: list[str]


def _told(runs: Sequence[OsqueryiRun], names: Sequence[str]) -> _Told:
    """Return what came of one run for everything, or where it failed, of one for each question."""
    if len(runs) == 1:
        told = _answers(runs[0], len(names))
        if isinstance(told, Unobserved):
            return _Told(dict.fromkeys(names, told), [])
    else:
        told = osqueryi_run.joined(_answers(run, 1) for run in runs[1 : len(names) + 1])
    late = Unobserved(Reason.TIMEOUT, "osqueryi was not asked this; the time was over")
    answers: dict[str, Answer] = dict.fromkeys(names, late)
    return _Told(answers | dict(zip(names, told.answers, strict=False)), told.unread)


def _reply(  # noqa: PLR0913 - all that one reply is made of
    plan: QueryPlan,
    told: _Told,
    further: Mapping[str, Answer],
    deadline: float,
    *,
    beside: Beside = Beside(),  # noqa: B008 - frozen
    own: Own = NOTHING_OWN,
) -> SourceReply | Unobserved:
    who = told.answers[""]
    identity = read_identity(osqueryi_run.SOURCE, plan.platform, who)
    if isinstance(identity, Unobserved):
        return identity
    answers = {**told.answers, **further}
    return reply_to(
        plan, identity, answers, deadline, incomplete=told.unread, beside=beside, own=own
    )


def _aside(run: OsqueryiRun | None, names: Sequence[str]) -> dict[str, Answer]:
    """Return the answers to what was asked aside; a failure takes nothing from the others."""
    told = NO_DOCKER if run is None else _answers(run, len(names))
    if isinstance(told, Unobserved):
        return dict.fromkeys(names, told)
    return dict(zip(names, told.answers, strict=True))


def _beside(reply: Reply) -> Beside:
    """Return the tables that the agent read beside osqueryi."""
    if bytes(reply.beside) == b"null":
        return Beside()
    collected = embedded.decoded(bytes(reply.beside))
    return Beside() if isinstance(collected, Unobserved) else Beside(collected.tables)


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
    reply: Reply, questions: Mapping[str, str], deadline: float, own: Own
) -> SourceReply | Unobserved | None:
    if bytes(reply.probe) == b"null":
        return None
    collected = embedded.decoded(bytes(reply.probe))
    if isinstance(collected, Unobserved):
        return collected
    return embedded.reply(questions, collected, deadline, own)


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


def _canaries(told: Sequence[tuple[str, str, int, int]], server: str) -> tuple[Witness, ...]:
    """Return the canaries; only plausible ones, because listeners that match are not judged."""
    if len(told) > _MOST_CANARIES:
        raise ValueError(f"{len(told)} canaries")
    for protocol, address, port, _ in told:
        is_placed = protocol == "tcp" and address == server != ""
        is_one = is_placed or (protocol in _PROTOCOLS and address in _LOOPBACK)
        if not is_one or not 0 < port <= LAST_PORT:
            raise ValueError(f"a canary on {protocol} {address} port {port}")
    return tuple(Witness(*canary[:3], ours=True) for canary in told)


def _own(reply: Reply) -> Own:
    """Return what portproof has on the host; canaries must have been accepted before."""
    if len(reply.processes) > _MOST_PROCESSES or any(pid <= FIRST for pid in reply.processes):
        raise ValueError(f"{len(reply.processes)} processes of portproof's")
    canaries = frozenset(Canary(inode, address, port) for _, address, port, inode in reply.canaries)
    return Own(frozenset(reply.processes), canaries)
