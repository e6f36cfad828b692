"""The interface of a source: something on a machine that answers osquery's SQL."""

from collections.abc import Mapping
from typing import Final, Protocol

from portproof.model.observation import (
    LISTENING_SOCKETS,
    PUBLISHED_PORTS,
    Observed,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources.own import NOTHING_OWN, Own

ASIDE: Final = frozenset({PUBLISHED_PORTS})
"""Questions that are asked last, separately and with a short time limit.

osquery waits for docker without limit, so a docker that hangs must cost only its own answer.
"""

ASIDE_SECONDS: Final = 5.0

DOCKER_SOCKET: Final = "/var/run/docker.sock"
"""Where osquery asks docker (its flag ``docker_socket``)."""

NO_DOCKER: Final = Unobserved(Reason.NO_COLLECTOR, f"there is no docker at {DOCKER_SOCKET}")


class Source(Protocol):
    """One way to ask a machine.

    A source is cheap to construct, opens what it needs inside ``look`` and holds nothing after it.
    ``look`` never raises for anything a host, a daemon or a program does: it returns ``Unobserved``
    when it could not look at all, and an ``Unobserved`` answer for each question that failed.
    """

    name: str

    def look(
        self, questions: Mapping[str, str], own: Own = NOTHING_OWN, /
    ) -> SourceReply | Unobserved:
        """Ask every question in one round, together with the collector's identity.

        Args:
            questions: The SQL of every question by its id.
            own: What portproof has on the machine, left out for checks (``own.without_own``).
        """
        ...


def failure_of(reply: SourceReply | Unobserved) -> Unobserved | None:
    """Return why a look has no answer about the listening sockets, or None if it has one."""
    if isinstance(reply, Unobserved):
        return reply
    answer = reply.answers.get(LISTENING_SOCKETS)
    if isinstance(answer, Observed):
        return None
    return answer or Unobserved(Reason.PARTIAL, "the listening sockets are missing from the reply")


def useless_answer(reply: SourceReply | Unobserved) -> Unobserved | None:
    """Return why another source should be asked, or None if a reply may be of use.

    Args:
        reply: What was told while canaries were open, so that sockets were there to be told.
    """
    failure = failure_of(reply)
    if failure is not None or isinstance(reply, Unobserved):
        return failure
    answer = reply.answers[LISTENING_SOCKETS]
    if isinstance(answer, Unobserved) or answer.rows:
        return None
    return Unobserved(Reason.NO_WITNESS, "it listed no socket, although some were known to be open")


def apart(questions: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Split questions into those that are asked together and those that are asked separately."""
    together = {name: sql for name, sql in questions.items() if name not in ASIDE}
    return together, {name: sql for name, sql in questions.items() if name in ASIDE}
