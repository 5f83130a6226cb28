"""Members that give no more than so many rows, and do not say so.

What is known: Virtuoso gives ``ResultSetMaxRows`` rows (10,000 in many installations), and
never more than 2^20 over HTTP; it sends the header ``X-SPARQL-MaxRows`` with answers of just
that size, whole ones too. ``X-SQL-State: S1TAT`` marks an answer that its time limit ended.
Gateways in front of others use numbers that people find round, some one more than that.

Source: OpenLink Virtuoso documentation, Anytime Queries, and its issue 700 (2^20 rows).
"""

import time
from collections.abc import Callable

__all__ = ["LEARNT_FOR", "ROW_CAP_HEADER", "TIME_CAP_HEADER", "TIME_CAP_STATE", "RowCap"]

ROW_CAP_HEADER = "X-SPARQL-MaxRows"
TIME_CAP_HEADER = "X-SQL-State"
TIME_CAP_STATE = "S1TAT"

LEARNT_FOR = 300.0
"""Seconds for which an answer shows that there is no cap below it: one may be set meanwhile."""

_SMALLEST = 50
_ROUND = 50
_SMALLEST_POWER = 64
# Some give one row more than a limit, to show that there are more.
_ROUND_AND_ONE = 1000
# So many different queries with just as many rows, all counted, are chance and no cap.
_COUNTED_QUERIES = 2
_MOST_NUMBERS = 1000


class RowCap:
    """How many rows a member gives at most, as far as its answers have shown.

    Attributes:
        rows: the cap; None where none is known.
        exempt: whether the member gives whole answers or none, as sites do.
    """

    def __init__(
        self, rows: int | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with the cap of the member's description, if it has one.

        Args:
            rows: that cap.
            clock: monotonic time in seconds.
        """
        self.rows = rows
        self.exempt = False
        self._clock = clock
        self._largest = 0
        self._largest_query = hash("")
        self._largest_at = 0.0
        # Number of rows -> hashes of the queries that had as many when they were counted -> when.
        self._whole: dict[int, dict[int, float]] = {}

    @property
    def largest(self) -> int:
        """Rows of its largest answer lately: no smaller answer was cut short.

        That holds for a cap that is the same for all of its answers.
        """
        if self._clock() - self._largest_at > LEARNT_FOR:
            self._largest = 0
        return self._largest

    def is_suspicious(self, rows: int, query: str = "", *, expected: int | None = None) -> bool:
        """Say whether an answer may have been cut short.

        Args:
            rows: how many rows it has.
            query: what was asked.
            expected: how many rows the query has, where that is known without asking.
        """
        if self.exempt or not (rows or expected):
            return False
        if self.rows is not None and rows >= self.rows:
            return True
        if rows == expected or self._is_counted(rows, query):
            return False
        if expected is not None and rows < expected:
            return True
        if rows < self.largest:
            return False
        # A second query that ends just where the first did may have been ended.
        repeats = rows == self.largest and hash(query) != self._largest_query
        return _looks_like_a_cap(rows) or (repeats and rows >= _SMALLEST)

    def note_answer(self, rows: int, query: str = "", *, counted: bool = False) -> None:
        """Learn from an answer, whole or not: the cap is not smaller than it.

        Args:
            rows: how many rows it has.
            query: what was asked.
            counted: whether the member was asked how many there are, and these are all.
        """
        if counted:
            self._remember(rows, query)
        if rows > self.largest:
            self._largest_query = hash(query)
        if rows >= self._largest:
            self._largest, self._largest_at = rows, self._clock()
        if self.rows is not None and rows > self.rows:
            self.rows = None

    def note_cap(self, rows: int) -> None:
        """Learn that an answer was cut short after so many rows."""
        self.rows = rows
        # A cap that the member did not have before: what it gave then says nothing any more.
        self._largest = min(self._largest, rows)
        self._whole.clear()

    def _is_counted(self, rows: int, query: str) -> bool:
        found = self._whole.get(rows, {})
        since = self._clock() - LEARNT_FOR
        recent = [asked for asked, at in found.items() if at >= since]
        return hash(query) in recent or len(recent) >= _COUNTED_QUERIES

    def _remember(self, rows: int, query: str) -> None:
        found = self._whole.setdefault(rows, {})
        found.pop(hash(query), None)
        found[hash(query)] = self._clock()
        while len(found) > _COUNTED_QUERIES:
            del found[next(iter(found))]
        while len(self._whole) > _MOST_NUMBERS:
            del self._whole[next(iter(self._whole))]


def _looks_like_a_cap(rows: int) -> bool:
    is_round = rows >= _SMALLEST and rows % _ROUND == 0
    is_power = rows >= _SMALLEST_POWER and rows & (rows - 1) == 0
    return is_round or is_power or (rows > _ROUND_AND_ONE and rows % _ROUND_AND_ONE == 1)
