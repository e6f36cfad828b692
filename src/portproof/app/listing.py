"""List policies, rules or checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from portproof.app.content import load_paths
from portproof.catalog.services import PortQuery, parse_port_query
from portproof.content.load import Content
from portproof.content.shipped import policy_path, shipped_policies
from portproof.model.base import Severity
from portproof.model.observation import Platform
from portproof.model.ports import Protocol
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule
from portproof.policy.rules.base import PortRule
from portproof.policy.rules.check import CheckRule

Keep = Callable[[BoundRule], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """What to list. A filter that is None matches everything.

    Attributes:
        policies: Names of shipped policies, files or folders. Empty: all that are shipped, with the
            baselines.
        severity: Only rules of this severity or worse.
        port: Only rules about a port, such as ``609``, ``609/udp`` or ``ssh``.
        framework: Only rules that map to a framework, such as ``nist-800-53``.
        control: Only rules that map to a control, such as ``CM-7``.
        platform: Only rules and checks that can be judged on a platform.
        text: Only what has this text in its id, title or reason; case is ignored.
    """

    policies: tuple[str, ...] = ()
    severity: str | None = None
    port: str | None = None
    framework: str | None = None
    control: str | None = None
    platform: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """A policy with the number of its rules that match."""

    policy: str
    title: str
    severity: str
    rules: int
    hosts: str
    file: str


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule, and where it is written."""

    rule: str
    title: str
    severity: str
    summary: str
    hosts: tuple[str, ...]
    maps: Mapping[str, Sequence[str]]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class ListedCheck:
    """A check, and where it is written."""

    check: str
    title: str
    platforms: tuple[str, ...]
    file: str


def list_policies(request: ListRequest) -> tuple[ListedPolicy, ...]:
    """List the policies with a rule that matches.

    Raises:
        ContentError: policies or checks are wrong.
        UsageError: a policy or a port is unknown.
    """
    content = _content(request)
    kept = _kept(content, _filters(content, request))
    own = [
        (loaded, sum(bound.policy is loaded.model for bound in kept)) for loaded in content.policies
    ]
    return tuple(
        ListedPolicy(
            policy=loaded.model.policy,
            title=loaded.model.title,
            severity=loaded.model.severity.value,
            rules=rules,
            hosts=str(loaded.model.hosts),
            file=loaded.document.file,
        )
        for loaded, rules in own
        if rules
    )


def list_rules(request: ListRequest) -> tuple[ListedRule, ...]:
    """List the rules that match.

    Raises:
        ContentError: policies or checks are wrong.
        UsageError: a policy or a port is unknown.
    """
    content = _content(request)
    return tuple(
        ListedRule(
            rule=bound.key,
            title=bound.rule.title or "",
            severity=bound.severity.value,
            summary=bound.rule.summary(),
            hosts=tuple(str(pattern) for pattern in bound.patterns),
            maps=bound.rule.maps,
            file=bound.file,
            line=bound.line,
        )
        for bound in _kept(content, _filters(content, request))
    )


def list_checks(request: ListRequest) -> tuple[ListedCheck, ...]:
    """List the checks that match the platform and the text.

    With a severity, port, framework or control, list those that a matching rule uses.

    Raises:
        ContentError: policies or checks are wrong.
        UsageError: a policy or a port is unknown.
    """
    content = _content(request)
    filters = _rule_filters(request)
    rules = (bound.rule for bound in _kept(content, filters))
    asked = {rule.check for rule in rules if isinstance(rule, CheckRule)}
    return tuple(
        ListedCheck(
            check=loaded.model.check,
            title=loaded.model.title,
            platforms=tuple(
                each.value for each in Platform if loaded.model.sql_on(each) is not None
            ),
            file=loaded.document.file,
        )
        for loaded in {loaded.model.check: loaded for loaded in content.checks}.values()
        if _is_meant(loaded.model, request) and (not filters or loaded.model.check in asked)
    )


def _content(request: ListRequest) -> Content:
    paths = [policy_path(each) for each in request.policies]
    content = load_paths(paths or [*shipped_policies().values()])
    content.raise_problems()
    return content


def _kept(content: Content, filters: Sequence[Keep]) -> list[BoundRule]:
    return [bound for bound in content.rules() if all(keep(bound) for keep in filters)]


def _filters(content: Content, request: ListRequest) -> list[Keep]:
    filters = _rule_filters(request)
    if request.platform is not None:
        platform, checks = Platform(request.platform), content.check_by_id()
        filters.append(lambda bound: _judged_on(bound, platform, checks))
    if request.text is not None:
        filters.append(_saying(request.text))
    return filters


def _rule_filters(request: ListRequest) -> list[Keep]:
    """Return the filters that apply only to rules."""
    filters: list[Keep] = []
    if request.severity is not None:
        filters.append(_as_severe(request.severity))
    if request.port is not None:
        filters.append(_about(request.port))
    if (framework := request.framework) is not None:
        filters.append(lambda bound: framework in bound.rule.maps)
    if request.control is not None:
        filters.append(_mapped(request.control))
    return filters


def _as_severe(name: str) -> Keep:
    least = Severity(name).rank
    return lambda bound: bound.severity.rank >= least


def _about(text: str) -> Keep:
    targets = parse_port_query(text)
    return lambda bound: any(_concerns(bound, target) for target in targets)


def _concerns(bound: BoundRule, target: PortQuery) -> bool:
    """Return whether the rule is about a listener on any of the ports, allowed or not."""
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


def _is_meant(check: Check, request: ListRequest) -> bool:
    platform, text = request.platform, (request.text or "").casefold()
    there = platform is None or check.sql_on(Platform(platform)) is not None
    said = (check.check, check.title, check.because or "")
    return there and any(text in part.casefold() for part in said)
