"""What is sent to a host that is ready: a program for its Python, or a question for its shell."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from portproof.investigate import why
from portproof.model.observation import Platform, Reason, Unobserved
from portproof.sources import agent
from portproof.sources import probe as embedded
from portproof.sources.beside import beside_names
from portproof.sources.osquery_plan import planned
from portproof.sources.osqueryi_format import one_argument
from portproof.sources.source import DOCKER_SOCKET
from portproof.ssh.command import FLAGS, PROGRAMS
from portproof.ssh.dialogue import Ready
from portproof.ssh.replies import asked

_OSQUERYI: Final = "osqueryi"
PROBE: Final = "probe"
_SHORTEST: Final = 1.0
"""Seconds that a program gets in any case."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What to ask hosts of one platform, worked out once for all of them.

    ``program`` is for a Python, but for its last line; ``argument`` for a shell that has osqueryi
    alone. ``server`` is of one host: the address of its SSH server, where a Python opens a canary;
    empty for none.
    """

    questions: Mapping[str, str]
    program: bytes
    argument: str | None
    via: str | None
    server: str = ""

    @classmethod
    def prepare(
        cls, platform: Platform, questions: Mapping[str, str], via: str | None, limit: int
    ) -> "Asking":
        """Work out what to ask.

        Args:
            platform: What the hosts are.
            questions: The SQL of every question by its id.
            via: The one source to use, or None for the first that works.
            limit: Bytes of output that are accepted of osqueryi.
        """
        by_shell = planned(questions, platform)
        plan = planned(questions, platform, holders=False)
        tables, direct = list(asked(plan).values()), list(plan.direct.values())
        probes = platform is Platform.LINUX and via in (None, PROBE)
        runs = via in (None, _OSQUERYI)
        request = {
            "do": "look",
            "limit": limit,
            "programs": list(PROGRAMS) if runs else [],
            "flags": list(FLAGS),
            "tables_of_osquery": _arguments(tables),
            "direct": _arguments(direct),
            "aside": one_argument(list(plan.aside.values())) if plan.aside else "",
            "aside_of": DOCKER_SOCKET,
            "beside": beside_names(plan) if platform is Platform.LINUX else [],
            "tables": embedded.wanted(questions, platform) if probes else [],
        }
        together = one_argument([*asked(by_shell).values(), *direct])
        return cls(questions, agent.program(request), together if runs else None, via)


def _arguments(questions: Sequence[str]) -> list[str]:
    """Return an argument that asks everything, and one for each question if that fails."""
    singly = [one_argument([sql]) for sql in questions]
    return [one_argument(questions), *singly] if len(singly) > 1 else singly


def python_program(asking: Asking, seal: str, seconds: float) -> bytes:
    """Return what a host's Python reads.

    Args:
        asking: What to ask.
        seal: What the answer is to be framed with.
        seconds: When everything there must have ended, from its start.
    """
    line = f"{seal} {seconds:.3f} {asking.server}".rstrip()
    return b"%s%s\n" % (asking.program, line.encode("ascii"))


def program_of(
    asking: Asking, deadline: float, host: str, ready: Ready, seal: str
) -> bytes | Unobserved:
    """Return what to send to a host that is ready; ``deadline`` is of ``time.monotonic``."""
    if ready.kind == "python":
        seconds = max(_SHORTEST, deadline - time.monotonic())
        return python_program(asking, seal, seconds)
    if ready.kind == _OSQUERYI and asking.argument is not None:
        return shell_input(asking.argument, seal)
    what = _OSQUERYI if asking.via == _OSQUERYI else "python3 or osqueryi"
    return Unobserved(Reason.NO_COLLECTOR, f"{host} has no {what} that works")


def shell_input(argument: str, seal: str) -> bytes:
    """Return what a host's shell reads: the seal, the question, and the seal where it ends."""
    return f"{seal}\n{argument}\n{seal}\n".encode()


def why_program(pids: Iterable[int], seal: str, seconds: float) -> bytes:
    """Return the input for a host's Python to explain processes; see ``python_program``."""
    numbers = " ".join(map(str, pids)).encode()
    return b"%s%s %.3f %s\n" % (_why(), seal.encode(), seconds, numbers)


@cache
def _why() -> bytes:
    return agent.program({"do": "second_round", "limit": why.LONGEST})
