"""Judge one look at a host: normalise, prove, evaluate, and classify what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from sys import intern

import msgspec

from portproof.catalog.services import by_port
from portproof.judge.docker_ports import published, with_published
from portproof.judge.listeners import ListenerFilter, normalise
from portproof.judge.plan import Plan
from portproof.judge.proof import check_answers, doubts, listening_answer, without_canaries
from portproof.model.host_facts import HostFacts
from portproof.model.hosts import Host
from portproof.model.listeners import Listener
from portproof.model.observation import FailedLook, HostLook, Identity, Look, Observed
from portproof.model.verdicts import Finding, Judgement, Verdict
from portproof.model.why import Why
from portproof.policy.checks import Check
from portproof.result.result import HostResult, LookSummary
from portproof.triage import read


def judge(
    plan: Plan, host: Host, look: Look, checks: Sequence[Check], *, require_witness: bool = False
) -> HostResult:
    """Judge one host by its look. Pure: the same look always gives the same result."""
    if isinstance(look, FailedLook):
        judgements = plan.judge_dark(look.cause)
        return HostResult(host.name, host.groups, judgements, _unseen(look))
    witnesses = {witness.port for witness in look.witnesses}
    facts = facts_of(
        look,
        checks,
        require_witness=require_witness,
        wanted=ListenerFilter(witnesses, plan.watches),
    )
    judged = HostResult(host.name, host.groups, plan.judge(facts), _seen(look, facts))
    return explained(judged, look)


def explained(result: HostResult, look: HostLook) -> HostResult:
    """Return a host's result with who is behind failing listeners, as far as the look tells.

    It changes no verdict. The result must not have been waived: a waived finding is explained too.
    """
    if look.why is None:
        return result
    judgements = tuple(_explained(each, look, look.why) for each in result.judgements)
    return msgspec.structs.replace(result, judgements=judgements)


def failing_listeners(result: HostResult) -> tuple[Listener, ...]:
    """Return the listeners by which rules fail on a host: the second round asks about these."""
    if not result.has(Verdict.FAIL):
        return ()
    failed = (each for each in result.judgements if each.verdict is Verdict.FAIL)
    found = (finding.listener for each in failed for finding in each.findings)
    return tuple(dict.fromkeys(listener for listener in found if listener is not None))


def _explained(judgement: Judgement, look: HostLook, whys: Mapping[int, Why]) -> Judgement:
    """Add to a failure who is behind its listeners, and the classification of that."""
    if judgement.verdict is not Verdict.FAIL:
        return judgement
    findings = tuple(_read(finding, look, whys) for finding in judgement.findings)
    return msgspec.structs.replace(judgement, findings=findings)


def _read(finding: Finding, look: HostLook, whys: Mapping[int, Why]) -> Finding:
    """Add the classification to a finding; a finding that was not asked about stays unchanged."""
    listener = finding.listener
    if listener is None:
        return finding
    pids = dict.fromkeys(owner.pid for owner in listener.owners if owner.pid is not None)
    why = tuple(whys[pid] for pid in pids if pid in whys)
    if pids and not why:
        return finding
    reading = read(
        listener,
        whys,
        registered_names(listener.port, listener.protocol),
        look.reply.identity.platform,
        int(look.taken.timestamp()),
    )
    return msgspec.structs.replace(finding, why=why, reading=reading)


def registered_names(port: int, protocol: str) -> tuple[str, ...]:
    """Return the services a port is registered for, each once."""
    services = by_port(port, protocol)
    return tuple(dict.fromkeys(service.name for service in services if service.name))


def facts_of(
    look: HostLook,
    checks: Sequence[Check],
    *,
    require_witness: bool = False,
    wanted: ListenerFilter | None = None,
) -> HostFacts:
    """Derive the facts about a host from a look, with the doubts that remain.

    ``wanted`` leaves out listeners that no rule needs; their rows are validated all the same.
    """
    identity = look.reply.identity
    answer = listening_answer(look)
    rows = answer.rows if isinstance(answer, Observed) else ()
    normal, docker = normalise(rows, identity, wanted), published(look.reply)
    without_sql = (each.check for each in checks if each.sql_on(identity.platform) is None)
    return HostFacts(
        platform=identity.platform,
        listeners=with_published(
            without_canaries(normal.listeners, look.witnesses), docker.listeners
        ),
        doubts=replace(
            doubts(look, normal.listeners, normal.garbled, normal.stateless),
            forwarded=docker.doubt,
        ),
        checks=check_answers(look, checks, require_witness=require_witness),
        inapplicable=frozenset(without_sql),
        outside=look.outside,
        unseen=docker.unseen,
    )


def _unseen(look: FailedLook) -> LookSummary:
    return LookSummary(taken=look.taken, seconds=look.seconds, tried=look.tried)


def _seen(look: HostLook, facts: HostFacts) -> LookSummary:
    """Summarise how a host was looked at."""
    identity = look.reply.identity
    doubt = facts.doubts.tcp or facts.doubts.udp
    return interned(
        LookSummary(
            taken=look.taken,
            seconds=look.seconds,
            source=identity.source,
            version=identity.version,
            platform=identity.platform,
            privilege=_privilege(identity),
            proof=_witnesses(look) if doubt is None else f"{doubt.reason}: {doubt.detail}",
            tried=look.tried,
            unseen=facts.unseen,
        )
    )


def interned(seen: LookSummary) -> LookSummary:
    """Return the same summary; text that many hosts share is stored once."""
    return msgspec.structs.replace(
        seen,
        taken=None if seen.taken is None else _shared(seen.taken),
        source=intern(seen.source),
        version=intern(seen.version),
        platform=intern(str(seen.platform)),
        privilege=intern(seen.privilege),
        unseen=tuple(map(intern, seen.unseen)),
    )


@lru_cache(maxsize=256)
def _shared(taken: datetime) -> datetime:
    """Return one object for equal times, since results keep one for each host."""
    return taken


def _privilege(identity: Identity) -> str:
    if identity.elevated is not None:
        return "elevated" if identity.elevated else "not elevated"
    if identity.euid is None:
        return "not told"
    return "root" if identity.euid == 0 else f"user id {identity.euid}"


def _witnesses(look: HostLook) -> str:
    seen = [f"{each.protocol} {each.address} port {each.port}" for each in look.witnesses]
    kind = "canaries" if all(each.ours for each in look.witnesses) else "witnesses"
    return f"{len(seen)} {kind} seen: {', '.join(seen)}"
