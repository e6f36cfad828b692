"""What nobody caught, in words: what the system refused, and what is portproof's own mistake."""

import traceback
from typing import Final

from portproof.text.visible import visible

_NO_RIGHTS: Final = "; portproof needs the right to use it and to enter every folder above it"


def refused_by_system(error: OSError) -> str:
    """One line about an error of the operating system: the path, what it said, what to do."""
    paths = [str(name) for name in (error.filename, error.filename2) if name is not None]
    what = error.strerror or str(error) or type(error).__name__
    to_do = _NO_RIGHTS if isinstance(error, PermissionError) and paths else ""
    return visible(f"{', '.join(paths) or 'the system says'}: {what}{to_do}")


def own_mistake(error: BaseException) -> str:
    """Where portproof failed, and last a line that asks for a report of it."""
    trace = "".join(traceback.format_exception(error)).splitlines()
    last = f"portproof: {type(error).__name__}: this is a mistake of portproof's, not yours"
    lines = [
        *trace,
        f"{last}; please report it with the lines above. Nothing is proven by this run",
    ]
    return "\n".join(map(visible, lines))
