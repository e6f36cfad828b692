"""Results for the formats that other programs read: the odd ones, and any at all by hypothesis."""

from collections.abc import Callable
from dataclasses import replace as changed
from typing import Final

from hypothesis import strategies as st

from portproof.model.listeners import Owner
from portproof.model.observation import Reason
from portproof.model.ports import Protocol
from portproof.model.verdicts import PASSED, Finding, Judgement, Verdict, Waived, failed, unproven
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.rules.base import found
from portproof.result.result import AuditResult, HostResult
from support.report.results import HOSTILE, all_pass, hostile, listener, mixed, run, seen, wide
from support.times import LAST

WAIVED: Final = Waived(
    owner="storage@example.net",
    reason="statd needs it until the move",
    until="2027-01-31",
    days_left=69,
    name="1 for retired/port-609 in waivers.yml:2",
    ticket="OPS-1234",
)
LAPSED: Final = Waived("ops", "was to be moved", "2026-11-01", -22, "2 for retired/port-609")

ATTACKS: Final = (
    *HOSTILE,
    "::set-output name=owned::yes",
    "\n::set-output name=owned::yes\n::stop-commands::x\n",
    "##[set-output name=owned]yes",
    "%0A::error::owned %25 50%,file=x::",
    "]]>\x00\x0b\ud800\udfff",
    "{0} {name} [a](https://evil.example) [b](1) ![c](//evil.example/x.png)",
    'a"} 1\nportproof_verdicts{verdict="pass"} 99\n# EOF\\',
    '"}],"runs":[],"x":[{"y":"',
    "N" * 10_000,
    "\u2028\u2029\x85\x1c",
    "",
)


def policy(rules: int) -> Policy:
    """A policy with so many rules, of every severity."""
    severities = ("info", "low", "medium", "high", "critical")
    made = [
        {"id": f"port-{609 + at}", "closed": 609 + at, "severity": severities[at % 5]}
        for at in range(rules)
    ]
    document = {"policy": "retired", "title": "Closed", "rules": made}
    return Policy.model_validate(document)


def bound(rules: int) -> list[BoundRule]:
    """Its rules, as they are loaded from a file of a repository."""
    return [
        changed(each, file="policies/retired ports.yml", line=7 + 3 * at)
        for at, each in enumerate(bind([policy(rules)]))
    ]


def waivers() -> AuditResult:
    """A waiver that holds, one that has lapsed, and a rule that fails beside a waived finding."""
    statd = Owner(pid=812, name="rpc.statd", uid=104)
    tcp, udp = (found(listener(each, "::", 609, statd)) for each in Protocol)
    judgements = [
        (Judgement(Verdict.WAIVED, findings=(_with(tcp, WAIVED),)), PASSED),
        (failed(_with(tcp, LAPSED)), PASSED),
        (failed(_with(tcp, WAIVED), udp), PASSED),
    ]
    hosts = [
        HostResult(name, ("storage",), judged, seen())
        for name, judged in zip(("holds", "lapsed", "both"), judgements, strict=True)
    ]
    return AuditResult(run(), bound(2), hosts)


def _with(finding: Finding, waived: Waived) -> Finding:
    return Finding(finding.message, listener=finding.listener, waived=waived)


def proven() -> AuditResult:
    """An audit in which every rule passes on every host."""
    hosts = [HostResult(name, (), (PASSED, PASSED), seen()) for name in ("left", "right")]
    return AuditResult(run(), bound(2), hosts)


def nothing() -> AuditResult:
    """An audit of no host, which says nothing about any."""
    return AuditResult(run(), bound(2), [])


def nowhere() -> AuditResult:
    """An audit of rules that are for none of its hosts."""
    elsewhere = Judgement(Verdict.NOT_APPLICABLE, detail="the host is not in web")
    return AuditResult(run(), bound(2), [HostResult("db-1", (), (elsewhere,) * 2, seen())])


def interrupted() -> AuditResult:
    """An audit that was stopped when all it had judged was well."""
    return AuditResult(run(interrupted=True), bound(1), [HostResult("a", (), (PASSED,), seen())])


