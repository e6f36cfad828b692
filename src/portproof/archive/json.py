"""Write ``audit.json``: the whole result for machines, versioned.

A host's verdicts are one letter a rule, in the order of ``rules``; whatever is more than a plain
pass stands in ``judgements`` with its reason, findings and notes. Why a rule is not applicable is
the same for many hosts: ``not_applicable`` says it once for a rule and a platform, and only what
differs from that stands in ``judgements``. ``basis`` and ``changes`` are there where they are
known. The form is ``portproof.archive.document.AuditDocument``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from portproof.archive.document import (
    AuditHead,
    ControlEntry,
    ControlRuleEntry,
    ControlTable,
    Judged,
    JudgedBy,
    JudgedHost,
    NotApplicable,
    PlacedWaiver,
    RuleEntry,
)
from portproof.model.verdicts import LETTERS, PASSED, Judgement, Verdict
from portproof.policy.policy import BoundRule, Policy
from portproof.policy.waivers import BoundWaiver
from portproof.report.contract import Theme
from portproof.report.words.by_control import ControlRule, by_control
from portproof.result.basis import Basis
from portproof.result.result import AUDIT_FORMAT, AuditResult, HostResult

FILE: Final = "audit.json"

_STEERING: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that control a terminal or the text direction, which JSON allows unescaped (RFC 8259,
7)."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Lone halves of a character, which no file in UTF-8 can hold."""

_Elsewhere = dict[tuple[int, str], Judgement]
"""The first judgement that a rule is not applicable on a platform, by the rule's place."""


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the result as JSON, host by host."""
    head = _head(result)
    fields = ((name, getattr(head, name)) for name in head.__struct_fields__)
    told = ((name, value) for name, value in fields if value is not None)
    for at, (name, value) in enumerate(told):
        yield f'{"," if at else "{"}"{name}": {_text(value)}\n'
    elsewhere: _Elsewhere = {}
    yield from _array("hosts", map(_host, result.hosts))
    yield from _array("judgements", _judgements(result, elsewhere))
    yield from _array("not_applicable", _shared(result.rules, elsewhere))
    yield "}\n"


def _head(result: AuditResult) -> AuditHead:
    return AuditHead(
        format=AUDIT_FORMAT,
        letters={letter: verdict for verdict, letter in LETTERS.items()},
        run=result.run,
        totals=result.totals,
        exit_code=result.exit_code,
        warnings=result.warnings,
        policies=[policy.document() for policy in _policies(result.rules)],
        chosen_for=_chosen_for(result.rules),
        by_control=None if result.framework is None else _by_control(result, result.framework),
        checks=[check.model_dump(mode="json") for check in result.checks],
        rules=[_rule(bound) for bound in result.rules],
        basis=None if result.basis is None else _basis(result.basis),
        changes=result.changes,
    )


def _text(value: object) -> str:
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = msgspec.json.encode(_whole(msgspec.to_builtins(value))).decode()
    quiet = text.isascii() and "\x7f" not in text
    return text if quiet else _STEERING.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _whole(value: object) -> object:
    r"""Return the value with lone surrogates escaped as ``\udc80``."""
    if isinstance(value, str):
        return _HALVES.sub(_escaped, value)
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return value


def _array(key: str, items: Iterable[msgspec.Struct]) -> Iterator[str]:
    yield f',"{key}": ['
    for index, item in enumerate(items):
        yield f"{',' if index else ''}\n{_text(item)}"
    yield "\n]\n"


def _policies(rules: tuple[BoundRule, ...]) -> Iterable[Policy]:
    return {bound.policy.policy: bound.policy for bound in rules}.values()


def _chosen_for(rules: tuple[BoundRule, ...]) -> dict[str, list[str]]:
    """Return the hosts of each policy that is not for every host, where the inventory chooses."""
    hosts = {bound.policy.policy: bound.chosen_for for bound in rules}
    return {policy: sorted(names) for policy, names in hosts.items() if names is not None}


def _by_control(result: AuditResult, framework: str) -> ControlTable:
    grouped = by_control(result, framework)
    return ControlTable(
        framework=grouped.framework,
        name=grouped.name,
        controls=[
            ControlEntry(each.number, each.title, each.verdict, [*map(_control_rule, each.rules)])
            for each in grouped.controls
        ],
        unmapped=[rule.key for rule in grouped.unmapped],
    )


def _control_rule(rule: ControlRule) -> ControlRuleEntry:
    verdicts = {tally.verdict: tally.count for tally in rule.tallies}
    return ControlRuleEntry(rule.key, verdicts, rule.failing)


def _rule(bound: BoundRule) -> RuleEntry:
    return RuleEntry(
        key=bound.key,
        title=bound.rule.title or bound.rule.summary(),
        summary=bound.rule.summary(),
        severity=bound.severity,
        hosts=[str(pattern) for pattern in bound.patterns],
        file=bound.file,
        line=bound.line,
    )


def _basis(basis: Basis) -> JudgedBy:
    return JudgedBy(
        today=basis.today,
        waivers=[_waiver(bound) for bound in basis.waivers],
        warn_days=basis.warn_days,
        require_witness=basis.require_witness,
        everyone=basis.everyone,
        members=basis.members,
        warnings=basis.warnings,
    )


def _waiver(bound: BoundWaiver) -> PlacedWaiver:
    document = bound.waiver.model_dump(mode="json", exclude_unset=True)
    return PlacedWaiver(bound.rule, bound.file, bound.line, bound.index, document)


def _host(host: HostResult) -> JudgedHost:
    verdicts = "".join(LETTERS[judgement.verdict] for judgement in host.judgements)
    return JudgedHost(host.name, host.groups, host.seen, verdicts)


def _judgements(result: AuditResult, elsewhere: _Elsewhere) -> Iterator[Judged]:
    for host in result.hosts:
        for index, judgement in enumerate(host.judgements):
            if _says_more(judgement, (index, host.seen.platform), elsewhere):
                yield Judged(host.name, result.rules[index].key, judgement)


def _says_more(judgement: Judgement, where: tuple[int, str], elsewhere: _Elsewhere) -> bool:
    if judgement.verdict is Verdict.NOT_APPLICABLE:
        usual = elsewhere.setdefault(where, judgement)
        return judgement is not usual and judgement != usual
    return judgement is not PASSED and judgement != PASSED


def _shared(rules: tuple[BoundRule, ...], elsewhere: _Elsewhere) -> Iterator[NotApplicable]:
    for (index, platform), judgement in elsewhere.items():
        yield NotApplicable(rules[index].key, platform, judgement)
