"""The engine: every host once, some at a time, whatever a look does and however it is stopped."""

import asyncio
import signal
import threading
from collections.abc import Iterator

import pytest

from portproof.model.hosts import Host
from portproof.run.fleet import FleetRun
from support.standins.leaks import nothing_leaks

FORKS = 5


def hosts(count: int) -> list[Host]:
    """So many hosts."""
    return [Host(f"host-{number}") for number in range(count)]


class Watched:
    """Looks that take a moment, and remember how many of them there were at a time."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = self.closed = 0

    async def collect(self, host: Host) -> str:
        """Look."""
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.002)
        finally:
            self.now -= 1
        return host.name

    async def close(self) -> None:
        """Be closed."""
        self.closed += 1


def test_every_host_comes_out_once() -> None:
    """With at most so many at a time, and the collector is closed once."""
    watched = Watched()
    wanted = hosts(100)
    with nothing_leaks():
        looked = list(FleetRun(watched.collect, wanted, FORKS, watched.close))
    assert sorted(looked) == sorted(host.name for host in wanted)
    assert watched.most == FORKS
    assert watched.closed == 1


def test_no_hosts_are_no_trouble() -> None:
    """The roster is somebody else's concern."""
    watched = Watched()
    assert list(FleetRun(watched.collect, [], FORKS, watched.close)) == []
    assert watched.closed == 1


def test_hosts_are_asked_for_when_there_is_room() -> None:
    """However long the inventory, a slow reader is not run ahead of by more than two rounds."""
    watched = Watched()
    run = FleetRun(watched.collect, map(Host, map(str, range(1000))), FORKS)
    for taken, _ in enumerate(run, start=1):
        assert watched.begun <= taken + 2 * FORKS + 1
        if taken == 200:
            break
    assert watched.begun < 1000


def test_an_inventory_that_breaks_is_told() -> None:
    """It is not the end of the hosts."""

    def broken() -> Iterator[Host]:
        yield Host("one")
        raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        list(FleetRun(Watched().collect, broken(), FORKS))


def test_finishing_starts_no_more_and_yields_what_is_under_way() -> None:
    """As after the first Ctrl-C."""
    watched = Watched()
    run = FleetRun(watched.collect, hosts(1000), FORKS, watched.close)
    taken = 0
    for _ in run:
        taken += 1
        if taken == 10:
            run.finish()
    assert taken == watched.begun
    assert taken < 100
    assert watched.closed == 1


def test_cancelling_ends_what_is_under_way() -> None:
    """As after the second Ctrl-C: looks that would take for ever are ended, and not yielded."""
    ended: list[str] = []
    all_wait = threading.Barrier(2)

    async def collect(host: Host) -> str:
        if host.name == "host-0":
            return host.name
        if host.name == "host-4":
            await asyncio.to_thread(all_wait.wait)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(host.name)
        return host.name

    run = FleetRun(collect, hosts(1000), FORKS)
    waiting = iter(run)
    assert next(waiting) == "host-0"
    all_wait.wait()
    run.finish()
    run.cancel()
    assert list(waiting) == []
    assert len(ended) >= 4


def test_leaving_early_ends_everything() -> None:
    """A reader that fails leaves nothing running."""
    watched = Watched()
    with nothing_leaks():
        waiting = iter(FleetRun(watched.collect, hosts(1000), FORKS, watched.close))
        next(waiting)
        waiting.close()  # type: ignore[attr-defined] # it is a generator
    assert watched.closed == 1
    assert watched.now == 0


def test_signals_reach_whoever_waits() -> None:
    """A handler of Ctrl-C runs while the main thread waits for a host."""
    run = FleetRun(slow, hosts(100), FORKS)
    heard: list[int] = []

    def handle(number: int, _frame: object) -> None:
        heard.append(number)
        run.cancel()

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        main = threading.get_ident()
        threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGUSR1]).start()
        assert list(run) == []
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard


async def slow(_host: Host) -> str:
    """A look without end."""
    await asyncio.sleep(3600)
    return ""
