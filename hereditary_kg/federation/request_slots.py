"""How many requests a member gets at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

__all__ = ["RequestSlots", "Slot"]


class Slot:
    """The permission to have one request open at a member."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.stalled_since: float | None = None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Mark the time in which nobody takes what the member sends."""
        self.stalled_since = self._clock()
        try:
            yield
        finally:
            self.stalled_since = None


class RequestSlots:
    """At most `limit` open requests to one member, in one event loop, first come first served.

    A query plan may read two answers of one member in turns, or ask a member while an answer of
    the same member waits half read. If all slots were held by answers that wait to be read
    while their reader waits for a slot, nothing would ever move. So when every open request
    has been stalled for `patience` seconds, one more is let in above the limit.
    """

    def __init__(
        self,
        limit: int,
        *,
        patience: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit = limit
        self._patience = patience
        self._clock = clock
        self._open: set[Slot] = set()
        self._queue = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it."""
        async with self._queue:
            while len(self._open) >= self.limit and not self._all_stalled():
                self._freed.clear()
                try:
                    async with asyncio.timeout(self._patience):
                        await self._freed.wait()
                except TimeoutError:
                    continue
            slot = Slot(self._clock)
            self._open.add(slot)
        try:
            yield slot
        finally:
            self._open.discard(slot)
            self._freed.set()

    def _all_stalled(self) -> bool:
        latest = self._clock() - self._patience
        return all(
            slot.stalled_since is not None and slot.stalled_since <= latest for slot in self._open
        )
