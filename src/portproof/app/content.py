"""Load the policies and checks that a command names."""

from collections.abc import Sequence
from pathlib import Path

from portproof.content.load import Content, beside, load
from portproof.content.shipped import default_policies, policy_path, shipped


def content_paths(policies: Sequence[str]) -> list[Path]:
    """Return the paths of policies given by name or path, or those of the default policies.

    Raises:
        UsageError: a name is not known, or could be a path as well.
    """
    return [policy_path(each) for each in policies] or default_policies()


def load_content(policies: Sequence[str]) -> Content:
    """Load the policies given by name or path, the checks beside them, and the shipped checks."""
    return load_paths(content_paths(policies))


def load_paths(policies: Sequence[Path]) -> Content:
    """Load the policies at the paths, the checks beside them, and the shipped checks."""
    own = [folder for folder in map(beside, policies) if folder is not None]
    return load(policies, [shipped("checks"), *own])
