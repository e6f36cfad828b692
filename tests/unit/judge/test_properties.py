"""What holds for every look, found by random ones: verdicts are an oracle's, and never too green.

Examples are derived from the tests themselves (``derandomize``), so every run tries the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.exitcodes import ExitCode
from portproof.judge.host import judge
from portproof.judge.plan import Plan, plans
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Answer,
    FailedLook,
    HostLook,
    Identity,
    Look,
    Observed,
    Platform,
    Reason,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.model.verdicts import Judgement, Verdict
from portproof.policy.checks import Check
from portproof.policy.policy import Policy, bind
from portproof.result.result import AuditResult, Digest, Run
from support import oracle
from support.for_each import for_each
from support.strategies import (
    COLUMNS,
    HOST,
    a_look,
    a_rule,
    host_look,
    looks,
    platforms,
    policy,
    published,
    rules,
)
from support.times import at

steady = settings(max_examples=60)
thorough = settings(steady, max_examples=150)

CHECKS = (
    Check(check="with-witness", title="With a witness", sql="SELECT 1", witness="SELECT 2"),
    Check(check="without-witness", title="Without a witness", sql="SELECT 1", privilege="any"),
)
CHECK_POLICY = Policy.model_validate(
    {
        "policy": "checks",
        "title": "Checks",
        "rules": [
            {"id": f"{check.check}-{index}", "check": check.check, "expect": expect}
            for check in CHECKS
            for index, expect in enumerate(("no rows", "some rows", "one row", 2))
        ],
    }
)
FAILURE = Unobserved(Reason.QUERY_ERROR, "the test took the answer away")


def judged(look: Look, *policies: Policy) -> tuple[Judgement, ...]:
    """The judgements of a look by every rule of the policies."""
    bound = tuple(bind(policies))
    return judge(Plan(bound, [True] * len(bound)), Host("host"), look, CHECKS).judgements


def verdict_of(look: oracle.Look, rule: oracle.Rule) -> oracle.Opinion:
    """Portproof's opinion in the form of the oracle's."""
    (judgement,) = judged(host_look(look), policy(rule))
    reason = judgement.reason and judgement.reason.value
    return judgement.verdict.value, reason, len(judgement.findings)


def answers() -> st.SearchStrategy[dict[str, Answer]]:
    """Answers to the checks and their witnesses, some of them missing."""
    found = st.integers(0, 3).map(lambda count: Observed(({"a": "1"},) * count, count))
    names = [check.check for check in CHECKS] + [CHECKS[0].witness_id]
    return st.fixed_dictionaries({}, optional={name: found | st.just(FAILURE) for name in names})


@for_each("platform", list(Platform))
def test_verdicts_are_those_of_the_oracle(platform: Platform) -> None:
    """Verdict, reason and number of findings agree, and every verdict comes up often."""
    seen = Counter[str]()

    @thorough
    @given(looks(platform.value), rules())
    def agrees(look: oracle.Look, rule: oracle.Rule) -> None:
        expected = oracle.opinion(look, rule)
        assert verdict_of(look, rule) == expected
        seen.update(expected[:1])

    agrees()
    assert {verdict for verdict, times in seen.items() if times > 20} == {
        "pass",
        "fail",
        "unproven",
    }


@steady
@given(st.data(), looks(), st.lists(rules(), min_size=1, max_size=3))
def test_the_order_of_rows_does_not_matter(
    data: st.DataObject, look: oracle.Look, several: list[oracle.Rule]
) -> None:
    """The same rows in another order give the same judgements, to the letter."""
    shuffled = {
        **look,
        "rows": data.draw(st.permutations(look["rows"])),
        "published": data.draw(st.permutations(look["published"])),
    }
    declared = policy(*several)
    assert judged(host_look(shuffled), declared) == judged(host_look(look), declared)


@steady
@given(st.data(), looks(), st.lists(rules(), min_size=1, max_size=3))
def test_doubled_rows_do_not_matter(
    data: st.DataObject, look: oracle.Look, several: list[oracle.Rule]
) -> None:
    """Rows that come twice change no verdict, no reason and no finding."""
    more = data.draw(st.lists(st.sampled_from(look["rows"]), max_size=3)) if look["rows"] else []
    doubled = {**look, "rows": [*look["rows"], *more]}
    declared = policy(*several)
    assert _gist(judged(host_look(doubled), declared)) == _gist(judged(host_look(look), declared))


def _gist(judgements: Sequence[Judgement]) -> list[tuple[Any, ...]]:
    return [(each.verdict, each.reason, each.findings, each.notes) for each in judgements]


def without_rows(draw: st.DrawFn, look: HostLook) -> HostLook:
    """Some rows went missing on the way; the source's count still tells."""
    sockets = look.reply.answers[LISTENING_SOCKETS]
    assert isinstance(sockets, Observed)
    kept = tuple(row for row in sockets.rows if draw(st.booleans()))
    return _with_answers(look, {LISTENING_SOCKETS: Observed(kept, sockets.count)})


