"""Ask osqueryi, if it is installed."""

import os
from time import monotonic

from .programs import find, program, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .programs import Children, Run

# osqueryi makes a folder in the user's home, or in one below /tmp where there is no home.
_ENVIRONMENT = {"HOME": "/nonexistent"}


def ask_all(
    request: "dict[str, Any]", arguments: "list[str]", children: "Children", patience: float
) -> "list[Run]":
    """Ask all questions at once; if that fails, ask them one after the other.

    Args:
        request: Which programs may be osqueryi, with which flags, and the limit of their output.
        arguments: One that asks everything, and one for each question.
        children: What is running.
        patience: Seconds for all of it.
    """
    command = _command(request)
    if command is None:
        return []
    deadline = monotonic() + patience
    runs: list[Run] = []
    for argument in arguments:
        work = program([*command, argument], _ENVIRONMENT)
        runs.append(run(children, work, deadline, request["limit"]))
        hopeless = runs[-1]["late"] or runs[-1]["large"]
        if hopeless or (len(runs) == 1 and not _failed(runs[0])):
            break
    return runs


def ask_aside(request: "dict[str, Any]", children: "Children", patience: float) -> "Run | None":
    """Ask the question that may take long, if docker is there to be asked about."""
    command = _command(request)
    if command is None or not request["aside"] or not os.path.exists(request["aside_of"]):
        return None
    work = program([*command, request["aside"]], _ENVIRONMENT)
    return run(children, work, monotonic() + patience, request["limit"])


def is_answered(runs: "list[Run]") -> bool:
    """Return whether osqueryi answered its first two questions: its identity and the sockets."""
    if not runs:
        return False
    needed = runs[1:3] if len(runs) > 1 else runs
    return not any(_failed(run) for run in needed)


def _command(request: "dict[str, Any]") -> "list[str] | None":
    """Return the program with its flags, or None if it is not installed."""
    name = find(request["programs"])
    if name is None:
        return None
    # The program takes itself for the daemon when its name says so, unless it is told otherwise.
    shell = ["-S"] if "osqueryd" in name else []
    return [name, *shell, *request["flags"]]


def _failed(run: "Run") -> bool:
    return run["code"] != 0 or "\nError:" in "\n" + str(run["err"])
