"""The shipped policies, read once."""

from functools import cache

from portproof.content.lint import lint
from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.model.ports import PortRange
from portproof.policy.policy import BoundRule
from portproof.policy.rules.closed import ClosedRule


@cache
def closed_rules() -> list[BoundRule]:
    """Return every shipped rule that wants ports closed."""
    content = load([shipped("policies")], [shipped("checks")])
    lint(content)
    content.raise_problems()
    return [bound for bound in content.rules() if isinstance(bound.rule, ClosedRule)]


def ports_closed(bound: BoundRule) -> tuple[PortRange, ...]:
    """Return the ports that a rule wants closed."""
    assert isinstance(bound.rule, ClosedRule)
    return bound.rule.closed.ranges
