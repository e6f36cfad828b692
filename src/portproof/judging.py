"""One look becomes one host's result: normalise, prove, evaluate."""

from collections.abc import Sequence

from portproof.evaluate import Plan
from portproof.model.checks import Check
from portproof.model.hosts import Host
from portproof.model.observation import HostDark, HostLook, Identity, Look, Observed
from portproof.model.result import HostResult, Seen
from portproof.model.scene import Scene
from portproof.normalise import Wanted, normalise
from portproof.prove import check_answers, doubts, listening_answer, without_canaries


def judge(
    plan: Plan, host: Host, look: Look, checks: Sequence[Check], *, require_witness: bool = False
) -> HostResult:
    """Judge one host by its look. Pure: the same look gives the same result, today or later."""
    if isinstance(look, HostDark):
        judgements = plan.judge_dark(look.cause)
        return HostResult(host.name, host.groups, judgements, _unseen(look))
    witnesses = {witness.port for witness in look.witnesses}
    scene = scene_of(
        look,
        checks,
        require_witness=require_witness,
        wanted=Wanted(witnesses, plan.watches),
    )
    return HostResult(host.name, host.groups, plan.judge(scene), _seen(look, scene))


def scene_of(
    look: HostLook,
    checks: Sequence[Check],
    *,
    require_witness: bool = False,
    wanted: Wanted | None = None,
) -> Scene:
    """What a look says about a host, with the doubts that remain.

    ``wanted`` leaves out listeners that nobody asks for; their rows are read all the same.
    """
    identity = look.sight.identity
    answer = listening_answer(look)
    rows = answer.rows if isinstance(answer, Observed) else ()
    normal = normalise(rows, identity, wanted)
    without_sql = (each.check for each in checks if each.sql_on(identity.platform) is None)
    return Scene(
        platform=identity.platform,
        listeners=without_canaries(normal.listeners, look.witnesses),
        doubts=doubts(look, normal.listeners, normal.garbled, normal.stateless),
        checks=check_answers(look, checks, require_witness=require_witness),
        inapplicable=frozenset(without_sql),
        outside=look.outside,
    )


def _unseen(look: HostDark) -> Seen:
    return Seen(taken=look.taken, seconds=look.seconds, tried=look.tried)


def _seen(look: HostLook, scene: Scene) -> Seen:
    identity = look.sight.identity
    doubt = scene.doubts.tcp or scene.doubts.udp
    return Seen(
        taken=look.taken,
        seconds=look.seconds,
        source=identity.source,
        version=identity.version,
        platform=identity.platform,
        privilege=_privilege(identity),
        proof=_witnesses(look) if doubt is None else f"{doubt.reason}: {doubt.detail}",
        tried=look.tried,
    )


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
