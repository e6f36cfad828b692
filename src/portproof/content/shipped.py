"""Find the content folders, in the installed package or in a checkout, and policies by name."""

import os
from pathlib import Path
from typing import Final, Literal

from portproof.errors import PortproofError, UsageError
from portproof.text.suggestions import suggesting

Folder = Literal["checks", "policies", "reports"]

_PACKAGE = Path(__file__).parent.parent
_TESTS: Final = ".test"


def shipped(folder: Folder) -> Path:
    """Return where a folder of shipped content is.

    Raises:
        PortproofError: the installation is broken; the content is neither in the package nor
            beside the source.
    """
    candidates = (_PACKAGE / "_content" / folder, _PACKAGE.parent.parent / folder)
    found = next((path for path in candidates if path.is_dir()), None)
    if found is None:
        raise PortproofError(f"the shipped folder {folder} is missing; reinstall portproof")
    return found


def default_policies() -> list[Path]:
    """Return the policies that are used when none is named: all shipped ones except baselines."""
    folder = shipped("policies")
    return [path for path in _policies(folder) if path.parent == folder]


def shipped_policies() -> dict[str, Path]:
    """Return the file of every shipped policy by its id, which is its name; baselines too."""
    return {path.stem: path for path in _policies(shipped("policies"))}


def _policies(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.yml")) if Path(path.stem).suffix != _TESTS]


def policy_path(text: str) -> Path:
    """Return the path of a policy given as a path or by the name of a shipped policy.

    A word without a slash or ending is a shipped policy's name unless a path has the same name.

    Raises:
        UsageError: both exist, or neither does; the message says what to write.
    """
    if not text.strip():
        raise UsageError("an empty policy name was given; is a shell variable empty?")
    path, named = Path(text), shipped_policies().get(text)
    there = os.path.lexists(path)
    if named is not None and there:
        raise UsageError(
            f"{text} is a shipped policy, and a path with this name exists too;"
            f" write ./{text} for the path, or {named} for the policy"
        )
    if named is None and not there and _is_bare(text):
        raise UsageError(_unknown(text))
    return named or path


def _is_bare(text: str) -> bool:
    """Return whether a text cannot be a path."""
    return Path(text).name == text and not Path(text).suffix and not text.startswith(".")


def _unknown(text: str) -> str:
    known = shipped_policies()
    told = f"there is no shipped policy, file or folder named {text[:200]!a}"
    return suggesting(told, text, known, 3, otherwise=f"shipped policies: {', '.join(known)}")
