"""What can go wrong while a plan is executed.

::

    ExecutionError
    ├── QueryTimeoutError     the query's own deadline passed
    ├── MemoryLimitError      the query needs more memory than it may have
    └── IncompleteAnswerError a member failed and the caller asked for nothing less than all
"""

__all__ = ["ExecutionError", "IncompleteAnswerError", "MemoryLimitError", "QueryTimeoutError"]

_MEBIBYTE = 2**20


class ExecutionError(Exception):
    """A query could not be answered."""


class QueryTimeoutError(ExecutionError):
    """The time for the whole query ran out."""


class MemoryLimitError(ExecutionError):
    """A query needs more memory than it may have.

    Attributes:
        step: the step of the plan that asked for more.
        rows: the rows (of a fragment: the triples) that this step would hold.
        size: the bytes that it would hold.
        held: the bytes that all steps together would hold.
        limit: the bytes that they may hold.
        plan: the plan with the rows so far, as text; None as long as nobody has added it.
    """

    def __init__(
        self,
        step: str,
        *,
        rows: int,
        size: int,
        held: int,
        limit: int,
        plan: str | None = None,
    ) -> None:
        self.step = step
        self.rows = rows
        self.size = size
        self.held = held
        self.limit = limit
        self.plan = plan
        message = (
            f"the query needs more memory than the {_megabytes(limit)} that it may have: this "
            f"step would hold {rows:,} rows in {_megabytes(size)}, all steps together "
            f"{_megabytes(held)}:\n  {step}\n"
            "Ask for less (a LIMIT, fewer variables, a more selective pattern), or allow more."
        )
        super().__init__(message if plan is None else f"{message}\nThe plan, so far:\n{plan}")

    def with_plan(self, plan: str) -> "MemoryLimitError":
        """Give the same error with the plan in its message."""
        return MemoryLimitError(
            self.step,
            rows=self.rows,
            size=self.size,
            held=self.held,
            limit=self.limit,
            plan=plan,
        )


def _megabytes(size: int) -> str:
    return f"{size / _MEBIBYTE:,.1f} MB"


class IncompleteAnswerError(ExecutionError):
    """A member failed in strict mode.

    Attributes:
        member: its name.
        kind: what happened, as :class:`hereditary_kg.federation.errors.MemberError` has it.
        query: the sub-query it was asked, or None.
    """

    def __init__(self, member: str, kind: str, message: str, query: str | None) -> None:
        self.member = member
        self.kind = kind
        self.query = query
        super().__init__(message)
