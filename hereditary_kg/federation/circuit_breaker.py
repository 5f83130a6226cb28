"""A circuit breaker: who failed several times running is left alone for a while.

Source: M. Nygard, Release It!, 2nd edition, section 5.2.
"""

import time
from collections.abc import Callable

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Counts a member's failures in a row and says whether it may be asked.

    Closed, every request passes. After `threshold` failures in a row it is open for `cooldown`
    seconds. Then it is half open: one request passes as a trial, and its outcome closes the
    circuit or opens it again.
    """

    def __init__(
        self,
        *,
        threshold: int = 3,
        cooldown: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.threshold = threshold
        self.cooldown = cooldown
        self.last_failure = ""
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._trial_running = False

    def admit(self) -> float | None:
        """Ask to pass. Whoever passes must report `succeed`, `fail` or `abandon` afterwards.

        Returns:
            None to pass, or the seconds until it is worth asking again (0 while a trial runs).
        """
        if self._opened_at is None:
            return None
        left = self._opened_at + self.cooldown - self._clock()
        if left > 0:
            return left
        if self._trial_running:
            return 0.0
        self._trial_running = True
        return None

    def succeed(self) -> None:
        """Report that the member answered."""
        self._failures = 0
        self._opened_at = None
        self._trial_running = False

    def fail(self, reason: str) -> None:
        """Report that the member failed."""
        self._failures += 1
        self.last_failure = reason
        self._trial_running = False
        if self._failures >= self.threshold:
            self._opened_at = self._clock()

    def abandon(self) -> None:
        """Report that the request ended without saying anything about the member."""
        self._trial_running = False
