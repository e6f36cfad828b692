"""Turns a case file into a look and a policy. tests/cases/verdicts/README.md is its manual."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from portproof.judge.host import judge
from portproof.judge.plan import Plan
from portproof.model.hosts import Host
from portproof.model.observation import (
    LISTENING_SOCKETS,
    Answer,
    ConnectResult,
    FailedLook,
    HostLook,
    Identity,
    Look,
    Observed,
    Platform,
    Reason,
    Row,
    SourceReply,
    Unobserved,
    Witness,
)
from portproof.model.verdicts import Judgement
from portproof.policy.checks import Check
from portproof.policy.policy import Policy, bind
from support.paths import CASES
from support.times import at

VERDICTS = CASES / "verdicts"

HOST_NAMESPACE = "4026531840"
TAKEN = at("2026-01-01T00:00:00+00:00")

_KEYS = frozenset(
    [
        "case",
        "platform",
        "source",
        "osquery",
        "euid",
        "elevated",
        "namespace",
        "incomplete",
        "rows",
        "lost",
        "witnesses",
        "opened",
        "host_witnesses",
        "outside",
        "unobserved",
        "dark",
        "checks",
        "answers",
        "rule",
        "rules",
        "expect",
        "says",
        "findings",
        "ports",
        "notes",
        "unseen",
        "require_witness",
    ]
)
_CANARIES = (("tcp", "127.0.0.1"), ("tcp", "::1"), ("udp", "127.0.0.1"), ("udp", "::1"))
_NUMBERS = {"tcp": "6", "udp": "17"}


@dataclass(frozen=True)
class Expected:
    """What a case expects of one rule."""

    verdict: str
    reason: str | None


def load_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case by the name of its file."""
    for file in sorted(VERDICTS.rglob("*.yml")):
        case = yaml.safe_load(file.read_text(encoding="utf-8"))
        unknown = set(case) - _KEYS
        assert not unknown, f"{file}: unknown keys {sorted(unknown)}"
        yield str(file.relative_to(VERDICTS).with_suffix("")), case


@dataclass(frozen=True)
class Judged:
    """A case's judgements by rule id, and what the host's result says was not seen."""

    judgements: dict[str, Judgement]
    unseen: tuple[str, ...]


def judge_case(case: Mapping[str, Any]) -> Judged:
    """Judge a case's look by its rules."""
    policy = Policy(policy="case", title=case["case"], rules=_rules(case))
    rules = tuple(bind([policy]))
    checks = [Check(title="A check of the case", **check) for check in case.get("checks", ())]
    plan = Plan(rules, [True] * len(rules))
    host = judge(
        plan,
        Host("host"),
        look_of(case),
        checks,
        require_witness=case.get("require_witness", False),
    )
    judgements = {
        bound.rule.id: judgement for bound, judgement in zip(rules, host.judgements, strict=True)
    }
    return Judged(judgements, host.seen.unseen)


def expectations(case: Mapping[str, Any]) -> dict[str, Expected]:
    """What the case expects, by rule id."""
    expect = case["expect"]
    by_rule = expect if isinstance(expect, dict) else {"rule": expect}
    return {rule: _expected(text) for rule, text in by_rule.items()}


def look_of(case: Mapping[str, Any]) -> Look:
    """The look a case describes."""
    if "dark" in case:
        return FailedLook(cause=_unobserved(case["dark"]), taken=TAKEN, seconds=0.0)
    platform = Platform(case.get("platform", "linux"))
    identity = Identity(
        source=case.get("source", "osqueryd"),
        version=str(case.get("osquery", "5.23.0")),
        platform=platform,
        euid=case.get("euid", None if platform is Platform.WINDOWS else 0),
        elevated=case.get("elevated"),
        host_namespace=_namespace(case, platform),
    )
    answers = {LISTENING_SOCKETS: _sockets(case, identity)}
    answers |= {name: _answer(given) for name, given in case.get("answers", {}).items()}
    reply = SourceReply(identity, answers, tuple(case.get("incomplete", ())))
    return HostLook(
        reply=reply,
        witnesses=_witnesses(case),
        taken=TAKEN,
        seconds=0.1,
        outside=_outside(case),
    )


