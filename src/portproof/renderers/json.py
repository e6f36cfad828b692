"""``audit.json``: the whole result for machines, versioned.

A host's verdicts are one letter a rule, in the order of ``rules``; whatever is more than a plain
pass or not-applicable stands in ``judgements`` with its reason, findings and notes. The form is
described by ``portproof.renderers.json_schema.Document``.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from portproof.model.policy import BoundRule
from portproof.model.result import AuditResult, HostResult
from portproof.model.verdicts import PASSED, Judgement, Verdict
from portproof.renderers.contract import Theme

FILE: Final = "audit.json"
FORMAT: Final = "portproof-audit/1"

_STEERING: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal or turns text around, and JSON lets pass unescaped (RFC 8259, 7)."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Lone halves of a character, which no file in UTF-8 can hold."""

LETTERS: Final = {
    Verdict.PASS: "p",
    Verdict.FAIL: "f",
    Verdict.WAIVED: "w",
    Verdict.NOT_APPLICABLE: "n",
    Verdict.UNPROVEN: "u",
}


def render(result: AuditResult, theme: Theme) -> Iterator[str]:  # noqa: ARG001 - the contract of every renderer
    """Write the result as JSON, host by host."""
    yield _line("{", "format", FORMAT)
    yield _line(",", "letters", {letter: verdict for verdict, letter in LETTERS.items()})
    yield _line(",", "run", result.run)
    yield _line(",", "totals", result.totals)
    yield _line(",", "exit_code", int(result.exit_code))
    yield _line(",", "warnings", result.warnings)
    yield _line(",", "policies", list(_policies(result.rules)))
    yield _line(",", "checks", [check.model_dump(mode="json") for check in result.checks])
    yield _line(",", "rules", [_rule(bound) for bound in result.rules])
    yield from _array("hosts", (_host(host) for host in result.hosts))
    yield from _array("judgements", _judgements(result))
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


def _host(host: HostResult) -> dict[str, Any]:
    verdicts = "".join(LETTERS[judgement.verdict] for judgement in host.judgements)
    return {"name": host.name, "groups": host.groups, "seen": host.seen, "verdicts": verdicts}


def _judgements(result: AuditResult) -> Iterator[dict[str, Any]]:
    for host in result.hosts:
        for bound, judgement in zip(result.rules, host.judgements, strict=True):
            if _says_more(judgement):
                yield {"host": host.name, "rule": bound.key, "judgement": judgement}


def _says_more(judgement: Judgement) -> bool:
    plain = judgement.verdict is Verdict.NOT_APPLICABLE
    return judgement is not PASSED and judgement != PASSED and not plain