def without_an_answer(draw: st.DrawFn, look: HostLook) -> HostLook:
    """One question failed after all."""
    name = draw(st.sampled_from(sorted(look.reply.answers)))
    return _with_answers(look, {name: FAILURE})


def with_less_read(_: st.DrawFn, look: HostLook) -> HostLook:
    """The source could not read something."""
    reply = SourceReply(
        look.reply.identity, look.reply.answers, (*look.reply.incomplete, "something")
    )
    return _look(reply, look.witnesses)


def without_witnesses(draw: st.DrawFn, look: HostLook) -> HostLook:
    """No witness of a protocol was there."""
    gone = draw(st.sampled_from([("tcp",), ("udp",), ("tcp", "udp")]))
    kept = tuple(each for each in look.witnesses if each.protocol not in gone)
    return _look(look.reply, kept)


def by_a_user(_: st.DrawFn, look: HostLook) -> HostLook:
    """The collector was not root."""
    old = look.reply.identity
    identity = Identity(
        source=old.source,
        version=old.version,
        platform=old.platform,
        euid=1000,
        host_namespace=old.host_namespace,
    )
    return _look(SourceReply(identity, look.reply.answers, look.reply.incomplete), look.witnesses)


def _with_answers(look: HostLook, changed: dict[str, Answer]) -> HostLook:
    answers = {**look.reply.answers, **changed}
    return _look(SourceReply(look.reply.identity, answers, look.reply.incomplete), look.witnesses)


def _look(reply: SourceReply, witnesses: tuple[Witness, ...]) -> HostLook:
    return HostLook(reply=reply, witnesses=witnesses, taken=at("2026-01-01T00:00:00Z"), seconds=0.1)


@for_each("harm", [without_rows, without_an_answer, with_less_read, without_witnesses, by_a_user])
def test_seeing_less_never_turns_a_verdict_into_pass(harm: Any) -> None:  # noqa: ANN401 - a function of the above
    """Whatever is taken away from a look, nothing passes that did not pass before."""

    @steady
    @given(st.data(), looks(), st.lists(rules(), min_size=1, max_size=3), answers())
    def holds(
        data: st.DataObject,
        look: oracle.Look,
        several: list[oracle.Rule],
        told: dict[str, Answer],
    ) -> None:
        whole = host_look(look, told)
        harmed = harm(data.draw, whole)
        declared = (policy(*several), CHECK_POLICY)
        for before, after in zip(judged(whole, *declared), judged(harmed, *declared), strict=True):
            assert after.verdict is not Verdict.PASS or before.verdict is Verdict.PASS

    holds()


@steady
@given(looks(), st.lists(published()), st.lists(rules(), min_size=1, max_size=3))
def test_what_docker_tells_never_turns_a_verdict_greener(
    look: oracle.Look, told: list[dict[str, str]], several: list[oracle.Rule]
) -> None:
    """Published ports may fail a rule or hide who is behind a port; they prove nothing."""
    declared = policy(*several)
    silent = judged(host_look({**look, "published": []}), declared)
    for before, after in zip(
        silent, judged(host_look({**look, "published": told}), declared), strict=True
    ):
        assert after.verdict is not Verdict.PASS or before.verdict is Verdict.PASS
        assert before.verdict is not Verdict.FAIL or after.verdict is Verdict.FAIL


@steady
@given(looks(), st.sampled_from(["2", "10"]), st.sampled_from(["6", "17"]), st.integers(1, 65535))
def test_a_listener_on_a_closed_port_always_fails(
    look: oracle.Look, family: str, protocol: str, port: int
) -> None:
    """A listener in the host's namespace is a failure, whatever else there is or is not."""
    listener = {
        "pid": "-1",
        "socket": "999999",
        "family": family,
        "protocol": protocol,
        "address": "198.51.100.7" if family == "2" else "2001:db8::7",
        "port": str(port),
        "remote_port": "0",
        "state": "LISTEN" if protocol == "6" else "",
        "net_namespace": look["host_namespace"],
    }
    closed = policy(a_rule("closed", ports={("tcp", port), ("udp", port)}))
    (judgement,) = judged(host_look({**look, "rows": [*look["rows"], listener]}), closed)
    assert judgement.verdict is Verdict.FAIL
    found = [each.listener for each in judgement.findings]
    assert any(each and each.address == listener["address"] for each in found)


