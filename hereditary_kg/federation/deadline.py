"""Deadlines, and the time that a request may spend on waiting for its member."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

__all__ = ["Deadline", "WaitBudget"]


class Deadline:
    """A point of monotonic time before which something has to be done.

    >>> Deadline(None).remaining()
    inf
    >>> Deadline(0).expired
    True
    """

    def __init__(
        self, seconds: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Set the deadline.

        Args:
            seconds: the time from now; None for no deadline.
            clock: monotonic time in seconds; tests put their own here.
        """
        self.seconds = seconds
        self._clock = clock
        self._end = math.inf if seconds is None else clock() + seconds

    def remaining(self) -> float:
        """Give the seconds that are left: 0 when it has passed, infinity when there is none."""
        return max(0.0, self._end - self._clock())

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return self.remaining() <= 0

    def __repr__(self) -> str:
        return f"Deadline({self.seconds}, remaining={self.remaining():.3f})"


class WaitBudget:
    """The time that one request may spend on waiting for its member.

    Two limits hold: the query's deadline, which runs on whatever happens, and the member's own
    limit, which counts only the waiting itself. A consumer that takes its time over a batch
    does not make the member slow.

    Attributes:
        spent: seconds waited so far.
    """

    def __init__(
        self,
        deadline: Deadline,
        limit: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deadline = deadline
        self.limit = limit
        self.spent = 0.0
        self._clock = clock

    def remaining(self) -> float:
        """Give the seconds that may still be waited; infinity where nothing limits them."""
        own = math.inf if self.limit is None else max(0.0, self.limit - self.spent)
        return min(own, self.deadline.remaining())

    @property
    def exhausted_own_limit(self) -> bool:
        """Whether the member's own limit, not the query's deadline, has run out."""
        return self.limit is not None and self.spent >= self.limit

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Limit what is awaited inside to what is left, and count it.

        Raises:
            TimeoutError: the time ran out.
        """
        remaining = self.remaining()
        started = self._clock()
        try:
            async with asyncio.timeout(None if math.isinf(remaining) else remaining):
                yield
        finally:
            self.spent += self._clock() - started
