"""The audit: wires inventory, looks, evaluation and result. The library's entry.

from portproof.app.audit import audit
from portproof.policy.policy import Policy

result = audit([Policy(policy="mine", title="Closed", rules=[{"id": "a", "closed": 609}])])
print(result.exit_code, result.totals)
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from portproof.content.lint import lint
from portproof.content.load import Content, load
from portproof.content.shipped import shipped
from portproof.defaults import WARN_DAYS
from portproof.errors import UsageError
from portproof.inventory.read import read_inventory
from portproof.inventory.targets import with_targets
from portproof.judge.job import Job
from portproof.model.hosts import Inventory
from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
)
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.rules.check import CheckRule
from portproof.policy.waivers import BoundWaiver
from portproof.result.result import AuditResult
from portproof.run.audit import run
from portproof.run.one_host import How, Looks
from portproof.sources.local import sources
from portproof.ssh.settings import SshSettings


def prepare(
    content: Content,
    inventory: Inventory,
    *,
    require_witness: bool = False,
    warn_days: int = WARN_DAYS,
    chosen: Mapping[str, frozenset[str]] | None = None,
) -> Job:
    """Check content and turn it into a job.

    Args:
        content: Policies, checks and waivers.
        inventory: The hosts.
        require_witness: Whether a check without a witness leaves its rule unproven.
        warn_days: How many days before a waiver's end an audit warns of it.
        chosen: The hosts each policy is for, by its id, where the inventory chooses; None if every
            policy is for every host.

    Raises:
        ContentError: holds everything that is wrong with policies and checks.
    """
    lint(content)
    content.raise_problems()
    known = content.check_by_id()
    rules = _chosen(content.rules(), chosen)
    needed = _needed_checks(rules)
    return Job(
        rules=rules,
        checks=tuple(known[name] for name in needed if name in known),
        inventory=inventory,
        waivers=content.waivers(),
        warn_days=warn_days,
        policy_digests=content.policy_digests(),
        check_digests=tuple(
            loaded.digest for loaded in content.checks if loaded.model.check in needed
        ),
        require_witness=require_witness,
    )


def _chosen(
    rules: tuple[BoundRule, ...], chosen: Mapping[str, frozenset[str]] | None
) -> tuple[BoundRule, ...]:
    if chosen is None:
        return rules
    return tuple(replace(bound, chosen_for=chosen[bound.policy.policy]) for bound in rules)


def audit(
    policies: Sequence[Policy],
    *,
    checks: Sequence[Check] = (),
    inventory: Inventory | None = None,
    via: str | None = None,
) -> AuditResult:
    """Audit hosts against policies made in Python; without an inventory, this machine.

    The shipped checks are known besides ``checks``. Nothing is written.

    Raises:
        UsageError: there is no rule, an id is used twice, or a check is not known.
        ContentError: the installation's own checks are broken.
    """
    own = load([], [shipped("checks")])
    own.raise_problems()
    rules = tuple(bind(policies))
    known = own.check_by_id() | {check.check: check for check in checks}
    _refuse_flaws(rules, known)
    if inventory is None:
        inventory = read_inventory([])
    elif not inventory.targets:
        inventory = with_targets(inventory)
    job = Job(
        rules,
        tuple(known[name] for name in _needed_checks(rules)),
        inventory,
        waivers=_waivers_of(policies),
    )
    how = How(sources(via), ssh=SshSettings(via=via))
    return run(job, Looks(job.inventory.targets, job.questions(), how))


def _waivers_of(policies: Iterable[Policy]) -> tuple[BoundWaiver, ...]:
    return tuple(
        BoundWaiver(waiver, f"{policy.policy}/{waiver.rule}", index=index)
        for policy in policies
        for index, waiver in enumerate(policy.waivers)
    )


def _needed_checks(rules: Iterable[BoundRule]) -> dict[str, None]:
    used = (bound.rule.check for bound in rules if isinstance(bound.rule, CheckRule))
    return dict.fromkeys((LISTENING_SOCKETS, PUBLISHED_PORTS, *used))


def _refuse_flaws(rules: Sequence[BoundRule], known: dict[str, Check]) -> None:
    if not rules:
        raise UsageError("there is no rule to judge; give at least one policy")
    twice = [key for key, count in Counter(bound.key for bound in rules).items() if count > 1]
    if twice:
        raise UsageError(f"rule ids must be unique; used twice: {', '.join(twice)}")
    unknown = [name for name in _needed_checks(rules) if name not in known]
    if unknown:
        raise UsageError(f"no check is called {', '.join(unknown)}")
    for bound in rules:
        if flaw := bound.rule.flaw():
            raise UsageError(f"{bound.key}: {flaw}")
