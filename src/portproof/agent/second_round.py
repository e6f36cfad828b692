"""Explain processes in a child process that is killed when its time is up."""

from time import monotonic

from .frame import send
from .programs import Children, run, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FINDING, _RUNNING = 0.7, 0.9
"""Fractions of the time until findings are reported, and until the child is killed."""


def answer(request: "dict[str, Any]", line: str) -> None:
    """Explain processes, answer and exit.

    The answer describes the child process as ``programs.run`` returns it; its output is what
    ``explain.tell`` printed.

    Args:
        request: ``limit`` is the maximum number of bytes of output.
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
