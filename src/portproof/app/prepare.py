"""Check policies and checks, and plan an audit by them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from portproof.content.lint import lint
from portproof.content.lint_hosts import lint_hosts
from portproof.content.load import Content
from portproof.defaults import WARN_DAYS
from portproof.judge.job import Job
from portproof.model.hosts import Inventory
from portproof.model.observation import LISTENING_SOCKETS, PUBLISHED_PORTS
from portproof.policy.policy import BoundRule
from portproof.policy.rules.check import CheckRule


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
        ContentError: holds everything that is wrong with policies and checks, host patterns that
            name nothing in the inventory among it.
    """
    lint(content)
    lint_hosts(content, inventory)
    content.raise_problems()
    known = content.check_by_id()
    rules = _chosen(content.rules(), chosen)
    needed = needed_checks(rules)
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


def needed_checks(rules: Iterable[BoundRule]) -> dict[str, None]:
    """Return the ids of the checks that rules need, in order and once each."""
    used = (bound.rule.check for bound in rules if isinstance(bound.rule, CheckRule))
    return dict.fromkeys((LISTENING_SOCKETS, PUBLISHED_PORTS, *used))


def _chosen(
    rules: tuple[BoundRule, ...], chosen: Mapping[str, frozenset[str]] | None
) -> tuple[BoundRule, ...]:
    if chosen is None:
        return rules
    return tuple(replace(bound, chosen_for=chosen[bound.policy.policy]) for bound in rules)
