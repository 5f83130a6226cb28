"""When a reader stops gathering bytes and parses what it has."""

import math
import time
from collections.abc import Callable

__all__ = ["BatchSize"]

# Of the time so far, what the rows at hand may wait for further ones.
_SHARE = 0.05


class BatchSize:
    """The number of bytes to gather before the next batch.

    Columns are cheap by the thousand and dear one by one; but the first row must not wait for
    many others, nor the rows of a slow server for each other. So the first batch is what has
    come, later ones grow up to `largest`, and no batch gathers for longer than `patience`, or a
    twentieth of the time that the document has taken so far where that is more: whoever has
    waited for ten seconds notices no half second, and half the batches cost half as much.

    Args:
        smallest: bytes of the second batch.
        largest: bytes that no batch need exceed.
        patience: seconds after which a batch is taken as it is when further bytes arrive.
        clock: monotonic time in seconds; tests put their own here.
    """

    def __init__(
        self,
        smallest: int = 1 << 16,
        largest: int = 1 << 21,
        patience: float = 0.05,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._largest = largest
        self._patience = patience
        self._clock = clock
        self._next = smallest
        self._wanted = 0
        self._began = self._since = clock()

    def reached(self, gathered: int) -> bool:
        """Say whether `gathered` bytes are to be parsed now."""
        if gathered >= self._wanted:
            return True
        now = self._clock()
        return now - self._since >= max(self._patience, _SHARE * (now - self._began))

    def advance(self) -> None:
        """Begin the next batch."""
        self._wanted = self._next
        self._next = min(2 * self._next, self._largest)
        self._since = self._clock()

    def postpone(self, gathered: int) -> None:
        """Ask for twice as much, however long it takes, where these bytes hold no whole row.

        Each attempt reads all of them: doubling keeps the sum of all attempts linear.
        """
        self._wanted = 2 * gathered
        self._since = math.inf
