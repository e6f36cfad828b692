"""Find everything that is wrong with policies and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portproof.app.content import content_paths, load_content
from portproof.content.lint import lint as lint_content
from portproof.content.load import Content


@dataclass(frozen=True, slots=True)
class LintOutcome:
    """Policies and checks without an error.

    Attributes:
        content: The policies, checks and waivers.
        paths: The files and folders the policies were read from.
    """

    content: Content
    paths: tuple[Path, ...]


def lint(policies: Sequence[str] = ()) -> LintOutcome:
    """Read policies and the checks they use, and find everything that is wrong with them.

    Args:
        policies: Names of shipped policies, files or folders. Empty: the shipped policies without
            the baselines.

    Raises:
        ContentError: something is wrong; holds every problem.
        UsageError: a policy is unknown.
    """
    content = load_content(policies)
    lint_content(content)
    content.raise_problems()
    return LintOutcome(content, tuple(content_paths(policies)))
