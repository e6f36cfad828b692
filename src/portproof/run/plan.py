"""What every host of an audit is asked and judged by, as plain data for any process."""

from datetime import date
from typing import Self

from portproof.judge.job import Job, Judge
from portproof.model.base import Model
from portproof.model.observation import Platform
from portproof.policy.checks import Check, questions_of
from portproof.policy.policy import BoundRule, Policy
from portproof.policy.waivers import BoundWaiver
from portproof.ssh.settings import SshSettings

RuleReference = tuple[int, int, bool]
"""A rule: its policy's place in the plan, its own in the policy, and whether the inventory chooses
the hosts of the policy."""


class AuditPlan(Model):
    """How hosts are looked at over SSH and by what they are judged; it holds no host, no secret.

    Attributes:
        policies: The policies whose rules are judged.
        rules: The rules in the order of the verdicts.
        checks: The checks that are asked.
        waivers: All waivers.
        today: The day by which waivers hold.
        require_witness: Whether a check without a witness leaves its rule unproven.
        outside: Whether the TCP ports that must be closed are tried from outside as well.
        ssh: The limits of a look over SSH.
        processes: How many processes share the work, and with it the rate of connections.
    """

    policies: tuple[Policy, ...]
    rules: tuple[RuleReference, ...]
    checks: tuple[Check, ...]
    waivers: tuple[BoundWaiver, ...]
    today: date
    require_witness: bool
    outside: bool
    ssh: SshSettings
    processes: int = 1

    @classmethod
    def of(cls, job: Job, *, outside: bool = False, ssh: SshSettings, processes: int = 1) -> Self:
        """Make the plan of a job."""
        policies = list({id(bound.policy): bound.policy for bound in job.rules}.values())
        places = {
            id(rule): (index, place)
            for index, policy in enumerate(policies)
            for place, rule in enumerate(policy.rules)
        }
        return cls(
            policies=tuple(policies),
            rules=tuple(
                (*places[id(bound.rule)], bound.chosen_for is not None) for bound in job.rules
            ),
            checks=job.checks,
            waivers=job.waivers,
            today=job.today,
            require_witness=job.require_witness,
            outside=outside,
            ssh=ssh,
            processes=processes,
        )

    def bound_rules(self) -> tuple[BoundRule, ...]:
        """Return the rules in their policies; each task says which of them are for its host."""
        return tuple(
            BoundRule(
                self.policies[policy],
                self.policies[policy].rules[rule],
                chosen_for=frozenset() if is_chosen else None,
            )
            for policy, rule, is_chosen in self.rules
        )

    def judge(self) -> Judge:
        """Return the judge of hosts by this plan."""
        return Judge(
            self.bound_rules(),
            self.checks,
            self.waivers,
            self.today,
            require_witness=self.require_witness,
        )

    def questions(self) -> dict[Platform, dict[str, str]]:
        """Return the SQL to ask by platform and question id."""
        return questions_of(self.checks)
