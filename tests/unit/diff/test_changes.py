"""What changed between two audits: all of it, once, and nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof.diff.changes import changes
from portproof.judge.gate import condition, gate
from portproof.judge.job import Job
from portproof.model.addresses import Exposure, Stack
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import FailedLook, Look, Reason, Unobserved
from portproof.model.ports import Protocol
from portproof.model.verdicts import Finding, Verdict, failed
from portproof.policy.rules.base import found as finding_of
from portproof.result.changes import Change, ChangeKind, Changes
from portproof.result.result import AuditResult
from portproof.run.audit import judged, run
from support.cases import look_of
from support.folders import CASES, POLICY, case, job_of, looks_of, socket
from support.for_each import for_each
from support.strategies import host_look, looks, policy, rules
from support.times import at

NAMES = ("web-1", "web-2", "nfs-1", "win-1")
DARK = FailedLook(cause=Unobserved(Reason.TIMEOUT, "no answer"), taken=None, seconds=0.0)
OF_VERDICTS = {
    ChangeKind.NEWLY_FAILING,
    ChangeKind.NEWLY_UNPROVEN,
    ChangeKind.FIXED,
    ChangeKind.PROVEN,
    ChangeKind.SCOPE,
    ChangeKind.WAIVER,
}

Looks = Mapping[str, Look]


def audit(job: Job, seen: Looks, **identity: object) -> AuditResult:
    """The result of an audit with these looks."""
    hosts = {host.name: host for host in job.inventory.hosts}
    result = run(job, judged(job, ((hosts[name], look) for name, look in seen.items())))
    return replace(result, run=msgspec.structs.replace(result.run, **identity))


@st.composite
def fleets(draw: st.DrawFn) -> list[Look]:
    """One look a host; some hosts are dark."""
    one = looks().map(host_look) | st.just(DARK)
    return draw(st.lists(one, min_size=len(NAMES), max_size=len(NAMES)))


def verdicts(result: AuditResult) -> dict[tuple[str, str], Verdict]:
    """Every verdict by host and rule."""
    return {
        (host.name, bound.key): judgement.verdict
        for host in result.hosts
        for bound, judgement in zip(result.rules, host.judgements, strict=True)
    }


def told(found: Changes) -> Counter[tuple[str, str]]:
    """The hosts and rules whose verdicts are told as changed."""
    return Counter(
        (item.host, item.rule)
        for item in found.items
        if item.kind in OF_VERDICTS and item.was != item.now and item.host
    )


@settings(max_examples=40)
@given(before=fleets(), after=fleets(), own=st.lists(rules(), min_size=1, max_size=4))
def test_every_verdict_that_changed_is_told_once(
    before: list[Look], after: list[Look], own: list[Any]
) -> None:
    """By itself or with its host; and no other is reported as changed."""
    job = job_of([policy(*own, hosts="web:nfs-1").document()], hosts=NAMES)
    old, new = (audit(job, dict(zip(NAMES, each, strict=True))) for each in (before, after))
    found = changes(old, new)
    was, now = verdicts(old), verdicts(new)
    other = {pair for pair in was if was[pair] is not now[pair]}
    counts = told(found)
    whole_hosts = {host for host, rule in counts if not rule}
    covered = {pair for pair in other if pair[0] in whole_hosts}
    assert all(now[pair] is Verdict.UNPROVEN for pair in covered)
    assert counts == Counter([*(other - covered), *((host, "") for host in whole_hosts)])
    still = {(i.host, i.rule) for i in found.items if i.kind is ChangeKind.STILL_FAILING}
    assert still == {pair for pair in was if was[pair] is now[pair] is Verdict.FAIL}


@settings(max_examples=25)
@given(seen=fleets(), own=st.lists(rules(), min_size=1, max_size=4))
def test_a_result_does_not_differ_from_itself(seen: list[Look], own: list[Any]) -> None:
    """What fails still fails, and nothing else is told."""
    job = job_of([policy(*own).document()], hosts=NAMES)
    result = audit(job, dict(zip(NAMES, seen, strict=True)))
    found = changes(result, result)
    assert {item.kind for item in found.items} <= {ChangeKind.STILL_FAILING}
    assert found.exit_code == 0
    assert found.notes == ()


def between(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    policies: tuple[Mapping[str, Any], Mapping[str, Any]] = (POLICY, POLICY),
) -> Changes:
    """What changed between audits of hosts as cases describe them."""
    old, new = (
        audit(job_of([document], hosts=tuple(cases)), looks_of(cases))
        for document, cases in zip(policies, (before, after), strict=True)
    )
    return changes(old, new)


def of(found: Changes, kind: ChangeKind) -> list[Change]:
    """The changes of one kind."""
    return [item for item in found.items if item.kind is kind]


QUIET = case()
OPEN = case(socket(609, "netinfod"))
HELD = case(socket(609, "rpc.statd"))


@for_each(
    ("before", "after", "kind", "what"),
    [
        (QUIET, OPEN, "newly-failing", "netinfod listens on tcp 0.0.0.0:609 (every address)"),
        (OPEN, QUIET, "fixed", "passes; before: netinfod listens on tcp 0.0.0.0:609"),
        (OPEN, OPEN, "still-failing", "netinfod listens on tcp 0.0.0.0:609 (every address)"),
        (QUIET, HELD, "waiver", "is waived by storage@example.com until 2099-01-31: rpc.statd"),
        (HELD, QUIET, "waiver", "was waived, is pass; before: rpc.statd listens"),
        (HELD, OPEN, "newly-failing", "netinfod listens on tcp 0.0.0.0:609"),
        (HELD, OPEN, "newly-failing", "it was waived before"),
        (HELD, OPEN, "process", "rpc.statd (/usr/sbin/rpc.statd) before, netinfod (/usr/sbin/net"),
        (QUIET, case(euid=1000), "newly-unproven", "privilege: osqueryd ran as user id 1000"),
        (case(euid=1000), QUIET, "proven", "passes; it was unproven (privilege) before"),
        (
            QUIET,
            {"dark": "auth"},
            "newly-unproven",
            "could not be looked at (2 rules unproven): auth: the case says auth",
        ),
        (QUIET, case(platform="windows"), "scope", "was pass, is not-applicable: check telnet-pa"),
    ],
)
def test_a_change_is_told_as_what_it_is(
    before: dict[str, Any], after: dict[str, Any], kind: str, what: str
) -> None:
    """On one host, with its words."""
    found = between({"nfs-1": before}, {"nfs-1": after})
    assert any(what in item.what for item in of(found, ChangeKind(kind))), found.items


@for_each(
    ("before", "after", "code"),
    [
        (QUIET, OPEN, 1),
        (OPEN, OPEN, 0),
        (OPEN, QUIET, 0),
        (QUIET, {"dark": "timeout"}, 3),
        ({"dark": "timeout"}, {"dark": "auth"}, 0),
    ],
)
def test_the_exit_code_is_of_what_is_worse_now(
    before: dict[str, Any], after: dict[str, Any], code: int
) -> None:
    """1 newly failing, 3 newly unproven, 0 no worse."""
    assert between({"nfs-1": before}, {"nfs-1": after}).exit_code == code


def test_a_new_listener_of_a_rule_that_failed_is_newly_failing() -> None:
    """A failure that is known does not hide one that is not; matched by protocol, port, address."""
    more = case(socket(609, "netinfod"), socket(609, "netinfod", address="10.0.0.5"))
    found = between({"db-1": OPEN}, {"db-1": more})
    (fresh,) = of(found, ChangeKind.NEWLY_FAILING)
    assert "tcp 10.0.0.5:609" in fresh.what
    assert len(of(found, ChangeKind.STILL_FAILING)) == 1
    again = audit(job_of(hosts=["db-1"]), looks_of({"db-1": more})).compared(found)
    assert gate(again, [condition("new")]).exit_code == 1
    moved = case(socket(609, "netinfod", pid=4711))
    assert of(between({"db-1": OPEN}, {"db-1": moved}), ChangeKind.NEWLY_FAILING) == []


def on(port: int, name: str = "netinfod", **changes: Any) -> Finding:  # noqa: ANN401 - of any type
    """A finding of a listener on every address."""
    place = {"place": Place.HOST, "namespace": "1", **changes}
    seen = Listener(
        protocol=Protocol.TCP,
        address="0.0.0.0",
        port=port,
        stack=Stack.IPV4,
        exposure=Exposure.WILDCARD,
        owners=(Owner(name=name),),
        **place,
    )
    return finding_of(seen)


def row(**columns: str) -> Finding:
    """A finding of a row."""
    return Finding(" ".join(columns.values()), row=columns)


MANY = [on(port) for port in range(1, 1001)]
REST = "and {} more, which are in the evidence"
MISSING = [Finding("nothing listens on 22/tcp"), Finding("nothing listens on 443/tcp")]
INSIDE = on(6379, place=Place.OTHER, namespace="2")


def failing(was: Sequence[Finding], now: Sequence[Finding]) -> tuple[list[str], list[int]]:
    """What is newly failing by the words of changes, and the exit codes of diff and gate."""
    one_rule = {**POLICY, "rules": POLICY["rules"][:1], "waivers": []}
    job = job_of([one_rule], hosts=["db-1"])
    seen = audit(job, looks_of({"db-1": OPEN}))
    (host,) = seen.hosts
    judged = [msgspec.structs.replace(host, judgements=(failed(*each),)) for each in (was, now)]
    results = [replace(seen, hosts=(each,)) for each in judged]
    told = changes(*results)
    gated = gate(results[1].compared(told), [condition("new")])
    fresh = [item.what.partition(";")[0] for item in of(told, ChangeKind.NEWLY_FAILING)]
    return fresh, [int(told.exit_code), int(gated.exit_code)]


@for_each(
    ("was", "now", "fresh"),
    [
        ([row(name="a")], [row(name="a"), row(name="b")], "b"),
        ([row(pid="1")], [row(pid="2")], "2"),
        ([row(pid="1", name="a")], [row(pid="1", name="a"), row(pid="2", name="a")], "2 a"),
        (MISSING[:1], MISSING, "nothing listens on 443/tcp"),
        ([*MANY, Finding(REST.format(1))], [*MANY, Finding(REST.format(2))], REST.format(2)),
        (MANY, [*MANY, Finding(REST.format(1))], REST.format(1)),
        ([on(80)], [on(80, "evil")], "evil listens on tcp 0.0.0.0:80 (every address)"),
        ([on(6379)], [INSIDE, on(6379)], INSIDE.message.partition(";")[0]),
    ],
)
def test_an_old_failure_hides_no_new_one(
    was: Sequence[Finding], now: Sequence[Finding], fresh: str
) -> None:
    """Whatever a rule fails by besides is told, and gates."""
    assert failing(was, now) == ([fresh], [1, 1])


@for_each(
    ("was", "now"),
    [
        ([row(pid="1", name="a"), row(name="b")], [row(name="b"), row(pid="2", name="a")]),
        (MISSING, MISSING[:1]),
        ([*MANY, Finding(REST.format(1))], [*MANY, Finding(REST.format(1))]),
        ([INSIDE, on(6379)], [on(6379), INSIDE]),
        ([INSIDE, on(6379)], [INSIDE]),
    ],
)
def test_what_failed_before_is_not_new(was: Sequence[Finding], now: Sequence[Finding]) -> None:
    """In any order, and when a program was started again."""
    assert failing(was, now) == ([], [0, 0])


def test_a_waiver_that_holds_no_more_is_newly_failing() -> None:
    """Also where the rule failed before by something else."""
    both = case(socket(609, "rpc.statd"), socket(609, "netinfod", address="10.0.0.5"))
    bare = {**POLICY, "waivers": []}
    found = between({"nfs-1": both}, {"nfs-1": both}, (POLICY, bare))
    (fresh,) = of(found, ChangeKind.NEWLY_FAILING)
    assert "rpc.statd listens" in fresh.what
    (gone,) = of(found, ChangeKind.WAIVER)
    assert gone.what.startswith("a waiver is gone: storage@example.com for nfs-1")


@for_each("code", ["dark", "looked at"])
def test_hosts_that_came_and_went_are_told(code: str) -> None:
    """With what is known of them; a new one that is dark counts as dark."""
    new = {"dark": "auth"} if code == "dark" else OPEN
    found = between({"lab-1": OPEN, "db-1": QUIET}, {"db-1": QUIET, "lab-2": new})
    (gone,) = of(found, ChangeKind.VANISHED_HOST)
    assert (gone.host, "1 fail" in gone.what) == ("lab-1", True)
    (came,) = of(found, ChangeKind.NEW_HOST)
    assert came.host == "lab-2"
    assert found.exit_code == (3 if code == "dark" else 1)


def test_a_waiver_that_was_prolonged_is_told() -> None:
    """From when to when."""
    waivers = [{**POLICY["waivers"][0], "until": "2099-12-31"}]
    found = between({"nfs-1": HELD}, {"nfs-1": HELD}, (POLICY, {**POLICY, "waivers": waivers}))
    (item,) = of(found, ChangeKind.WAIVER)
    assert "until 2099-01-31: Moves with the next release. before" in item.what
    assert "until 2099-12-31" in item.what


def test_rules_that_came_went_or_changed_are_told() -> None:
    """A rule that is gone says how often it failed: nothing is fixed by deleting it."""
    others = [
        {**POLICY["rules"][0], "closed": "609/tcp"},
        {"id": "new", "closed": 9},
        POLICY["rules"][1],
    ]
    telnet = {"telnet-packages": [{"name": "telnetd"}], "telnet-packages#witness": [{"name": "x"}]}
    hosts = {"web-1": case(answers=telnet)}
    found = between(hosts, hosts, (POLICY, {**POLICY, "rules": others}))
    words = {item.rule.partition("/")[2]: item.what for item in of(found, ChangeKind.POLICY)}
    assert words == {
        "new": "is new: closed 9",
        "no-telnet": "is gone; 1 verdict failed by it before",
        "npmp-trap-609": "says something else than before: closed 609/tcp",
    }
    assert "the policies changed" in found.notes


def test_a_policy_that_came_or_went_is_told_once() -> None:
    """Not once for each of its rules; how often they failed is still said."""
    rules = [{"id": "a", "closed": 609}, {"id": "b", "closed": 1}]
    one, two = ({"policy": name, "title": "t", "rules": rules} for name in ("one", "two"))
    found = between({"nfs-1": HELD}, {"nfs-1": HELD}, (one, two))
    assert [item.what for item in of(found, ChangeKind.POLICY)] == [
        "policy two is new, with 2 rules",
        "policy one is gone, with 2 rules; 1 verdict failed by it before",
    ]


def test_audits_that_are_not_of_the_same_are_said_to_be() -> None:
    """Other inventories and other policies are compared, and the first thing told."""
    other = {"policy": "other", "title": "Other", "rules": [{"id": "a", "closed": 1}]}
    found = between({"web-1": QUIET}, {"web-2": QUIET}, (POLICY, other))
    assert found.notes == (
        "the inventory changed",
        "these are audits by different policies: they have no rule in common",
    )
    job = job_of()
    old, new = audit(job, looks_of()), audit(job, looks_of())
    digest = msgspec.structs.replace(new.run.inventory, name="lab.ini")
    later = msgspec.structs.replace(new.run, inventory=digest, interrupted=True)
    new = replace(new, run=later)
    (first, last) = changes(old, new).notes
    assert first == "these are audits of different inventories: hosts.ini before, lab.ini now"
    assert last == "the later audit was interrupted"


def days(*hosts: Mapping[str, Any] | None) -> Sequence[AuditResult]:
    """An audit a day of one host, from the first of the month; None is a host that is dark."""
    job = job_of(hosts=["db-1"])
    seen = [DARK if each is None else look_of(each) for each in hosts]
    return [
        audit(job, {"db-1": look}, finished=at(f"2026-01-{day:02}T02:00:00+00:00"))
        for day, look in enumerate(seen, start=1)
    ]


def since(found: Changes) -> str:
    """Since when the one thing that still fails does."""
    (item,) = of(found, ChangeKind.STILL_FAILING)
    return str(item.since)[:10]


@for_each(
    ("fleet", "first"),
    [
        ((OPEN, OPEN), "2026-01-01"),
        ((QUIET, OPEN, OPEN), "2026-01-02"),
        ((OPEN, QUIET, OPEN, OPEN, OPEN), "2026-01-03"),
        ((OPEN, None, OPEN, OPEN), "2026-01-03"),
        ((OPEN, OPEN, OPEN, OPEN), "2026-01-01"),
    ],
)
def test_since_when_something_fails(fleet: tuple[Any, ...], first: str) -> None:
    """Without a break, as far back as audits are known; the same with and without their changes."""
    *past, old, new = days(*fleet)
    assert since(changes(old, new, earlier=reversed(past))) == first
    known = None
    for each in (*past, old, new):
        result = each if known is None else each.compared(changes(known, each))
        known = result
    assert known is not None
    assert known.changes is not None
    assert since(known.changes) == first


def test_earlier_audits_are_read_only_while_they_can_tell() -> None:
    """The first in which nothing that still fails failed is the last that is read."""
    *past, old, new = days(OPEN, QUIET, OPEN, OPEN)
    read = iter(reversed(past))
    changes(old, new, earlier=read)
    assert len(list(read)) == 1


def test_changes_stand_in_the_order_of_their_kinds_and_severities() -> None:
    """The worst first."""
    found = between(CASES, CASES)
    kinds = [list(ChangeKind).index(item.kind) for item in found.items]
    assert kinds == sorted(kinds)
