"""Judge a host by all rules. Pure, and fast for hosts with nothing out of the ordinary."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final

from portproof.model.host_facts import Doubts, HostFacts
from portproof.model.hosts import Inventory
from portproof.model.listeners import Listener
from portproof.model.observation import Platform, Unobserved
from portproof.model.patterns import HostPattern, Selection
from portproof.model.ports import Protocol
from portproof.model.verdicts import PASSED, Judgement, Verdict, unproven
from portproof.policy.policy import BoundRule
from portproof.policy.rules.closed import ClosedRule

_BY_PORT: Final = attrgetter("port", "protocol", "address", "stack", "namespace")
_NAMED: Final = 5
"""Hosts named in a warning; the rest is counted."""


class Plan:
    """All rules for one kind of host: those selected by the same patterns.

    ``watches(protocol, port)`` gives the rules whose verdict a listener there can change.

    What does not depend on a host's listeners is judged once and shared: on most hosts most rules
    watch none of the ports in use, and a port is matched with the rules that watch it only once.
    """

    def __init__(self, rules: Sequence[BoundRule], applies: Sequence[int]) -> None:
        self._rules = tuple(bound.rule for bound in rules)
        self._applies = tuple(applies)
        self._elsewhere = tuple(map(_not_for_host, rules))
        self._active = [index for index, on in enumerate(applies) if on]
        self._asking = [index for index in self._active if self._rules[index].needs_answers]
        self.watches = lru_cache(maxsize=None)(self._find_watchers)
        self._quiet = lru_cache(maxsize=256)(self._judge_quiet)
        self._passed = lru_cache(maxsize=256)(self._judge_passed)

    def judge(self, facts: HostFacts) -> tuple[Judgement, ...]:
        """Judge a host that was looked at: one judgement for each rule, in order."""
        watched: dict[int, list[Listener]] = {index: [] for index in self._asking}
        for listener in facts.listeners:
            for index in self.watches(listener.protocol, listener.port):
                watched.setdefault(index, []).append(listener)
        for port in facts.outside.answered if facts.outside else ():
            for index in self.watches(Protocol.TCP, port):
                watched.setdefault(index, [])
        judgements = self._quiet(facts.platform, facts.doubts)
        if not watched:
            return judgements
        changed = list(judgements)
        for index, listeners in watched.items():
            # Sources return rows in any order; findings are sorted.
            changed[index] = self._rules[index].judge(sorted(listeners, key=_BY_PORT), facts)
        if all(changed[index] is PASSED for index in watched):
            return self._passed(facts.platform, facts.doubts, frozenset(watched))
        return tuple(changed)

    @lru_cache(maxsize=256)  # noqa: B019 - a plan lives as long as the audit
    def judge_dark(self, cause: Unobserved) -> tuple[Judgement, ...]:
        """Judge a host whose look failed: every rule for it is unproven."""
        dark = unproven(cause.reason, cause.detail)
        return tuple(
            dark if applies else self._elsewhere[index]
            for index, applies in enumerate(self._applies)
        )

    def _find_watchers(self, protocol: Protocol, port: int) -> tuple[int, ...]:
        return tuple(index for index in self._active if self._rules[index].watches(protocol, port))

    def _judge_quiet(self, platform: Platform, doubts: Doubts) -> tuple[Judgement, ...]:
        facts = HostFacts(platform=platform, listeners=(), doubts=doubts)
        return tuple(
            rule.judge((), facts) if applies else self._elsewhere[index]
            for index, (rule, applies) in enumerate(zip(self._rules, self._applies, strict=True))
        )

    def _judge_passed(
        self, platform: Platform, doubts: Doubts, passed: frozenset[int]
    ) -> tuple[Judgement, ...]:
        """Return the judgements shared by every host on which these rules pass."""
        judgements = self._quiet(platform, doubts)
        return tuple(PASSED if index in passed else each for index, each in enumerate(judgements))


def _not_for_host(bound: BoundRule) -> Judgement:
    patterns = " and ".join(str(pattern) for pattern in bound.patterns)
    unchosen = "the inventory chooses other policies for the host, or "
    detail = f"{unchosen if bound.chosen_for is not None else ''}the host is not in {patterns}"
    return Judgement(Verdict.NOT_APPLICABLE, detail=detail)


class Selections:
    """Which hosts of an inventory each rule is for; each pattern is evaluated once."""

    def __init__(self, inventory: Inventory) -> None:
        self._names = inventory.names()
        self._groups = inventory.groups()
        self._by_pattern: dict[HostPattern, Selection] = {}

    def select(self, pattern: HostPattern) -> Selection:
        """Return the hosts a pattern selects, and the parts of it that name nothing."""
        if pattern not in self._by_pattern:
            self._by_pattern[pattern] = pattern.select(self._names, self._groups)
        return self._by_pattern[pattern]

    def hosts(self, bound: BoundRule) -> frozenset[str]:
        """Return the hosts a rule is for: those that its policy and its own pattern both select.

        Where the inventory chooses the policies of its hosts, only those it chose this one for.
        """
        chosen = [frozenset(self.select(pattern).names) for pattern in bound.patterns]
        own = () if bound.chosen_for is None else (bound.chosen_for,)
        return frozenset.intersection(*chosen, *own)


def plans(rules: Sequence[BoundRule], inventory: Inventory) -> dict[str, Plan]:
    """Return the plan for each host by its name; hosts that rules apply to alike share one."""
    applies = applying(rules, inventory)
    shared = {flags: Plan(rules, flags) for flags in set(applies.values())}
    return {name: shared[flags] for name, flags in applies.items()}


def applying(rules: Sequence[BoundRule], inventory: Inventory) -> dict[str, bytes]:
    """Return which rules are for each host, by its name: one byte a rule, 1 or 0."""
    selections = Selections(inventory)
    selected = [selections.hosts(bound) for bound in rules]
    shared: dict[bytes, bytes] = {}
    by_host = {}
    for host in inventory.hosts:
        flags = bytes([host.name in names for names in selected])
        by_host[host.name] = shared.setdefault(flags, flags)
    return by_host


def ports_to_try(rules: Sequence[BoundRule], applies: bytes) -> frozenset[int]:
    """Return the TCP ports that must be closed on a host: those worth trying from outside."""
    return frozenset(
        port
        for bound, applied in zip(rules, applies, strict=True)
        if applied and isinstance(bound.rule, ClosedRule)
        for part in bound.rule.closed.ranges
        if part.protocol is Protocol.TCP
        for port in range(part.first, part.last + 1)
    )


def pattern_warnings(rules: Sequence[BoundRule], inventory: Inventory) -> tuple[str, ...]:
    """Return what a reader must know about patterns: rules for no host, hosts without a rule."""
    selections = Selections(inventory)
    selected = [selections.hosts(bound) for bound in rules]
    idle = [
        f"rule {bound.key} is for no host of the inventory"
        for bound, hosts in zip(rules, selected, strict=True)
        if not hosts
    ]
    return (*idle, *_without_rules(selected, inventory))


def _without_rules(selected: Sequence[frozenset[str]], inventory: Inventory) -> Iterator[str]:
    """Warn of hosts that no rule is for: nothing was asked of them."""
    judged = frozenset[str]().union(*selected)
    left = [host.name for host in inventory.hosts if host.name not in judged]
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        yield f"no rule is for {', '.join(left[:_NAMED])}{more}"
