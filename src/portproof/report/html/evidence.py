"""Show rules that failed, with everything known about the findings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from portproof.model.addresses import Exposure, Stack
from portproof.model.base import ByPlatform, for_platform
from portproof.model.listeners import Listener, Owner, Place
from portproof.model.observation import Platform
from portproof.model.verdicts import Finding, Verdict, Waived
from portproof.model.why import Why
from portproof.report.html.roster import VerdictTable
from portproof.report.html.why import ClassificationText, story, told
from portproof.report.words.anchors import anchor_of, query
from portproof.report.words.limits import (
    EVIDENCE,
    EVIDENCE_OF_A_RULE,
    NAMES,
    NAMES_OF_A_RULE,
    shared,
)
from portproof.report.words.text import Passage, is_link, prose
from portproof.report.words.wording import PLATFORMS, title_of
from portproof.text.times import since_epoch
from portproof.text.words import many

UNKNOWN: Final = "not known"

_REACH: Final = {
    Exposure.WILDCARD: "every address of the host",
    Exposure.LOOPBACK: "loopback only",
    Exposure.LINK_LOCAL: "a link-local address",
    Exposure.PRIVATE: "a private address",
    Exposure.PUBLIC: "a public address",
    Exposure.RESERVED: "an address reserved for special use",
    Exposure.MULTICAST: "a multicast address",
}
_STACKS: Final = {
    Stack.IPV4: "IPv4",
    Stack.IPV6: "IPv6",
    Stack.DUAL: "IPv4 and IPv6",
    Stack.IPV6_MAYBE_DUAL: "IPv6, IPv4 not excluded",
}
_PLACES: Final = {
    Place.OTHER: "in another network namespace",
    Place.UNKNOWN: "in a network namespace that could not be read",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known about a finding; ``known`` is False when it could not be seen."""

    label: str
    value: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class FindingEvidence:
    """One finding: what it is, where, how far it reaches, and facts about each of its owners.

    ``waiver`` says who accepts it and for how long, or is empty. ``story`` is its classification in
    words, if there was a second round.
    """

    message: str
    endpoint: str
    reach: str
    holders: tuple[tuple[Fact, ...], ...]
    waiver: str
    story: ClassificationText | None = None


