"""The contract of a source: something on a machine that answers osquery's SQL."""

from collections.abc import Mapping
from typing import Protocol

from portproof.model.observation import (
    LISTENING_SOCKETS,
    Observed,
    Reason,
    Sight,
    Unobserved,
)


class Source(Protocol):
    """One way to ask a machine.

    A source is cheap to construct, opens what it needs inside ``look`` and holds nothing after it.
    ``look`` never raises for anything a host, a daemon or a program does: it returns ``Unobserved``
    when it could not look at all, and an ``Unobserved`` answer for each question that failed.
    """

    name: str

    def look(self, questions: Mapping[str, str]) -> Sight | Unobserved:
        """Ask every question (id to SQL) in one round, together with the collector's identity."""
        ...


def failure_of(sight: Sight | Unobserved) -> Unobserved | None:
    """Why a look has no answer about the listening sockets, or None if it has one."""
    if isinstance(sight, Unobserved):
        return sight
    answer = sight.answers.get(LISTENING_SOCKETS)
    if isinstance(answer, Observed):
        return None
    return answer or Unobserved(Reason.PARTIAL, "the listening sockets were not told")
