"""Look at this machine through the best available source."""

import time
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Final

import msgspec

from portproof.errors import UsageError
from portproof.model.observation import (
    FailedLook,
    HostLook,
    Look,
    Reason,
    SourceReply,
    Unobserved,
)
from portproof.sources.canary import canaries
from portproof.sources.source import Source, failure_of
from portproof.text.logs import logger
from portproof.text.times import now

_LOG: Final = logger(__name__)

GROUP: Final = "portproof.sources"
_PREFERRED: Final[tuple[str, ...]] = ("osqueryd", "osqueryi", "probe")


def sources(via: str | None = None) -> list[Source]:
    """Return the sources to try in order, or the one that ``via`` names.

    osqueryd, osqueryi and the probe come first, then others that are installed, by name.

    Raises:
        UsageError: no source has that name.
    """
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    names = [name for name in _PREFERRED if name in installed]
    names += sorted(set(installed).difference(_PREFERRED))
    if via is not None and via not in names:
        raise UsageError(f"no source is called {via}; there are {', '.join(names)}")
    return [installed[name].load()() for name in names if via in (None, name)]


def look_here(candidates: Iterable[Source], questions: Mapping[str, str]) -> Look:
    """Look at this machine through the first source that can list its listening sockets.

    Canaries are open all the while. When no source works, the last one's reason stands, and the
    others are in ``tried``.
    """
    taken = now()
    begun = time.monotonic()
    tried: list[str] = []
    cause = Unobserved(Reason.NO_COLLECTOR, "no source is installed")
    with canaries() as opened:
        for source in candidates:
            reply = source.look(questions)
            failure = failure_of(reply)
            seconds = time.monotonic() - begun
            _LOG.info("this machine: %s: %s, %.1f s", source.name, failure or "answered", seconds)
            if isinstance(reply, SourceReply) and failure is None:
                incomplete = (*reply.incomplete, *opened.unopened)
                return HostLook(
                    reply=msgspec.structs.replace(reply, incomplete=incomplete),
                    witnesses=opened.witnesses,
                    taken=taken,
                    seconds=round(time.monotonic() - begun, 3),
                    tried=tuple(tried),
                )
            cause = failure or cause
            tried.append(f"{source.name}: {cause.detail}")
    seconds = round(time.monotonic() - begun, 3)
    return FailedLook(cause=cause, taken=taken, seconds=seconds, tried=tuple(tried))
