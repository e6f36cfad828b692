"""Finds the content folders: in the installed package, or in a checkout."""

from pathlib import Path
from typing import Literal

from portproof.errors import PortproofError

Folder = Literal["checks", "policies", "reports"]

_PACKAGE = Path(__file__).parent


def shipped(folder: Folder) -> Path:
    """Where a folder of shipped content is.

    Raises:
        PortproofError: the installation is broken; the content is neither in the package nor
            beside the source.
    """
    candidates = (_PACKAGE / "_content" / folder, _PACKAGE.parent.parent / folder)
    found = next((path for path in candidates if path.is_dir()), None)
    if found is None:
        raise PortproofError(f"the shipped folder {folder} is missing; reinstall portproof")
    return found
