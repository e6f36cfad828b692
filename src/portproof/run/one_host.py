"""Every host of an inventory with its look: this machine first, then the others over SSH."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Final, Protocol, Self

import msgspec

from portproof.defaults import FORKS
from portproof.errors import UsageError
from portproof.investigate.why import with_why
from portproof.model.connection import Connection
from portproof.model.hosts import Host, Target
from portproof.model.listeners import Listener
from portproof.model.observation import FailedLook, HostLook, Look, Observed, Platform, Unobserved
from portproof.run import local
from portproof.run.fleet import FleetRun
from portproof.sources.connect_probe import ConnectProbe
from portproof.sources.identity import this_platform
from portproof.sources.local import look_here
from portproof.sources.source import Source
from portproof.ssh.settings import VIA, SshSettings
from portproof.text.times import now

_MANY: Final = 1000
"""Rows of a look that are judged in a thread, so that they do not hold up other hosts."""

_OVER_SSH: Final = "portproof.ssh.collector"

PortsOf = Callable[[Host], Iterable[int]]
SshSuspects = Callable[[HostLook], Awaitable[Sequence[Listener]]]
Suspects = Callable[[Host, HostLook], Sequence[Listener]]
"""Tells which listeners fail on a host that was looked at. It is called from several threads."""

Questions = Mapping[Platform, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class How:
    """How hosts are looked at.

    ``sources`` are tried in order on this machine; ``forks`` is how many other hosts are looked at
    at a time; ``outside`` gives the TCP ports of a host that are tried from here as well, once it
    was looked at.
    """

    sources: Sequence[Source]
    forks: int = FORKS
    outside: PortsOf | None = None
    ssh: SshSettings = field(default_factory=SshSettings)


class Looker(Protocol):
    """Looks at hosts over SSH, in this process or in others."""

    async def look(
        self, host: str, connection: Connection, suspects: SshSuspects | None = None
    ) -> Look:
        """Look at one host."""
        ...

    async def close(self) -> None:
        """End everything."""
        ...


class Looks:
    """Iterate once to look at every host. Hosts left out after ``finish`` were not looked at.

    Raises:
        UsageError: a host is reached over SSH, and ``how`` names a source that is not there.
        ImportError: a host is reached over SSH, and a library for that cannot be loaded.
    """

    def __init__(self, targets: Sequence[Target], questions: Questions, how: How) -> None:
        self._questions = questions
        self._how = how
        self._fleet: FleetRun | None = None
        self._finishing = False
        self._connections = {target.host.name: target.connection for target in targets}
        self._near = [target.host for target in targets if not _is_far(target)]
        self._far = [target.host for target in targets if _is_far(target)]
        if self._far and how.ssh.via not in (None, *VIA):
            text = f"hosts reached over SSH have no source {how.ssh.via}"
            raise UsageError(f"{text}; take {' or '.join(VIA)}, or leave out --via")
        if self._far:
            import_module(_OVER_SSH)
        self._suspects: Suspects | None = None

    def asking(self, suspects: Suspects) -> Self:
        """The same looks, each with who is behind the listeners that fail, if any do."""
        self._suspects = suspects
        return self

    def finish(self) -> None:
        """Start no more hosts; those under way are still looked at to the end."""
        self._finishing = True
        if self._fleet is not None:
            self._fleet.finish()

    def cancel(self) -> None:
        """End at once what runs on hosts that are reached over SSH."""
        self._finishing = True
        if self._fleet is not None:
            self._fleet.cancel()

    def __iter__(self) -> Iterator[tuple[Host, Look]]:
        """Yield each host with its look, as they come."""
        for host, look in local.run(self._look_near, self._near):
            yield host, look
            if self._finishing:
                return
        if self._far:
            yield from self._look_far()

    def _look_near(self, host: Host) -> Look:
        way = self._connections[host.name]
        if isinstance(way, Unobserved):
            return _failed_look(way)
        return self._explained(host, look_here(self._how.sources, self._questions[this_platform()]))

    def _explained(self, host: Host, look: Look) -> Look:
        if self._suspects is None or not isinstance(look, HostLook):
            return look
        try:
            listeners = self._suspects(host, look)
        except Exception:  # noqa: BLE001 - whoever judges the look comes upon it again
            return look
        return with_why(look, listeners, self._how.sources) if listeners else look

    def _look_far(self) -> Iterator[tuple[Host, Look]]:
        looker = self._looker(len(self._far))
        probe = ConnectProbe()

        async def look(host: Host) -> Look:
            way = self._connections[host.name]
            if isinstance(way, Unobserved):
                return _failed_look(way)
            found = await looker.look(host.name, way, partial(self._failing, host))
            return await self._outside(host, way, found, probe)

        self._fleet = FleetRun(look, self._far, self._how.forks, looker.close)
        if self._finishing:
            return
        yield from self._fleet

    def _looker(self, hosts: int) -> Looker:
        """This process for few hosts; for many, others beside it."""
        from portproof.run.worker_messages import Setup  # noqa: PLC0415 - the same
        from portproof.run.workers import Crew, wanted  # noqa: PLC0415 - the same
        from portproof.ssh.collector import SshCollector  # noqa: PLC0415 - asyncssh costs start-up time only a fleet repays

        count = wanted(hosts, self._how.forks)
        if count == 1:
            return SshCollector(self._questions, self._how.ssh)
        questions = {platform: dict(asked) for platform, asked in self._questions.items()}
        return Crew(Setup(questions, self._how.ssh, self._how.forks // count + 1), count)

    async def _failing(self, host: Host, look: HostLook) -> Sequence[Listener]:
        if self._suspects is None:
            return ()
        answers = look.reply.answers.values()
        if sum(answer.count for answer in answers if isinstance(answer, Observed)) < _MANY:
            return self._suspects(host, look)
        return await asyncio.to_thread(self._suspects, host, look)

    async def _outside(self, host: Host, way: Connection, look: Look, probe: ConnectProbe) -> Look:
        """The look with what its ports say from here; a host behind a jump host is not tried."""
        direct = way.proxy_jump in {None, "none"} and way.proxy_command in {None, "none"}
        if self._how.outside is None or not direct or not isinstance(look, HostLook):
            return look
        ports = tuple(self._how.outside(host))
        outside = await probe.try_ports(way.address, ports) if ports else None
        return msgspec.structs.replace(look, outside=outside)


def _is_far(target: Target) -> bool:
    return isinstance(target.connection, Connection) and target.connection.kind == "ssh"


def _failed_look(cause: Unobserved) -> FailedLook:
    taken = now()
    return FailedLook(cause=cause, taken=taken, seconds=0.0)
