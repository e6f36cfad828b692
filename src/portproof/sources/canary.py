"""Canaries: sockets opened for the look, which must be among the rows that are judged."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from portproof.agent.canaries import open_at_loopback
from portproof.agent.turns import turn
from portproof.model.observation import Witness
from portproof.sources.own import Canary, Own

_PATIENCE: Final = 10.0
"""Seconds that looks at this machine which others make are waited for, at most."""


class Canaries(NamedTuple):
    """The witnesses that are open, sentences on what could not be witnessed, and what is ours."""

    witnesses: tuple[Witness, ...]
    unopened: tuple[str, ...]
    own: Own


@contextlib.contextmanager
def canaries() -> Iterator[Canaries]:
    """Hold a TCP and a UDP socket open on each loopback address.

    Looks at one machine take turns, so that none of them sees the canaries of another.
    """
    held_turn = turn(_PATIENCE)
    held, unopened = open_at_loopback()
    try:
        yield Canaries(
            tuple(Witness(kind, at, port, ours=True) for _, kind, at, port, _ in held),
            tuple(f"no {protocol} canary could be opened on {at}" for protocol, at in unopened),
            Own(
                frozenset({os.getpid()}),
                frozenset(Canary(inode, at, port) for _, _, at, port, inode in held),
            ),
        )
    finally:
        for canary, *_ in held:
            canary.close()
        if held_turn is not None:
            held_turn.close()
