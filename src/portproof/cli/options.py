"""What several commands share: where content comes from."""

from collections.abc import Sequence
from pathlib import Path

from portproof.content import shipped
from portproof.loading.content import Content, beside, load


def content_paths(paths: Sequence[Path]) -> list[Path]:
    """The policy paths given, or the shipped policies."""
    return list(paths) or [shipped("policies")]


def load_content(paths: Sequence[Path]) -> Content:
    """Load the policies at the paths, the checks beside them, and the shipped checks."""
    policies = content_paths(paths)
    own = [folder for folder in map(beside, policies) if folder is not None]
    return load(policies, [shipped("checks"), *own])
