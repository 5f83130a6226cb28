"""Members that give no more than so many rows, and do not say so.

What is known: Virtuoso gives ``ResultSetMaxRows`` rows (10,000 in many installations), and
never more than 2^20 over HTTP; it sends the header ``X-SPARQL-MaxRows`` with answers of just
that size, whole ones too. ``X-SQL-State: S1TAT`` marks an answer that its time limit ended.
Gateways in front of others use numbers that people find round.

Source: OpenLink Virtuoso documentation, Anytime Queries, and its issue 700 (2^20 rows).
"""

__all__ = ["ROW_CAP_HEADER", "TIME_CAP_HEADER", "TIME_CAP_STATE", "RowCap"]

ROW_CAP_HEADER = "X-SPARQL-MaxRows"
TIME_CAP_HEADER = "X-SQL-State"
TIME_CAP_STATE = "S1TAT"

_ROUND = 1000
_POWER = 1024


class RowCap:
    """How many rows a member gives at most, as far as its answers have shown.

    Attributes:
        rows: the cap; None where none is known.
        largest: rows of its largest answer so far: no smaller answer was cut short by a cap
            that is the same for all of its answers.
        exempt: whether the member gives whole answers or none, as sites do.
    """

    def __init__(self, rows: int | None = None) -> None:
        """Begin with the cap of the member's description, if it has one."""
        self.rows = rows
        self.largest = 0
        self.exempt = False

    def is_suspicious(self, rows: int) -> bool:
        """Say whether an answer of so many rows may have been cut short."""
        if self.exempt or rows < 1:
            return False
        if self.rows is not None and rows >= self.rows:
            return True
        if rows < self.largest:
            return False
        return (rows >= _ROUND and rows % _ROUND == 0) or (
            rows >= _POWER and rows & (rows - 1) == 0
        )

    def note_answer(self, rows: int) -> None:
        """Learn from an answer, whole or not: the cap is not smaller than it."""
        self.largest = max(self.largest, rows)
        if self.rows is not None and rows > self.rows:
            self.rows = None

    def note_cap(self, rows: int) -> None:
        """Learn that an answer was cut short after so many rows."""
        self.rows = rows
        # A cap that the member did not have before: what it gave then says nothing any more.
        self.largest = min(self.largest, rows)