@dataclass(frozen=True, slots=True)
class HostEvidence:
    """The evidence of one host against a rule."""

    anchor: str
    name: str
    groups: tuple[str, ...]
    detail: str
    findings: tuple[FindingEvidence, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do, and the platform if that makes a difference."""

    platform: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a fact comes from; a link when it is a web address."""

    text: str
    link: bool


@dataclass(frozen=True, slots=True)
class RuleCase:
    """A failing rule: why it matters, what to do, and the hosts it fails on.

    ``hosts`` are those with their evidence, ``names`` further ones, and ``left`` a sentence on
    those that are only in the tables.
    """

    anchor: str
    key: str
    title: str
    summary: str
    severity: str
    policy: str
    because: tuple[Passage, ...]
    fixes: tuple[Fix, ...]
    maps: tuple[Fact, ...]
    refs: tuple[Ref, ...]
    count: str
    hosts: tuple[HostEvidence, ...]
    names: tuple[str, ...]
    names_text: str
    left: str
    link: str


def failures(roster: VerdictTable) -> Iterator[RuleCase]:
    """Yield every failing rule, the most severe first."""
    rules = roster.result.rules
    failing = [at for at in range(len(rules)) if (at, Verdict.FAIL) in roster.marked]
    order = sorted(failing, key=lambda at: (-rules[at].severity.rank, at))
    hosts = [roster.marked[at, Verdict.FAIL] for at in order]
    shown = list(shared([len(each) for each in hosts], EVIDENCE, EVIDENCE_OF_A_RULE))
    others = [len(each) - given for each, given in zip(hosts, shown, strict=True)]
    named = shared(others, NAMES, NAMES_OF_A_RULE)
    for at, numbers, evidence, names in zip(order, hosts, shown, named, strict=True):
        yield _rule_case(roster, at, numbers, (evidence, evidence + names))


def _rule_case(
    roster: VerdictTable, index: int, numbers: list[int], ends: tuple[int, int]
) -> RuleCase:
    bound, (shown, named) = roster.result.rules[index], ends
    rule, hosts = bound.rule, roster.result.hosts
    platforms = {hosts[number].seen.platform for number in numbers}
    return RuleCase(
        anchor=anchor_of(Verdict.FAIL, index),
        key=bound.key,
        title=title_of(bound),
        summary=rule.summary(),
        severity=bound.severity.value,
        policy=bound.policy.title,
        because=prose(rule.because or bound.policy.because),
        fixes=tuple(_fixes(rule.fix, platforms)),
        maps=tuple(Fact(name, ", ".join(controls)) for name, controls in rule.maps.items()),
        refs=tuple(Ref(text, is_link(text)) for text in rule.refs),
        count=many(len(numbers), "host"),
        hosts=tuple(_host(roster, index, number) for number in numbers[:shown]),
        names=tuple(roster.names[number] for number in numbers[shown:named]),
        names_text=f"And on {many(named - shown, 'host')} more, with evidence in the tables below",
        left=_left(len(numbers) - named),
        link=query(rule=bound.key, verdict="fail", view="evidence"),
    )


def _left(count: int) -> str:
    return f"{many(count, 'host')} more, with evidence, in the tables below." if count else ""


def _fixes(fix: str | ByPlatform | None, seen: Iterable[str]) -> Iterator[Fix]:
    if not isinstance(fix, ByPlatform):
        if fix:
            yield Fix("", prose(fix))
        return
    for platform in Platform:
        text = for_platform(fix, platform)
        if text and platform.value in seen:
            yield Fix(PLATFORMS[platform.value], prose(text))


def _host(roster: VerdictTable, index: int, number: int) -> HostEvidence:
    host = roster.result.hosts[number]
    judgement = host.judgements[index]
    return HostEvidence(
        anchor=anchor_of(judgement.verdict, index, number),
        name=roster.names[number],
        groups=host.groups,
        detail=judgement.detail,
        findings=tuple(map(evidence, judgement.findings)),
        notes=judgement.notes,
    )


def evidence(finding: Finding) -> FindingEvidence:
    """Return what the report shows of a finding."""
    if finding.listener is not None:
        return _listening(finding, finding.listener)
    row = tuple(Fact(name, value) for name, value in (finding.row or {}).items() if value)
    return FindingEvidence(finding.message, "", "", (row,) if row else (), _waiver(finding.waived))


def _waiver(waived: Waived | None) -> str:
    if waived is None:
        return ""
    ticket = f" ({waived.ticket})" if waived.ticket else ""
    who = f"{waived.owner}{ticket}: {waived.reason}"
    if waived.lapsed:
        return f"The waiver lapsed on {waived.until}. It was by {who}"
    return f"Waived until {waived.until}, {many(waived.days_left, 'day')} left, by {who}"


def _listening(finding: Finding, listener: Listener) -> FindingEvidence:
    address = f"[{listener.address}]" if ":" in listener.address else listener.address
    reach = (_REACH[listener.exposure], _STACKS[listener.stack], _PLACES.get(listener.place))
    whys = {why.process.pid: why for why in finding.why}
    owners = listener.owners if listener.socket else ()
    containers = tuple((Fact("Published by", str(each)),) for each in listener.published)
    holders = (*(_holder(owner, whys) for owner in owners), *containers)
    nobody = (Fact("Process", "the owner could not be seen", known=False),)
    return FindingEvidence(
        message=finding.message,
        endpoint=f"{address}:{listener.port}/{listener.protocol}",
        reach=", ".join(part for part in reach if part),
        holders=holders or (nobody,),
        waiver=_waiver(finding.waived),
        story=story(finding.reading),
    )


def _holder(owner: Owner, whys: Mapping[int, Why]) -> tuple[Fact, ...]:
    why = whys.get(owner.pid) if owner.pid is not None else None
    return (*_owner(owner), *(_behind(why) if why is not None else ()))


def _behind(why: Why) -> Iterator[Fact]:
    yield from (Fact(label, value) for label, value in told(why))
    if why.missing:
        yield Fact("Not found", "; ".join(why.missing), known=False)


def _owner(owner: Owner) -> tuple[Fact, ...]:
    started = None if owner.started is None else since_epoch(owner.started)
    facts = (
        _fact("Process", owner.name),
        _fact("PID", owner.pid),
        _fact("User", _user(owner)),
        _fact("Parent PID", owner.parent),
        _fact("Started", started),
        _fact("Executable", _executable(owner)),
        _fact("Command", owner.cmdline),
    )
    return tuple(fact for fact in facts if fact.known or fact.label != "Command")


def _fact(label: str, value: str | int | None) -> Fact:
    known = value not in ("", None)
    return Fact(label, str(value) if known else UNKNOWN, known)


def _user(owner: Owner) -> str:
    if owner.uid is None:
        return owner.user
    return f"{owner.user} ({owner.uid})" if owner.user else f"user id {owner.uid}"


def _executable(owner: Owner) -> str:
    gone = " (deleted or replaced on disk)" if owner.on_disk is False else ""
    return f"{owner.path or UNKNOWN}{gone}" if owner.path or gone else ""
