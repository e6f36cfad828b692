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
from portproof.sources.own import Own
from portproof.sources.source import Source, failure_of, useless_answer
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
        raise UsageError(f"there is no source named {via}; sources are {', '.join(names)}")
    return [installed[name].load()() for name in names if via in (None, name)]


def look_here(candidates: Iterable[Source], questions: Mapping[str, str]) -> Look:
    """Look at this machine through the first source that can list its listening sockets.

    Canaries are open all the while. When no source works, the last one's reason stands, and the
    others are in ``tried``.
    """
    taken = now()
    begun = time.monotonic()
    tried: list[str] = []
    with canaries() as opened:
        reply = _first_of_use(candidates, questions, opened.own, tried)
    seconds = round(time.monotonic() - begun, 3)
    if isinstance(reply, Unobserved):
        return FailedLook(cause=reply, taken=taken, seconds=seconds, tried=tuple(tried))
    incomplete = (*reply.incomplete, *opened.unopened)
    return HostLook(
        reply=msgspec.structs.replace(reply, incomplete=incomplete),
        witnesses=opened.witnesses,
        taken=taken,
        seconds=seconds,
        tried=tuple(tried),
    )


def _first_of_use(
    candidates: Iterable[Source], questions: Mapping[str, str], own: Own, tried: list[str]
) -> SourceReply | Unobserved:
    """Return the first reply that lists sockets, or else one with an answer, or the last reason."""
    kept: SourceReply | Unobserved = Unobserved(Reason.NO_COLLECTOR, "no source is installed")
    begun = time.monotonic()
    for source in candidates:
        reply = source.look(questions, own)
        useless = useless_answer(reply)
        seconds = time.monotonic() - begun
        _LOG.info("this machine: %s: %s, %.1f s", source.name, useless or "answered", seconds)
        if useless is None:
            return reply
        tried.append(f"{source.name}: {useless.detail}")
        if isinstance(kept, Unobserved):
            kept = failure_of(reply) or reply
    return kept
