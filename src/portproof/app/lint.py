"""Find everything that is wrong with policies and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portproof.app.content import content_paths, load_content
from portproof.content.lint import lint as lint_content
from portproof.content.load import Content
from portproof.model.hosts import Inventory


@dataclass(frozen=True, slots=True)
class LintOutcome:
    """Policies and checks without an error.

    Attributes:
        content: The policies, checks and waivers.
        paths: The files and folders the policies were read from.
        notes: Notes on the inventory, one sentence each, such as hosts without rules.
    """

    content: Content
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def lint(policies: Sequence[str] = (), inventory: Inventory | None = None) -> LintOutcome:
    """Read policies and the checks they use, and find everything that is wrong with them.

    Args:
        policies: Names of shipped policies, files or folders. Empty: the shipped policies without
            the baselines.
        inventory: The hosts the policies are for; host patterns are checked against it.

    Raises:
        ContentError: something is wrong; holds every problem.
        UsageError: a policy is unknown.
    """
    if inventory is not None:
        return _lint_for(policies, inventory)
    content = load_content(policies)
    lint_content(content)
    content.raise_problems()
    return LintOutcome(content, tuple(content_paths(policies)))


def _lint_for(policies: Sequence[str], inventory: Inventory) -> LintOutcome:
    """Find what is wrong with policies for the hosts of an inventory, without connecting to any."""
    from portproof.app.choose_policies import choose  # noqa: PLC0415 - lint alone chooses nothing
    from portproof.app.prepare import prepare  # noqa: PLC0415 - the same
    from portproof.judge.plan import pattern_warnings  # noqa: PLC0415 - the same

    choice = choose(policies, inventory)
    job = prepare(choice.content, inventory, chosen=choice.hosts)
    notes = (*choice.notes, *inventory.warnings, *pattern_warnings(job.rules, inventory))
    return LintOutcome(choice.content, tuple(content_paths(policies)), notes)
