"""One look at a host: opens canaries, asks osqueryi or reads /proc, and answers."""

import sys

from .canaries import open_at, open_at_loopback
from .frame import send
from .osqueryi import ask_all, ask_aside, is_answered
from .own import processes
from .programs import Children, watch
from .turns import turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PATIENCE = 0.5  # the part of the time that osqueryi gets, so that there is some for the probe
_DIRECT = 0.2  # the part of the time for questions that need more than the tables
_ASIDE, _ASIDE_SECONDS = 0.2, 5.0  # the part of the time that the question aside gets, at most
_TURN, _TURN_SECONDS = 0.2, 10.0  # the part of the time that other looks are waited for, at most


def answer(request: "dict[str, Any]", line: str) -> None:
    """Look, answer and exit.

    The answer is

        {"runs": [...], "direct": [...], "probe": {...}, "beside": null, "aside": null,
         "failed": "", "canaries": [["tcp", "127.0.0.1", 40001, 81234]], "unopened": [],
         "processes": [4711]}

    ``runs`` are the runs of osqueryi as ``programs.run`` tells them; the first asks for all tables
    at once, and when it fails one for each follows. ``direct`` are likewise those for questions
    that need more than the tables. ``aside`` is the run for the question that may take long, which
    is not asked where there is no docker. ``probe`` is what ``tables.collect`` returned, or null;
    ``beside`` is the same for what is read beside an osqueryi that answered. ``canaries`` are told
    with their inodes; ``unopened`` are those that could not be opened though their family is in
    use. ``processes`` are the pids of the look's own processes.

    Args:
        request: The arguments for osqueryi ``tables_of_osquery``, ``direct`` and ``aside``, its
            ``programs`` and ``flags``, the ``limit`` of its output in bytes, the ``tables`` to read
            otherwise, and what to read in any case (``beside``); none where there are none to read.
        line: The seal, the seconds for everything, and where the host's SSH server named it, its
            address, at which one more canary is opened.
    """
    seal, time, *server = line.split()
    seconds = float(time)
    children = Children()
    watch(children, seconds)
    _held = turn(min(_TURN_SECONDS, seconds * _TURN))
    held, unopened = open_at_loopback()
    for address in server:
        held += open_at(address)
    found: dict[str, Any] = {"runs": [], "direct": [], "probe": None, "beside": None}
    found.update({"aside": None, "failed": ""})
    try:
        arguments = request["tables_of_osquery"]
        found["runs"] = ask_all(request, arguments, children, seconds * _PATIENCE)
        if not is_answered(found["runs"]):
            found["probe"] = _probe(request["tables"])
        else:
            found["beside"] = _probe(request["beside"])
            found["direct"] = ask_all(request, request["direct"], children, seconds * _DIRECT)
            patience = min(_ASIDE_SECONDS, seconds * _ASIDE)
            found["aside"] = ask_aside(request, children, patience)
    except Exception as error:  # noqa: BLE001 - whatever a host does to this must be told
        found["failed"] = type(error).__name__ + ": " + str(error)
    found["canaries"] = [list(canary[1:]) for canary in held]
    found["unopened"] = unopened
    found["processes"] = processes("".join(sys.argv[3:4]))
    for canary in held:  # before the turn ends with this process
        canary[0].close()
    send(seal, found)


def _probe(tables: "list[str]") -> object:
    if not tables or not sys.platform.startswith("linux"):
        return None
    from .tables import collect

    return collect(tables)