def short() -> AuditResult:
    """A roster that does not add up: one host lacks a verdict."""
    return AuditResult(run(), bound(2), [HostResult("a", (), (PASSED,), seen())])


def attacked() -> AuditResult:
    """Hosts that are named, and that say, whatever could break out of a format."""
    rules = bound(5)
    hosts = [
        HostResult(f"{text}{at}", (text,), _said(text), seen(platform=text, source=text))
        for at, text in enumerate(ATTACKS)
    ]
    return AuditResult(run(version=ATTACKS[-2], started=LAST), rules, hosts, warnings=ATTACKS)


def _said(text: str) -> tuple[Judgement, ...]:
    owner = Owner(pid=1, name=text, path=text, cmdline=text, user=text)
    at = Finding(text, listener=listener(Protocol.TCP, "0.0.0.0", 609, owner))
    waived = Waived(text, text, text, 3, text, text)
    return (
        failed(at, at, Finding(text, row={text: text, "b": text})),
        unproven(Reason.QUERY_ERROR, text),
        Judgement(Verdict.WAIVED, findings=(Finding(text, waived=waived),)),
        PASSED,
        Judgement(Verdict.NOT_APPLICABLE, detail=text),
    )


def large(hosts: int = 2000, rules: int = 1) -> AuditResult:
    """A fleet in which every tenth host fails, and every twentieth was not reached."""
    one = failed(found(listener(Protocol.TCP, "0.0.0.0", 609, Owner(pid=1, name="statd"))))
    dark = unproven(Reason.UNREACHABLE, "connecting took longer than 10 seconds")
    kinds = [dark if at % 20 == 1 else one if at % 10 == 0 else PASSED for at in range(hosts)]
    return AuditResult(
        run(),
        bound(rules),
        [HostResult(f"host-{at:05}", (), (kind,) * rules, seen()) for at, kind in enumerate(kinds)],
    )


SAMPLES: Final[dict[str, Callable[[], AuditResult]]] = {
    "mixed": mixed,
    "hostile": hostile,
    "all_pass": all_pass,
    "wide": wide,
    "waivers": waivers,
    "proven": proven,
    "nothing": nothing,
    "nowhere": nowhere,
    "interrupted": interrupted,
    "attacked": attacked,
    "large": large,
}

_TEXTS: Final = st.text(max_size=30) | st.sampled_from(ATTACKS)
_FINDINGS: Final = st.builds(
    Finding,
    _TEXTS,
    listener=st.none()
    | st.builds(
        listener,
        st.sampled_from(Protocol),
        st.sampled_from(["0.0.0.0", "::", "10.0.0.7"]),
        st.integers(1, 65535),
        st.builds(Owner, pid=st.none() | st.integers(0, 2**31), name=_TEXTS, path=_TEXTS),
    ),
    row=st.none() | st.dictionaries(_TEXTS, _TEXTS, max_size=3),
    waived=st.sampled_from([None, WAIVED, LAPSED]),
)
_JUDGEMENTS: Final = st.one_of(
    st.just(PASSED),
    st.builds(lambda text: Judgement(Verdict.NOT_APPLICABLE, detail=text), _TEXTS),
    st.builds(unproven, st.sampled_from(Reason), _TEXTS),
    st.lists(_FINDINGS, min_size=1, max_size=3).map(lambda found: failed(*found)),
    st.lists(_FINDINGS, max_size=3).map(
        lambda found: Judgement(Verdict.WAIVED, findings=tuple(found))
    ),
)


@st.composite
def results(draw: st.DrawFn) -> AuditResult:
    """Any audit of a few hosts by a few rules, finished or interrupted."""
    rules = draw(st.integers(1, 4))
    names = draw(st.lists(_TEXTS, max_size=6, unique=True))
    hosts = [
        HostResult(
            name,
            tuple(draw(st.lists(_TEXTS, max_size=2))),
            tuple(draw(_JUDGEMENTS) for _ in range(rules)),
            seen(platform=draw(st.sampled_from(["linux", "windows", "", "plan9"]))),
        )
        for name in names
    ]
    return AuditResult(run(interrupted=draw(st.booleans())), bound(rules), hosts)