def _outside(case: Mapping[str, Any]) -> ConnectResult | None:
    if "outside" not in case:
        return None
    tried = {"address": "10.0.0.5", "answered": (), "silent": (), **case["outside"]}
    return ConnectResult(tried["address"], tuple(tried["answered"]), tuple(tried["silent"]))


def _rules(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "rule" in case:
        return [{"id": "rule", **case["rule"]}]
    return [{"id": name, **rule} for name, rule in case["rules"].items()]


def _expected(text: str) -> Expected:
    verdict, _, reason = text.partition(" ")
    return Expected(verdict, reason or None)


def _unobserved(text: str) -> Unobserved:
    return Unobserved(Reason(text), f"the case says {text}")


def _namespace(case: Mapping[str, Any], platform: Platform) -> str:
    return str(case.get("namespace", HOST_NAMESPACE)) if platform is Platform.LINUX else ""


def _answer(given: Any) -> Answer:  # noqa: ANN401 - rows or a reason, as YAML has them
    if isinstance(given, str):
        return _unobserved(given)
    told = given if isinstance(given, dict) else {"rows": given}
    rows = tuple({key: str(value) for key, value in row.items()} for row in told["rows"])
    return Observed(rows, len(rows) + told.get("lost", 0))


def _sockets(case: Mapping[str, Any], identity: Identity) -> Answer:
    if "unobserved" in case:
        return _unobserved(case["unobserved"])
    own = [_row(row, index, identity) for index, row in enumerate(case.get("rows", ()))]
    rows = (*own, *_canary_rows(case, identity))
    return Observed(rows, len(rows) + case.get("lost", 0))


def _row(given: Mapping[str, Any], index: int, identity: Identity) -> Row:
    protocol = str(given.get("protocol", 6))
    defaults = {
        "pid": "1000",
        "fd": "3",
        "socket": str(9000 + index),
        "family": "2",
        "protocol": protocol,
        "remote_port": "0",
        "state": "LISTEN" if protocol == "6" else "",
        "net_namespace": "" if identity.platform is not Platform.LINUX else HOST_NAMESPACE,
    }
    told = {key: "" if value is None else str(value) for key, value in given.items()}
    row = defaults | told
    return {key: value for key, value in row.items() if value != "absent"}


def _witnesses(case: Mapping[str, Any]) -> tuple[Witness, ...]:
    theirs = (Witness(**{"ours": False, **each}) for each in case.get("host_witnesses", ()))
    ours = (Witness(*_CANARIES[index], _port(index), ours=True) for index in _opened(case))
    return (*ours, *theirs)


def _opened(case: Mapping[str, Any]) -> list[int]:
    everything = [] if case.get("witnesses") == "none" else [" ".join(each) for each in _CANARIES]
    opened = case.get("opened", everything)
    return [index for index, canary in enumerate(_CANARIES) if " ".join(canary) in opened]


def _port(index: int) -> int:
    return 40001 + index


def _canary_rows(case: Mapping[str, Any], identity: Identity) -> Iterator[Row]:
    wanted = case.get("witnesses", "seen")
    for index in _opened(case):
        protocol, address = _CANARIES[index]
        if wanted == "seen" or f"{protocol} {address}" in wanted:
            given = {
                "family": _family(address, identity.platform),
                "protocol": _NUMBERS[protocol],
                "address": address,
                "port": _port(index),
                "socket": 7000 + index,
                "name": "portproof",
            }
            if identity.platform is Platform.LINUX:
                given["net_namespace"] = identity.host_namespace
            yield _row(given, 0, identity)


def _family(address: str, platform: Platform) -> int:
    if ":" not in address:
        return 2
    return 23 if platform is Platform.WINDOWS else 10
