"""When a failed request is sent again, and how long to wait before.

Source: RFC 9110, section 10.2.3 (Retry-After); "full jitter" as in M. Brooker, Exponential
Backoff and Jitter, AWS Architecture Blog, 2015.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.errors import StatusError, TransportError, UnreachableError

__all__ = ["RetryPolicy", "read_retry_after", "send_patiently"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after what time to ask again.

    Attributes:
        retries: further attempts after the first.
        base: upper limit of the first pause, in seconds; it doubles with every attempt.
        longest_pause: a member that wants more patience than this many seconds is not waited
            for: the request fails at once and says so.
        quick_failure: a 502, 503 or 504 is passing only if it came within this many seconds.
            One that took longer is a query that was too much for the member (a gateway's
            timeout, a killed query), and would be again.
        jitter: the source of chance.
    """

    retries: int = 2
    base: float = 0.2
    longest_pause: float = 30.0
    quick_failure: float = 5.0
    jitter: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def is_passing(self, error: TransportError, took: float) -> bool:
        """Say whether a failure that came after `took` seconds may be gone next time."""
        if isinstance(error, UnreachableError):
            return True
        if not isinstance(error, StatusError):
            return False
        if error.status == 429:
            return True
        if error.status not in {502, 503, 504}:
            return False
        return took <= self.quick_failure

    def pause_after(self, error: TransportError, attempt: int, took: float) -> float | None:
        """Give the seconds to wait after a failed attempt.

        Args:
            error: how it failed.
            attempt: its number, the first is 1.
            took: how long it took, in seconds.

        Returns:
            The pause, or None not to try again.
        """
        if attempt > self.retries or not self.is_passing(error, took):
            return None
        pause = self.jitter.uniform(0, self.base * 2 ** (attempt - 1))
        if isinstance(error, StatusError) and error.retry_after is not None:
            if error.retry_after > self.longest_pause:
                return None
            pause += error.retry_after
        return pause


async def send_patiently(
    attempt: Callable[[], Awaitable[_T]],
    policy: RetryPolicy,
    deadline: Deadline,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> _T:
    """Repeat an attempt while its failures are passing ones and there is time.

    Raises:
        TransportError: the failure of the last attempt.
    """
    number = 0
    while True:
        number += 1
        started = clock()
        try:
            return await attempt()
        except TransportError as error:
            pause = policy.pause_after(error, number, clock() - started)
            if pause is None or pause >= deadline.remaining():
                raise
        await asyncio.sleep(pause)


def read_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Read a Retry-After header: seconds, or a date.

    Returns:
        The seconds to wait, at least 0; None where there is no such header or it is malformed.

    >>> read_retry_after("120")
    120.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
