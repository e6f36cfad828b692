"""``portproof list``."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import click

from portproof.app.content import load_paths
from portproof.catalog.services import PortQuery, parse_port_query
from portproof.cli.show import Line, show
from portproof.content.load import Content, Loaded
from portproof.content.shipped import policy_path, shipped_policies
from portproof.model.base import Severity
from portproof.model.observation import Platform
from portproof.model.ports import Protocol
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy
from portproof.policy.rules.base import PortRule
from portproof.policy.rules.check import CheckRule
from portproof.text.visible import visible

Keep = Callable[[BoundRule], bool]
Row = dict[str, Any]
Given = dict[str, str]
"""The filters by their options' names."""

_WHAT: Final = ("policies", "rules", "checks")
_OF_CHECKS: Final = ("platform", "text")
"""Filters that checks have an answer to of their own."""
_COLUMNS: Final = {
    "policies": ("policy", "severity", "rules", "title"),
    "rules": ("rule", "severity", "title", "summary"),
    "checks": ("check", "platforms", "title"),
}


@click.command()
@click.argument("what", type=click.Choice(_WHAT), default="policies")
@click.option(
    "-p",
    "--policy",
    "policies",
    multiple=True,
    help="A shipped policy by its name, a policy file, or a folder of them; repeatable."
    " Default: all that are shipped, with the baselines.",
)
@click.option(
    "--severity",
    type=click.Choice([each.value for each in Severity]),
    help="Only rules of this severity or worse.",
)
@click.option("--port", help="Only rules about a port: 609, 609/udp or ssh.")
@click.option("--framework", help="Only rules that map to a framework, as nist-800-53.")
@click.option("--control", help="Only rules that map to a control, as CM-7.")
@click.option(
    "--platform",
    type=click.Choice([each.value for each in Platform]),
    help="Only rules and checks that can be judged on a platform.",
)
@click.option("--text", help="Only what has this text in its id, title or reason; case is ignored.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(what: str, policies: tuple[str, ...], *, as_json: bool, **wanted: str | None) -> None:
    """List policies, rules or checks.

    WHAT is policies, rules or checks. Policies are those with a rule that the filters leave. Checks
    are those with the platform and the text asked for; by severity, port, framework and control,
    those that such a rule asks.
    """
    content = load_paths([policy_path(each) for each in policies] or [*shipped_policies().values()])
    content.raise_problems()
    given = {name: value for name, value in wanted.items() if value is not None}
    rows = list(_checks(content, given) if what == "checks" else _rows(what, content, given))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        show(_lines(rows, _COLUMNS[what]))
    else:
        click.echo(f"no {what} match", err=True)


def _filters(content: Content, given: Given) -> list[Keep]:
    checks = content.check_by_id()
    makers: dict[str, Callable[[str], Keep]] = {
        "severity": _as_severe,
        "port": _about,
        "framework": lambda name: lambda bound: name in bound.rule.maps,
        "control": _mapped,
        "platform": lambda name: lambda bound: _judged_on(bound, Platform(name), checks),
        "text": _saying,
    }
    return [makers[name](value) for name, value in given.items()]


def _as_severe(name: str) -> Keep:
    least = Severity(name).rank
    return lambda bound: bound.severity.rank >= least


def _about(text: str) -> Keep:
    targets = parse_port_query(text)
    return lambda bound: any(_concerns(bound, target) for target in targets)


def _concerns(bound: BoundRule, target: PortQuery) -> bool:
    """Whether a listener on any of the ports is what the rule is about, allowed or not."""
    rule = bound.rule
    if not isinstance(rule, PortRule):
        return False
    pairs = [(Protocol(each), port) for each in target.protocols for port in _ports(target)]
    return any(pair in getattr(rule, rule.kind) or rule.watches(*pair) for pair in pairs)


def _ports(target: PortQuery) -> range:
    return range(target.first, target.last + 1)


def _mapped(number: str) -> Keep:
    meant = number.casefold()
    return lambda bound: any(
        each.casefold() == meant for numbers in bound.rule.maps.values() for each in numbers
    )


def _judged_on(bound: BoundRule, platform: Platform, checks: dict[str, Check]) -> bool:
    rule = bound.rule
    if not isinstance(rule, CheckRule) or rule.check not in checks:
        return True
    return checks[rule.check].sql_on(platform) is not None


def _saying(text: str) -> Keep:
    meant = text.casefold()
    return lambda bound: any(meant in part.casefold() for part in _texts(bound))


def _texts(bound: BoundRule) -> Iterator[str]:
    rule, policy = bound.rule, bound.policy
    yield from (bound.key, rule.summary(), rule.title or "", rule.because or "", policy.title)


def _kept(content: Content, given: Given) -> list[BoundRule]:
    filters = _filters(content, given)
    return [bound for bound in content.rules() if all(keep(bound) for keep in filters)]


def _rows(what: str, content: Content, given: Given) -> Iterator[Row]:
    kept = _kept(content, given)
    if what == "rules":
        return map(_rule, kept)
    return (_policy(loaded, kept) for loaded in content.policies if _of(loaded.model, kept))


def _checks(content: Content, given: Given) -> Iterator[Row]:
    of_rules = {name: value for name, value in given.items() if name not in _OF_CHECKS}
    kept = _kept(content, of_rules)
    asked = {bound.rule.check for bound in kept if isinstance(bound.rule, CheckRule)}
    for loaded in {loaded.model.check: loaded for loaded in content.checks}.values():
        if _meant(loaded.model, given) and (not of_rules or loaded.model.check in asked):
            yield _check(loaded)


def _meant(check: Check, given: Given) -> bool:
    platform, text = given.get("platform"), given.get("text", "").casefold()
    there = platform is None or check.sql_on(Platform(platform)) is not None
    said = (check.check, check.title, check.because or "")
    return there and any(text in part.casefold() for part in said)


def _of(policy: Policy, kept: Iterable[BoundRule]) -> list[BoundRule]:
    return [bound for bound in kept if bound.policy is policy]


def _policy(loaded: Loaded[Policy], kept: Iterable[BoundRule]) -> Row:
    policy = loaded.model
    return {
        "policy": policy.policy,
        "title": policy.title,
        "severity": policy.severity.value,
        "rules": len(_of(policy, kept)),
        "hosts": str(policy.hosts),
        "file": loaded.document.file,
    }


def _rule(bound: BoundRule) -> Row:
    rule = bound.rule
    return {
        "rule": bound.key,
        "title": rule.title or "",
        "severity": bound.severity.value,
        "summary": rule.summary(),
        "hosts": [str(pattern) for pattern in bound.patterns],
        "maps": {framework: list(numbers) for framework, numbers in rule.maps.items()},
        "file": bound.file,
        "line": bound.line,
    }


def _check(loaded: Loaded[Check]) -> Row:
    check = loaded.model
    return {
        "check": check.check,
        "title": check.title,
        "platforms": [each.value for each in Platform if check.sql_on(each) is not None],
        "file": loaded.document.file,
    }


def _lines(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[Line]:
    table = [[_cell(row[column]) for column in columns] for row in rows]
    heads = list(columns)
    widths = [max(map(len, column)) for column in zip(heads, *table, strict=True)]
    for row, style in ((heads, "bold"), *((row, "") for row in table)):
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield Line("  ".join(cells).rstrip(), style)


def _cell(value: object) -> str:
    return visible(", ".join(map(str, value)) if isinstance(value, list) else str(value))
