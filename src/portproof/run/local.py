"""Runs looks one after the other on this machine."""

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from portproof.model.hosts import Host
from portproof.model.observation import FailedLook, Look, Reason, Unobserved
from portproof.text.logs import failure, logger
from portproof.text.times import now

_LOG: Final = logger(__name__)

Collect = Callable[[Host], Look]


def run(collect: Collect, hosts: Iterable[Host]) -> Iterator[tuple[Host, Look]]:
    """Yield every host with its look, as they come."""
    return ((host, _guarded(collect, host)) for host in hosts)


def _guarded(collect: Collect, host: Host) -> Look:
    """Look at a host; a mistake of ours leaves that host unproven, and the others judged."""
    taken = now()
    try:
        return collect(host)
    except Exception as error:  # noqa: BLE001 - the one boundary where nothing may be lost
        _LOG.error("%s: portproof failed: %s", host.name, failure(error))
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"portproof failed ({type(error).__name__} in {place.name}, line {place.lineno})"
        return FailedLook(cause=Unobserved(Reason.INTERNAL, text), taken=taken, seconds=0.0)
