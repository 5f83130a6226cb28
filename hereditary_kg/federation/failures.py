"""How a request failed, in words that name the member and what to do."""

from typing import TypeAlias

from hereditary_kg.federation.deadline import WaitBudget
from hereditary_kg.federation.errors import (
    FailureKind,
    MemberError,
    StatusError,
    TransportError,
)
from hereditary_kg.rdf.errors import ResultError

__all__ = ["Failure", "member_error"]

Failure: TypeAlias = TransportError | ResultError | TimeoutError


def member_error(
    member: str, failure: Failure, budget: WaitBudget, query: str | None
) -> MemberError:
    """Give the error that a failed request becomes.

    Args:
        member: the member's name.
        failure: what went wrong.
        budget: the time that the request had.
        query: its text; None where it had none.
    """
    kind: FailureKind
    status: int | None = None
    retry_after: float | None = None
    match failure:
        case TransportError():
            kind, reason = failure.kind, str(failure)
            if isinstance(failure, StatusError):
                status, retry_after = failure.status, failure.retry_after
        case ResultError():
            kind, reason = "content", str(failure)
        case _ if budget.exhausted_own_limit:
            kind = "timeout"
            reason = (
                f"no complete answer within its limit of {budget.limit:g} s; ask for less, "
                "or raise `timeout` in the federation description"
            )
        case _:
            kind = "timeout"
            reason = (
                f"no complete answer before the query's deadline of "
                f"{budget.deadline.seconds or 0:g} s; ask for less, or allow more time"
            )
    return MemberError(member, kind, reason, query, status=status, retry_after=retry_after)
