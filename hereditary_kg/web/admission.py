"""How many queries run at once, and how many may wait for their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hereditary_kg.sites.protocol import ServiceError

__all__ = ["Admission"]

_RETRY_SECONDS = 5


class Admission:
    """Turns in order of arrival.

    A query that nobody has begun costs a socket and its text; one that runs holds rows. So few
    run and many wait, and memory stays bounded however many clients come at once.

    Args:
        limit: how many run at once.
        patience: seconds that one may wait for its turn.
        queue_limit: how many may wait; further ones are refused at once.
    """

    def __init__(self, limit: int, patience: float, *, queue_limit: int = 1024) -> None:
        self._turns = asyncio.Semaphore(limit)
        self._patience = patience
        self._queue_limit = queue_limit
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it.

        Raises:
            ServiceError: 503; too many wait already, or the turn did not come in time.
        """
        if self._waiting >= self._queue_limit:
            raise _busy(f"{self._waiting} queries are waiting")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError as error:
            raise _busy(f"the query waited {self._patience:g} s for its turn") from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()


def _busy(reason: str) -> ServiceError:
    return ServiceError(
        503,
        f"The federation's endpoint is busy: {reason}. Ask again later.",
        {"Retry-After": str(_RETRY_SECONDS)},
    )
