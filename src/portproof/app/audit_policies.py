"""Audit hosts against policies made in Python. Nothing is written."""

from collections import Counter
from collections.abc import Iterable, Sequence

from portproof.app.prepare import needed_checks
from portproof.content.lint_hosts import unknown_parts
from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.errors import UsageError
from portproof.inventory.read import read_inventory
from portproof.inventory.targets import with_targets
from portproof.judge.job import Job
from portproof.model.hosts import Inventory
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy, bind
from portproof.policy.waivers import BoundWaiver
from portproof.result.result import AuditResult
from portproof.run.audit import run
from portproof.run.hosts import HostAudits, LookSettings
from portproof.sources.local import sources
from portproof.ssh.settings import SshSettings


def audit_policies(
    policies: Sequence[Policy],
    *,
    checks: Sequence[Check] = (),
    inventory: Inventory | None = None,
    via: str | None = None,
) -> AuditResult:
    """Audit hosts against policies made in Python, without writing anything.

    Args:
        policies: What must hold.
        checks: Checks that rules refer to, besides the shipped ones.
        inventory: The hosts, as ``read_inventory`` returns them; None for this machine.
        via: The only source to use; None for the first that works.

    Raises:
        UsageError: there is no rule, an id is used twice, a check is unknown, or a part of a host
            pattern names nothing in the inventory.
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
    _refuse_unknown_hosts(policies, inventory)
    job = Job(
        rules,
        tuple(known[name] for name in needed_checks(rules)),
        inventory,
        waivers=_waivers_of(policies),
    )
    settings = LookSettings(sources(via), ssh=SshSettings(via=via))
    return run(job, HostAudits(job, inventory.targets, settings))


def _refuse_unknown_hosts(policies: Iterable[Policy], inventory: Inventory) -> None:
    for policy in policies:
        unknown = [part for _, part in unknown_parts(policy, inventory)]
        if unknown:
            names = ", ".join(dict.fromkeys(unknown))
            raise UsageError(f"{policy.policy}: the inventory has no host or group named {names}")


def _waivers_of(policies: Iterable[Policy]) -> tuple[BoundWaiver, ...]:
    return tuple(
        BoundWaiver(waiver, f"{policy.policy}/{waiver.rule}", index=index)
        for policy in policies
        for index, waiver in enumerate(policy.waivers)
    )


def _refuse_flaws(rules: Sequence[BoundRule], known: dict[str, Check]) -> None:
    if not rules:
        raise UsageError("there is no rule to judge; give at least one policy")
    twice = [key for key, count in Counter(bound.key for bound in rules).items() if count > 1]
    if twice:
        raise UsageError(f"rule ids must be unique; used twice: {', '.join(twice)}")
    unknown = [name for name in needed_checks(rules) if name not in known]
    if unknown:
        raise UsageError(f"there is no check named {', '.join(unknown)}")
    for bound in rules:
        if flaw := bound.rule.flaw():
            raise UsageError(f"{bound.key}: {flaw}")
