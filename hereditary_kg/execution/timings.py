"""Where the time of a query went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.planning.explanation.measurement import sum_up

__all__ = ["Stopwatch", "Timings"]


@dataclass(frozen=True)
class Timings:
    """Where the time of a query went, in seconds of wall time.

    Parsing, planning, asking and the first row follow each other, so their sum is the time at
    which the first row was there. Where a query was planned anew, because data changed meanwhile,
    each is a sum over its attempts.

    Attributes:
        parsing: from the text to the algebra.
        planning: from the algebra to the plan, without ``asking``; reading profiles that are not
            at hand yet is a part of it.
        asking: waiting for what planning asks of members: probes of constants, checks of copies
            and of what profiles count.
        first_row: from the plan to the first row, or to the knowledge that there is none.
        total: from the beginning until the answer was whole, or until now while it is not.
    """

    parsing: float = 0.0
    planning: float = 0.0
    asking: float = 0.0
    first_row: float = 0.0
    total: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Give the timings as plain values, ready for JSON: milliseconds, two decimals."""
        return {name: round(1000 * seconds, 2) for name, seconds in asdict(self).items()}


class Stopwatch:
    """Takes the times of one query, which begins when this is made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._spent = {"parsing": 0.0, "planning": 0.0, "asking": 0.0, "first_row": 0.0}
        self._ended: float | None = None

    @contextmanager
    def measure(self, phase: Literal["parsing", "first_row"]) -> Iterator[None]:
        """Take the time of a phase in which nobody is asked for the sake of planning."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._spent[phase] += time.perf_counter() - began

    @contextmanager
    def planning(self, log: RequestLog) -> Iterator[None]:
        """Take the time of planning, and apart from it that of the requests that it makes.

        Args:
            log: gets those requests.
        """
        known = len(log)
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            # Requests side by side take their time once.
            asking = min(spent, sum_up(list(log)[known:]).milliseconds / 1000)
            self._spent["asking"] += asking
            self._spent["planning"] += spent - asking

    def stop(self) -> None:
        """Note that the answer is whole."""
        self._ended = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time so far, or until the answer was whole."""
        return (time.perf_counter() if self._ended is None else self._ended) - self._began

    def timings(self) -> Timings:
        """Give the times so far."""
        return Timings(**self._spent, total=self.seconds)
