"""When a reader stops gathering bytes and parses what it has."""

import math
import time

__all__ = ["BatchSize"]


class BatchSize:
    """The number of bytes to gather before the next batch.

    Columns are cheap by the thousand and dear one by one; but the first row must not wait for
    many others, nor the rows of a slow server for each other. So the first batch is what has
    come, later ones grow up to `largest`, and no batch gathers for longer than `patience`.

    Args:
        smallest: bytes of the second batch.
        largest: bytes that no batch need exceed.
        patience: seconds after which a batch is taken as it is when further bytes arrive.
    """

    def __init__(
        self, smallest: int = 1 << 16, largest: int = 1 << 20, patience: float = 0.05
    ) -> None:
        self._largest = largest
        self._patience = patience
        self._next = smallest
        self._wanted = 0
        self._since = time.monotonic()

    def reached(self, gathered: int) -> bool:
        """Say whether `gathered` bytes are to be parsed now."""
        return gathered >= self._wanted or time.monotonic() - self._since >= self._patience

    def advance(self) -> None:
        """Begin the next batch."""
        self._wanted = self._next
        self._next = min(2 * self._next, self._largest)
        self._since = time.monotonic()

    def postpone(self, gathered: int) -> None:
        """Ask for twice as much, however long it takes, where these bytes hold no whole row.

        Each attempt reads all of them: doubling keeps the sum of all attempts linear.
        """
        self._wanted = 2 * gathered
        self._since = math.inf
