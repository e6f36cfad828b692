"""Classify an open port by everything known of its owners, with all the reasons.

Software is *suspicious* for what it hides or how it was started, *legacy* when it is known to be
old, *unrelated* when a known package merely uses the port, and *unknown* otherwise. A listener is
unrelated only if all its owners are; for the other categories one bad owner is enough.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from portproof.model.listeners import Listener
from portproof.model.observation import Platform
from portproof.model.why import Classification, PortCategory, Why
from portproof.triage.next_steps import next_step
from portproof.triage.programs import (
    OLD,
    RESERVED,
    RPC,
    arguments,
    base,
    is_for,
    names,
    plain,
    runs_anything,
    sockets_at,
    stems_of_sockets,
)
from portproof.triage.suspicion import in_own_place, suspicions, upgraded

_YEAR: Final = 31_556_952
_OLD_YEARS: Final = 10
"""An executable unchanged for longer is older than any supported release of an operating system."""
_FIRST: Final = 20 * _YEAR
"""1990: reproducible builds set times to 1970 or 1980."""
_SHOWN: Final = 3
_NOTHING: Final = "No evidence points to one kind of software."


@dataclass(frozen=True, slots=True)
class _ProcessReasons:
    """The reasons from one process, by category, and notes that do not influence the category."""

    pid: int
    reasons: Mapping[PortCategory, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def kind(self) -> PortCategory:
        return next((kind for kind in PortCategory if self.reasons.get(kind)), PortCategory.UNKNOWN)


@dataclass(frozen=True, slots=True)
class _ListenerContext:
    """The listener in question, what its port is registered for, the platform and the time."""

    listener: Listener
    registered: tuple[str, ...]
    platform: Platform
    now: int | None

    @property
    def port(self) -> str:
        """The registration in words, such as ``port 609 is registered for npmp-trap``."""
        names = " or ".join(self.registered[:_SHOWN])
        told = f"registered for {names}" if names else "registered for nothing"
        return f"port {self.listener.port} is {told}"


def read(
    listener: Listener,
    whys: Mapping[int, Why],
    registered: Sequence[str],
    platform: Platform,
    now: int | None = None,
) -> Classification:
    """Classify a listener.

    Args:
        listener: The listener, with its owners.
        whys: What is known of processes, by their numbers; others than its owners do not matter.
        registered: The services its port is registered for (IANA), if any.
        platform: The system it is on.
        now: When it was looked at, in seconds since 1970 (UTC).
    """
    case = _ListenerContext(listener, tuple(registered), platform, now)
    pids = list(dict.fromkeys(owner.pid for owner in listener.owners))
    known = [whys[pid] for pid in pids if pid is not None and pid in whys]
    parts = [_part(case, why) for why in known]
    unasked = list(_unasked(pids, whys)) if listener.socket else []
    unclear = bool(unasked) or not listener.socket
    kinds = {part.kind for part in parts} | ({PortCategory.UNKNOWN} if unclear else set())
    kind = _decide(kinds)
    reasons = [*_merged(parts), *_published(listener), *unasked]
    if kind is PortCategory.UNKNOWN:
        reasons += _missing(known) or ([] if unclear else [_NOTHING])
    worst = sorted(known, key=lambda why: _rank(parts, why))
    return Classification(
        kind, tuple(dict.fromkeys(reasons)), next_step(kind, listener, worst, platform)
    )


def _decide(kinds: set[PortCategory]) -> PortCategory:
    """Return the worst category of all owners; unknown is worse than unrelated."""
    order = (
        PortCategory.SUSPICIOUS,
        PortCategory.LEGACY,
        PortCategory.UNKNOWN,
        PortCategory.UNRELATED,
    )
    return next(kind for kind in order if kind in kinds)


def _rank(parts: Sequence[_ProcessReasons], why: Why) -> int:
    part = next(part for part in parts if part.pid == why.process.pid)
    return list(PortCategory).index(part.kind)


def _unasked(pids: Sequence[int | None], whys: Mapping[int, Why]) -> Iterator[str]:
    if not pids or None in pids:
        yield (
            "No process that holds it was seen: the kernel holds it, or there was no permission to"
            " see the process."
        )
    for pid in pids:
        if pid is not None and pid not in whys:
            yield f"Process {pid}, which holds it, was not asked about."


def _published(listener: Listener) -> Iterator[str]:
    for each in listener.published[:_SHOWN]:
        forwards = "" if listener.socket else "; the kernel forwards it, no socket listens here"
        yield f"Docker publishes it for {each}{forwards}."


def _merged(parts: Sequence[_ProcessReasons]) -> list[str]:
    """Return all reasons, the worst category first; with several processes each is named."""
    holders: dict[str, list[int]] = {}
    for kind in PortCategory:
        for part in parts:
            for text in part.reasons.get(kind, ()):
                holders.setdefault(text, []).append(part.pid)
    for part in parts:
        for text in part.notes:
            holders.setdefault(text, []).append(part.pid)
    return [_signed(text, pids, len(parts)) for text, pids in holders.items()]


def _signed(text: str, pids: Sequence[int], among: int) -> str:
    if len(pids) == among:
        return text
    numbers = ", ".join(map(str, pids[:_SHOWN])) + (", ..." if len(pids) > _SHOWN else "")
    return f"{text.removesuffix('.')} (process {numbers})."


def _missing(whys: Iterable[Why]) -> list[str]:
    missing = list(dict.fromkeys(text for why in whys for text in why.missing))
    more = [f"{len(missing) - _SHOWN} more parts could not be found."]
    told = [f"{text[:1].upper()}{text[1:]}." for text in missing[:_SHOWN]]
    return [*told, *(more if len(missing) > _SHOWN else [])]


def _part(case: _ListenerContext, why: Why) -> _ProcessReasons:
    reasons = {
        PortCategory.SUSPICIOUS: tuple(suspicions(why, case.platform)),
        PortCategory.LEGACY: tuple(dict.fromkeys(_legacy(case, why))),
        PortCategory.UNRELATED: tuple(_unrelated(case, why)),
    }
    return _ProcessReasons(why.process.pid, reasons, tuple(_notes(case, why)))


def _legacy(case: _ListenerContext, why: Why) -> Iterator[str]:
    for name in _all_names(case, why):
        old = OLD.get(plain(name))
        if old is None:
            continue
        if not old.services:
            yield f"{name} is {old.what}."
        elif set(old.services) & set(case.registered):
            yield f"{name} is {old.what}, and {case.port}."
        else:
            yield f"{name} is {old.what}, old software on a port that is not its own: {case.port}."
    own, changed = _registered_name(case, why), _last_change(why)
    if own and changed is not None and case.now is not None:
        years = (case.now - changed) // _YEAR
        if years >= _OLD_YEARS:
            day = datetime.fromtimestamp(changed, UTC).date().isoformat()
            yield (
                f"{own} has the name of its port's service ({case.port}), and its executable was"
                f" last changed on {day}."
            )


def _all_names(case: _ListenerContext, why: Why) -> list[str]:
    found = (*names(why), *stems_of_sockets(why, case.listener.port))
    return [name for name in dict.fromkeys(found) if name]


def _registered_name(case: _ListenerContext, why: Why) -> str:
    """Return when the executable was changed; None for the fixed early times of packagers."""
    candidates = _all_names(case, why)
    return next((n for n in candidates if any(is_for(n, each) for each in case.registered)), "")


def _last_change(why: Why) -> int | None:
    """Return when the executable was changed; None for the fixed early times of packagers."""
    changed = why.executable.modified if why.executable else None
    return changed if changed is not None and changed > _FIRST else None


def _unrelated(case: _ListenerContext, why: Why) -> Iterator[str]:
    name, known = base(why.process.path) or why.process.name, _known(why)
    if why.container is None and name == "docker-proxy" and known:
        yield "docker-proxy publishes a port of a container here: the container is what listens."
        return
    if not known or runs_anything(why) or _registered_name(case, why):
        return
    rpc = any(plain(each) in RPC for each in (name, why.process.name))
    if rpc and case.listener.port in RESERVED:
        yield (
            f"{name} ({known}) is an RPC service: bindresvport(3) gives it any free port from"
            f" {RESERVED.start} to {RESERVED.stop - 1}, so the port number is arbitrary."
        )
        return
    yield f"{name} ({known}) uses the port: {case.port}."


def _known(why: Why) -> str:
    """Return who vouches for the executable, in a few words, or ""."""
    package, signature = why.package, why.signature
    if package is not None and package.unchanged is not False:
        version = f" {package.version}" if package.version else ""
        checked = "" if package.unchanged else ", file not compared with it"
        return f"package {package.name}{version}{checked}"
    if signature is not None and signature.good and signature.signer:
        return f"signed by {signature.signer}"
    return ""


def _notes(case: _ListenerContext, why: Why) -> Iterator[str]:
    own = _registered_name(case, why)
    if own:
        yield f"{own} has the name of its port's service: {case.port}."
    if upgraded(why) and why.package is not None:
        yield f"Package {why.package.name} was upgraded since it started: it should be restarted."
    if runs_anything(why):
        yield _anything(why)
    for unit in sockets_at(why, case.listener.port):
        yield f"systemd itself listens, for {unit.name}, and starts {unit.service} for it."
    if why.executable and why.unowned_by and in_own_place(why.executable.path, case.platform):
        yield f"No package owns {why.executable.path}; locally installed software is usually there."
    if why.container is not None:
        where = " ".join(filter(None, (why.container.name, why.container.image)))
        yield f"It runs in a container ({why.container.runtime}{' ' if where else ''}{where})."


def _anything(why: Why) -> str:
    program = base(why.executable.path if why.executable else why.process.path)
    command = " ".join(arguments(why))[:100]
    told = f" (here: {command})" if command else ""
    services = ", ".join(service.name for service in why.services)
    hosts = f"; its services here: {services}" if services else ""
    return f"{program} can run or serve anything{told}, so its origin says nothing{hosts}."
