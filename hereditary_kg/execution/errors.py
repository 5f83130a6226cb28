"""What can go wrong while a plan is executed.

::

    ExecutionError
    ├── QueryTimeoutError     the query's own deadline passed
    └── IncompleteAnswerError a member failed and the caller asked for nothing less than all
"""

__all__ = ["ExecutionError", "IncompleteAnswerError", "QueryTimeoutError"]


class ExecutionError(Exception):
    """A query could not be answered."""


class QueryTimeoutError(ExecutionError):
    """The time for the whole query ran out."""


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
