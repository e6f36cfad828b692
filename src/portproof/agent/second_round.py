"""Tells who is behind processes, in a process of its own that is ended when its time is over."""

from time import monotonic

from .frame import send
from .programs import Children, run, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FINDING, _RUNNING = 0.7, 0.9
"""The parts of the time after which what was found is told, and after which it is given up."""


def answer(request: "dict[str, Any]", line: str) -> None:
    """Tell who is behind processes, and end.

    The answer is what became of the process that found it out, as ``programs.run`` tells it; what
    that printed is what ``explain.tell`` prints.

    Args:
        request: ``limit`` is how many bytes of output are accepted.
        line: The seal, the seconds for everything, and the process ids.
    """
    seal, time, *pids = line.split()
    seconds = float(time)
    children = Children()
    watch(children, seconds)
    deadline = monotonic() + seconds * _RUNNING

    def work() -> None:
        from .explain import tell

        tell(pids, seconds * _FINDING)

    send(seal, run(children, work, deadline, request["limit"]))