@steady
@given(looks(), st.lists(rules(), min_size=1, max_size=3), answers())
def test_a_judgement_explains_itself(
    look: oracle.Look, several: list[oracle.Rule], told: dict[str, Answer]
) -> None:
    """There is a reason just when it is unproven, and there are findings just when it failed."""
    for judgement in judged(host_look(look, told), policy(*several), CHECK_POLICY):
        unproven = judgement.verdict is Verdict.UNPROVEN
        assert (judgement.reason is not None) == unproven
        assert not unproven or judgement.detail
        assert bool(judgement.findings) == (judgement.verdict is Verdict.FAIL)


@steady
@given(
    platforms(),
    st.text(max_size=20) | st.just(HOST),
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, st.text(max_size=12)))),
)
def test_arbitrary_text_never_raises(
    platform: str, namespace: str, rows: list[dict[str, str]]
) -> None:
    """Whatever a host writes into the columns, it is judged, and it proves nothing."""
    look = a_look(rows, platform=platform, host_namespace=namespace)
    declared = [a_rule(kind, at="external", by="x") for kind in ("closed", "open", "only")]
    verdicts = {each.verdict for each in judged(host_look(look), policy(*declared))}
    assert verdicts <= {Verdict.UNPROVEN, Verdict.FAIL}


MEANT: dict[str, Callable[[Host], bool]] = {
    "all": lambda _: True,
    "web": lambda host: host.groups == ("web",),
    "db:!host0": lambda host: host.groups == ("db",) and host.name != "host0",
}


@st.composite
def rosters(draw: st.DrawFn) -> tuple[Inventory, list[Look], list[oracle.Rule], list[str]]:
    """Hosts in groups with a look each, and rules with the group each is for."""
    dark = FailedLook(cause=FAILURE, taken=at("2026-01-01T00:00:00Z"), seconds=0.0)
    seen = draw(st.lists(looks().map(host_look) | st.just(dark), min_size=1, max_size=4))
    hosts = tuple(
        Host(f"host{index}", (draw(st.sampled_from(["web", "db"])),)) for index in range(len(seen))
    )
    declared = draw(st.lists(rules(), min_size=1, max_size=3))
    groups = [draw(st.sampled_from(sorted(MEANT))) for _ in declared]
    return Inventory(hosts, "random"), seen, declared, groups


@steady
@given(rosters())
def test_the_roster_adds_up(
    roster: tuple[Inventory, list[Look], list[oracle.Rule], list[str]],
) -> None:
    """Every host has one verdict for every rule, and the exit code follows from them alone."""
    inventory, seen, declared, groups = roster
    policies = [
        policy(rule, name=f"p{index}", hosts=group)
        for index, (rule, group) in enumerate(zip(declared, groups, strict=True))
    ]
    bound = tuple(bind(policies))
    plan_of = plans(bound, inventory)
    hosts = [
        judge(plan_of[host.name], host, look, CHECKS)
        for host, look in zip(inventory.hosts, seen, strict=True)
    ]
    result = AuditResult(_run(), bound, hosts)
    verdicts = [each.verdict for host in hosts for each in host.judgements]
    assert len(verdicts) == len(hosts) * len(bound) == sum(result.totals.verdicts.values())
    assert result.totals.verdicts == {each.value: verdicts.count(each) for each in Verdict}
    assert result.exit_code is _exit_code(set(verdicts))
    for host in inventory.hosts:
        judgements = next(each.judgements for each in hosts if each.name == host.name)
        for group, judgement in zip(groups, judgements, strict=True):
            assert (judgement.verdict is not Verdict.NOT_APPLICABLE) == MEANT[group](host)


def _exit_code(verdicts: set[Verdict]) -> ExitCode:
    if verdicts == {Verdict.NOT_APPLICABLE}:
        return ExitCode.ERROR
    if Verdict.FAIL in verdicts:
        return ExitCode.FAILED
    return ExitCode.INCOMPLETE if Verdict.UNPROVEN in verdicts else ExitCode.PROVEN


def _run() -> Run:
    return Run(
        version="0",
        started=at("2026-01-01T00:00:00Z"),
        finished=at("2026-01-01T00:00:01Z"),
        controller="test",
        inventory=Digest("random", ""),
        policies=(),
        checks=(),
    )
