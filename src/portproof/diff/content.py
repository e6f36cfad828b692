"""Compare the content of two audits: policies, checks and waivers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from portproof.model.verdicts import Verdict
from portproof.policy.policy import BoundRule
from portproof.policy.waivers import Waiver
from portproof.result.changes import Change, ChangeKind
from portproof.result.result import AuditResult
from portproof.text.words import many


def policy_changes(old: AuditResult, new: AuditResult) -> Iterator[Change]:
    """Yield rules that were added, removed or changed, and changed checks."""
    before = {bound.key: bound for bound in old.rules}
    after = {bound.key: bound for bound in new.rules}
    came, gone = _policies(new) - _policies(old), _policies(old) - _policies(new)
    failing = _failing_hosts(old, before.keys() - after.keys())
    for policy in sorted(came):
        yield _whole(f"policy {policy} is new, with {_rules(_of(after, policy))}")
    for policy in sorted(gone):
        rules = _of(before, policy)
        failed = sum(failing[key] for key in rules)
        yield _whole(f"policy {policy} is gone, with {_rules(rules)}; {_failures(failed)}")
    new_rules = [key for key in after.keys() - before.keys() if _policy(key) not in came]
    yield from _each("is new", after, new_rules)
    for key in _in_order(before, [key for key in failing if _policy(key) not in gone]):
        yield _rule(before[key], f"is gone; {_failures(failing[key])}")
    both = before.keys() & after.keys()
    other = {key for key in both if _meaning(before[key]) != _meaning(after[key])}
    yield from _each("says something else than before", after, other)
    yield from _checks(old, new)


def _policies(result: AuditResult) -> set[str]:
    return {bound.policy.policy for bound in result.rules}


def _policy(key: str) -> str:
    return key.partition("/")[0]


def _of(rules: Iterable[str], policy: str) -> list[str]:
    return [key for key in rules if _policy(key) == policy]


def _rules(keys: Sequence[str]) -> str:
    return many(len(keys), "rule")


def _failures(count: int) -> str:
    return f"{many(count, 'verdict')} failed by it before"


def _whole(what: str) -> Change:
    return Change(ChangeKind.POLICY, what)


def _each(what: str, rules: Mapping[str, BoundRule], keys: Iterable[str]) -> Iterator[Change]:
    for key in _in_order(rules, keys):
        yield _rule(rules[key], f"{what}: {rules[key].rule.summary()}")


def _in_order(rules: Iterable[str], keys: Iterable[str]) -> list[str]:
    wanted = set(keys)
    return [key for key in rules if key in wanted]


def _rule(bound: BoundRule, what: str) -> Change:
    return Change(ChangeKind.POLICY, what, rule=bound.key, severity=bound.severity)


def _meaning(bound: BoundRule) -> tuple[Any, ...]:
    document = bound.rule.model_dump(mode="json", exclude_unset=True)
    return document, bound.severity, bound.patterns


def _failing_hosts(result: AuditResult, keys: Iterable[str]) -> dict[str, int]:
    wanted = set(keys)
    places = [at for at, bound in enumerate(result.rules) if bound.key in wanted]
    return {
        result.rules[at].key: sum(
            host.judgements[at].verdict is Verdict.FAIL for host in result.hosts
        )
        for at in places
    }


def _checks(old: AuditResult, new: AuditResult) -> Iterator[Change]:
    before = {check.check: check for check in old.checks}
    for check in new.checks:
        if check.check in before and before[check.check] != check:
            what = f"check {check.check} asks something else than before"
            yield Change(ChangeKind.POLICY, what)


def waiver_changes(old: AuditResult, new: AuditResult) -> Iterator[Change]:
    """Waivers that came, went, or hold otherwise than before."""
    before, after = _waivers(old), _waivers(new)
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield Change(ChangeKind.WAIVER, _waiver_change(was, now), rule=key[0])


def _waiver_change(was: Waiver | None, now: Waiver | None) -> str:
    if was is None or now is None:
        one = now or was
        return f"a waiver {'is gone' if now is None else 'is new'}: {_held(one)}"
    return f"a waiver changed: {_held(was)} before, {_held(now)} now"


def _held(waiver: Waiver | None) -> str:
    if waiver is None:
        return "none"
    return f"{waiver.owner} for {waiver.hosts} until {waiver.until.isoformat()}: {waiver.reason}"


def _waivers(result: AuditResult) -> dict[tuple[str, str], Waiver]:
    """Return waivers by their rule and by what they cover."""
    return {(rule, _covered(waiver)): waiver for rule, waiver in _all_waivers(result)}


def _all_waivers(result: AuditResult) -> list[tuple[str, Waiver]]:
    if result.basis is not None:
        return [(bound.rule, bound.waiver) for bound in result.basis.waivers]
    policies = {bound.policy.policy: bound.policy for bound in result.rules}.values()
    named = [(policy.policy, waiver) for policy in policies for waiver in policy.waivers]
    return [(w.rule if "/" in w.rule else f"{policy}/{w.rule}", w) for policy, w in named]


def _covered(waiver: Waiver) -> str:
    return waiver.model_dump_json(include={"hosts", "ports", "at", "by"})
