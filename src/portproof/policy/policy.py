"""Policies: what must hold, for whom, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from portproof.model.base import HostsField, Model, Severity, Slug, Text
from portproof.model.patterns import HostPattern
from portproof.policy.rules.base import Rule
from portproof.policy.rules.kinds import any_rule
from portproof.policy.waivers import Waiver

if TYPE_CHECKING:
    AnyRule = Rule
else:
    AnyRule = any_rule()


class Policy(Model):
    """A set of rules for some hosts. The same in YAML and in Python."""

    policy: Annotated[Slug, Field(description="The policy's id, unique among those in use.")]
    title: Annotated[Text, Field(description="What holds when all its rules pass.")]
    because: Annotated[Text | None, Field(description="Why the policy exists.")] = None
    severity: Annotated[Severity, Field(description="For rules that name none.")] = Severity.MEDIUM
    hosts: HostsField = Field(
        default="all", validate_default=True, description="An Ansible host pattern."
    )
    optional_hosts: Annotated[
        tuple[Text, ...],
        Field(description="Parts of host patterns that an inventory may lack, such as canary."),
    ] = ()
    rules: Annotated[tuple[AnyRule, ...], Field(min_length=1)]
    waivers: Annotated[
        tuple[Waiver, ...], Field(description="Findings of these rules somebody answers for.")
    ] = ()

    def document(self) -> dict[str, Any]:
        """Return the policy as plain data, without keys that were not written."""
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule with what it inherits from its policy, and where it is written.

    ``file`` and ``line`` are where the rule starts; empty and 0 for one made in Python.
    ``chosen_for`` has the hosts for which the inventory names the policy; None is every host.
    """

    policy: Policy
    rule: Rule
    file: str = ""
    line: int = 0
    chosen_for: frozenset[str] | None = None

    @property
    def key(self) -> str:
        """``policy/rule``: unique in an audit."""
        return f"{self.policy.policy}/{self.rule.id}"

    @property
    def severity(self) -> Severity:
        """The rule's severity, or the policy's."""
        return self.rule.severity or self.policy.severity

    @property
    def patterns(self) -> tuple[HostPattern, ...]:
        """The patterns that must select a host: the policy's, and the rule's own."""
        own = (self.rule.hosts,) if self.rule.hosts else ()
        return (self.policy.hosts, *own)


def bind(policies: Iterable[Policy]) -> Iterator[BoundRule]:
    """Return every rule of the policies, in order."""
    return (BoundRule(policy, rule) for policy in policies for rule in policy.rules)
