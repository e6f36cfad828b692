"""``audit.json``: the whole result for machines, versioned.

A host's verdicts are one letter a rule, in the order of ``rules``; whatever is more than a plain
pass stands in ``judgements`` with its reason, findings and notes. Why a rule is not applicable is
the same for many hosts: ``not_applicable`` says it once for a rule and a platform, and only what
differs from that stands in ``judgements``. ``basis`` and ``changes`` are there where they are
known. The form is described by ``portproof.archive.json_schema.Document``.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from portproof.model.verdicts import LETTERS, PASSED, Judgement, Verdict
from portproof.policy.policy import BoundRule
from portproof.policy.waivers import BoundWaiver
from portproof.report.contract import Theme
from portproof.report.words.by_control import Control, by_control
from portproof.result.basis import Basis
from portproof.result.result import AUDIT_FORMAT, AuditResult, HostResult

FILE: Final = "audit.json"

_STEERING: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal or turns text around, and JSON lets pass unescaped (RFC 8259, 7)."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Lone halves of a character, which no file in UTF-8 can hold."""

_Elsewhere = dict[tuple[int, str], Judgement]
"""The first judgement that a rule is not applicable on a platform, by the rule's place."""


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - every format has this signature
    """Write the result as JSON, host by host."""
    yield _line("{", "format", AUDIT_FORMAT)
    yield _line(",", "letters", {letter: verdict for verdict, letter in LETTERS.items()})
    yield _line(",", "run", result.run)
    yield _line(",", "totals", result.totals)
    yield _line(",", "exit_code", int(result.exit_code))
    yield _line(",", "warnings", result.warnings)
    yield _line(",", "policies", list(_policies(result.rules)))
    yield _line(",", "chosen_for", _chosen_for(result.rules))
    if result.framework:
        yield _line(",", "by_control", _by_control(result))
    yield _line(",", "checks", [check.model_dump(mode="json") for check in result.checks])
    yield _line(",", "rules", [_rule(bound) for bound in result.rules])
    if result.basis is not None:
        yield _line(",", "basis", _basis(result.basis))
    if result.changes is not None:
        yield _line(",", "changes", result.changes)
    elsewhere: _Elsewhere = {}
    yield from _array("hosts", (_host(host) for host in result.hosts))
    yield from _array("judgements", _judgements(result, elsewhere))
    yield from _array("not_applicable", _shared(result.rules, elsewhere))
    yield "}\n"


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
    r"""The same with lone halves of characters written out, as ``\udc80``."""
    if isinstance(value, str):
        return _HALVES.sub(_escaped, value)
    if isinstance(value, dict):
        return {_whole(key): _whole(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return value


def _line(before: str, key: str, value: object) -> str:
    return f'{before}"{key}": {_text(value)}\n'


def _array(key: str, items: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f',"{key}": ['
    for index, item in enumerate(items):
        yield f"{',' if index else ''}\n{_text(item)}"
    yield "\n]\n"


def _policies(rules: tuple[BoundRule, ...]) -> Iterator[dict[str, Any]]:
    return (p.document() for p in {bound.policy.policy: bound.policy for bound in rules}.values())


def _chosen_for(rules: tuple[BoundRule, ...]) -> dict[str, list[str]]:
    """The hosts of each policy that is not for every host, where the inventory chooses."""
    hosts = {bound.policy.policy: bound.chosen_for for bound in rules}
    return {policy: sorted(names) for policy, names in hosts.items() if names is not None}


def _by_control(result: AuditResult) -> dict[str, Any]:
    grouped = by_control(result, result.framework)
    return {
        "framework": grouped.framework,
        "name": grouped.name,
        "controls": [_control(control) for control in grouped.controls],
        "unmapped": [rule.key for rule in grouped.unmapped],
    }


def _control(control: Control) -> dict[str, Any]:
    return {
        "number": control.number,
        "title": control.title,
        "verdict": control.verdict,
        "rules": [
            {
                "key": rule.key,
                "verdicts": {tally.verdict.value: tally.count for tally in rule.tallies},
                "failing": rule.failing,
            }
            for rule in control.rules
        ],
    }


def _rule(bound: BoundRule) -> dict[str, Any]:
    return {
        "key": bound.key,
        "title": bound.rule.title or bound.rule.summary(),
        "summary": bound.rule.summary(),
        "severity": bound.severity,
        "hosts": [str(pattern) for pattern in bound.patterns],
        "file": bound.file,
        "line": bound.line,
    }


def _basis(basis: Basis) -> dict[str, Any]:
    return {
        "today": basis.today,
        "waivers": [_waiver(bound) for bound in basis.waivers],
        "warn_days": basis.warn_days,
        "require_witness": basis.require_witness,
        "everyone": basis.everyone,
        "members": basis.members,
        "warnings": basis.warnings,
    }


def _waiver(bound: BoundWaiver) -> dict[str, Any]:
    document = bound.waiver.model_dump(mode="json", exclude_unset=True)
    place = {"rule": bound.rule, "file": bound.file, "line": bound.line, "index": bound.index}
    return {**place, "waiver": document}


def _host(host: HostResult) -> dict[str, Any]:
    verdicts = "".join(LETTERS[judgement.verdict] for judgement in host.judgements)
    return {"name": host.name, "groups": host.groups, "seen": host.seen, "verdicts": verdicts}


def _judgements(result: AuditResult, elsewhere: _Elsewhere) -> Iterator[dict[str, Any]]:
    for host in result.hosts:
        for index, judgement in enumerate(host.judgements):
            if _says_more(judgement, (index, host.seen.platform), elsewhere):
                key = result.rules[index].key
                yield {"host": host.name, "rule": key, "judgement": judgement}


def _says_more(judgement: Judgement, where: tuple[int, str], elsewhere: _Elsewhere) -> bool:
    if judgement.verdict is Verdict.NOT_APPLICABLE:
        usual = elsewhere.setdefault(where, judgement)
        return judgement is not usual and judgement != usual
    return judgement is not PASSED and judgement != PASSED


def _shared(rules: tuple[BoundRule, ...], elsewhere: _Elsewhere) -> Iterator[dict[str, Any]]:
    for (index, platform), judgement in elsewhere.items():
        yield {"rule": rules[index].key, "platform": platform, "judgement": judgement}
