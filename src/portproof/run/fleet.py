"""Look at many hosts at a time on one event loop, with memory independent of their number.

A host is started only when another is done and its look was taken, so at most ``forks`` of them are
in progress or waiting to be judged.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")
Close = Callable[[], Awaitable[None]]

_END: Final = None


class FleetRun(Generic[Task, Done]):
    """One run over hosts. Iterate over it, in any thread; the event loop has a thread of its own.

    Hosts that were not looked at to the end, because of ``finish`` or ``cancel``, are not in the
    iteration: whoever keeps the roster accounts for them.

    Args:
        work: Looks at one host; what it raises ends the run, and is raised where it is iterated.
        tasks: The hosts; each is asked for when there is room for it.
        forks: How many are looked at at a time, 1 or more.
        close: Called at the end, on the same event loop.
    """

    def __init__(
        self,
        work: Callable[[Task], Awaitable[Done]],
        tasks: Iterable[Task],
        forks: int,
        close: Close | None = None,
    ) -> None:
        self._work_on = work
        self._tasks = iter(tasks)
        self._forks = forks
        self._close = close
        self._done: queue.SimpleQueue[Done | BaseException | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(forks)
        self._under_way: set[asyncio.Future[Done]] = set()
        self._is_finishing = False
        self._is_cancelled = False

    def finish(self) -> None:
        """Start no more hosts; those in progress are still yielded. Thread- and signal-safe."""
        self._is_finishing = True

    def cancel(self) -> None:
        """Stop everything in progress, also on the hosts. Callable from any thread."""
        self._is_finishing = self._is_cancelled = True
        self._soon(self._cancel_under_way)

    def __iter__(self) -> Iterator[Done]:
        """Yield the result of every host in order of completion."""
        thread = threading.Thread(target=self._work, name="portproof-fleet", daemon=True)
        thread.start()
        try:
            while (item := self._done.get()) is not _END:
                if isinstance(item, BaseException):
                    raise item
                yield item
                self._soon(self._room.release)
        finally:
            self.cancel()
            thread.join()

    async def results(self) -> AsyncGenerator[Done, None]:
        """Yield the result of every host in order of completion, on the running event loop."""
        try:
            while self._start() or self._under_way:
                done, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                self._under_way -= done
                for task in done:
                    if not task.cancelled():
                        yield task.result()
        finally:
            self._cancel_under_way()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            if self._close is not None:
                await self._close()

    def _start(self) -> bool:
        """Start hosts while there is room; return whether any is in progress."""
        while not self._is_finishing and len(self._under_way) < self._forks:
            try:
                task = next(self._tasks)
            except StopIteration:
                break
            self._under_way.add(asyncio.ensure_future(self._work_on(task)))
        return bool(self._under_way)

    def _cancel_under_way(self) -> None:
        for task in self._under_way:
            task.cancel()
        self._room.release()

    def _soon(self, action: Callable[[], None]) -> None:
        """Run something on the event loop, unless it has ended."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(action)

    def _work(self) -> None:
        try:
            asyncio.run(self._pump())
        except BaseException as error:  # noqa: BLE001 - it is raised where the hosts are awaited
            self._done.put(error)
        self._done.put(_END)

    async def _pump(self) -> None:
        """Pass on results, but not more than there is room for."""
        self._loop = asyncio.get_running_loop()
        # Names that do not resolve hold a thread for long, and must not delay other hosts.
        self._loop.set_default_executor(ThreadPoolExecutor(2 * self._forks))
        async with contextlib.aclosing(self.results()) as results:
            async for done in results:
                if not self._is_cancelled:  # the consumer may be gone
                    await self._room.acquire()
                self._done.put(done)
