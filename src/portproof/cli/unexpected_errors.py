"""Describe uncaught errors: errors of the operating system, and bugs in portproof."""

import traceback
from typing import Final

from portproof.text.visible import visible

_NO_RIGHTS: Final = "; portproof needs permission to access it and every folder above it"


def refused_by_system(error: OSError) -> str:
    """Return one line about an operating system error: the path, the error, what to do."""
    paths = [str(name) for name in (error.filename, error.filename2) if name is not None]
    what = error.strerror or str(error) or type(error).__name__
    to_do = _NO_RIGHTS if isinstance(error, PermissionError) and paths else ""
    return visible(f"{', '.join(paths) or 'operating system error'}: {what}{to_do}")


def bug_report(error: BaseException) -> str:
    """Return the traceback, and a last line that asks the user to report it."""
    trace = "".join(traceback.format_exception(error)).splitlines()
    last = f"portproof: {type(error).__name__}: this is a bug in portproof"
    lines = [
        *trace,
        f"{last}; please report it with the lines above. Do not rely on any output of this run",
    ]
    return "\n".join(map(visible, lines))
