"""The errors of this package.

- `FederationError`
    - `DescriptionError`: a federation description cannot be used
    - `ConnectionSetupError`: a member cannot be connected to as its description says
    - `MemberError`: a member failed, timed out, refused, or answered what is no answer
        - `CappedOrderError`: an ordered answer was cut short
        - `RowCapError`: an answer has as many rows as the member gives at most
    - `StaleProfileError`: a member's data changed after its profile was read
    - `ProfilingError`: what a member answers is not enough for a profile of its data
    - `BlankNodeLabelError`: a member's blank nodes stand in several answers
    - `TransportError`: what a transport raises; `Member` turns it into a `MemberError`
        - `UnreachableError`, `TransportTimeoutError`, `TruncatedAnswerError`,
          `PartialAnswerError`, `RefusedError`, `UnusableAnswerError`, `StatusError`
"""

from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

__all__ = [
    "BlankNodeLabelError",
    "ConnectionSetupError",
    "DescriptionError",
    "FailureKind",
    "FederationError",
    "MemberError",
    "PartialAnswerError",
    "ProfilingError",
    "RefusedError",
    "RowCapError",
    "StaleProfileError",
    "StatusError",
    "TransportError",
    "TransportTimeoutError",
    "TruncatedAnswerError",
    "UnreachableError",
    "UnusableAnswerError",
]

FailureKind: TypeAlias = Literal[
    "unreachable", "timeout", "status", "content", "truncated", "refused"
]


class FederationError(Exception):
    """Base class of the errors of this package."""


class DescriptionError(FederationError):
    """A federation description is missing, malformed or contradicts itself.

    Attributes:
        path: the description file.
        line: the line of the defect, counted from 1; None where there is no file to point into.
        key: the key of the defect, such as ``member[2].url`` (members counted from 1);
            empty where the whole file is meant.
        reason: what is wrong with it and what to do.
    """

    def __init__(self, path: Path, line: int | None, key: str, reason: str) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {key}: {reason}" if key else f"{place}: {reason}")
        self.path = path
        self.line = line
        self.key = key
        self.reason = reason


class ConnectionSetupError(FederationError):
    """A member cannot be connected to as described: an unset variable, no site directory."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"member {member!r}: {reason}")
        self.member = member
        self.reason = reason


class MemberError(FederationError):
    """A request to a member had no usable answer.

    Attributes:
        member: the member's name.
        kind: what happened: ``unreachable`` (no connection, or its circuit is open),
            ``timeout``, ``status`` (an HTTP status other than 200), ``content`` (an answer
            that is none, such as a web page), ``truncated`` (cut off in mid-answer, or after as
            many rows as the member gives), ``refused`` (by the member's access rules, or by
            ours).
        reason: the message without the member's name.
        query: the request's query text; None where the request had none.
        status: the HTTP status, where that is what failed.
        retry_after: seconds after which the member wants to be asked again, if it says so.
    """

    def __init__(
        self,
        member: str,
        kind: FailureKind,
        reason: str,
        query: str | None = None,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"member {member!r}: {kind}: {reason}")
        self.member = member
        self.kind: FailureKind = kind
        self.reason = reason
        self.query = query
        self.status = status
        self.retry_after = retry_after


class ProfilingError(FederationError):
    """What a member answers is not enough for a profile that is true of all of its data.

    Attributes:
        member: the member's name.
        reason: what is missing, why, and what to do.
    """

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"member {member!r}: no profile of it can be built: {reason}")
        self.member = member
        self.reason = reason


class RowCapError(MemberError):
    """An answer has as many rows as the member gives at most, as the member itself says.

    All of its rows have been handed out. It may be whole all the same: count to know.
    """

    def __init__(self, member: str, rows: int, query: str) -> None:
        super().__init__(
            member,
            "truncated",
            f"its answer has {rows:,} rows, which is all that it gives at once; there may be "
            "more. Raise its limit of rows (Virtuoso: ResultSetMaxRows), or ask for less",
            query,
        )
        self.rows = rows


class CappedOrderError(MemberError):
    """An ordered answer was cut short; from now on, the member is known to do that.

    Plan again: then its rows are ordered elsewhere, and can be read in parts.
    """

    def __init__(self, member: str, rows: int, query: str) -> None:
        super().__init__(
            member,
            "truncated",
            f"its answer ends after {rows:,} rows, but there are more, and in their order they "
            "cannot be read on. Ask again, and they are read without it and ordered afterwards; "
            "or raise its limit of rows (Virtuoso: ResultSetMaxRows), or ask for less",
            query,
        )


class StaleProfileError(FederationError):
    """A member answered from other data than the profile in use describes.

    No row of the answer was handed out. Read the profile again (`Member.profile`), plan
    again, ask again.
    """

    def __init__(self, member: str, expected: str, found: str) -> None:
        super().__init__(
            f"member {member!r}: its data changed: the profile in use describes version "
            f"{expected!r}, the answer comes from version {found!r}; read its profile and plan "
            "again"
        )
        self.member = member
        self.expected = expected
        self.found = found


class BlankNodeLabelError(FederationError):
    """Several answers of a member have blank nodes, and nobody knows which are the same.

    The labels of a blank node need not be the same in two answers (SPARQL 1.1 Query
    Language, section 2.4). Ask the member for everything at once, or learn that it
    keeps its labels.
    """

    def __init__(self, member: str) -> None:
        super().__init__(
            f"member {member!r}: two of its answers have blank nodes, and it does not say that a "
            "blank node keeps its label from one answer to the next; so which of them are the "
            "same is not known. Ask again, and it is asked for everything at once where that is "
            'possible; or, if it does keep its labels, write blank_nodes = "stable" into its '
            "description"
        )
        self.member = member


class TransportError(FederationError):
    """A request failed on its way; `kind` says how."""

    kind: ClassVar[FailureKind]


class UnreachableError(TransportError):
    """No connection, or one that was closed before the answer began."""

    kind = "unreachable"


class TransportTimeoutError(TransportError):
    """A connection or an answer took too long."""

    kind = "timeout"


class TruncatedAnswerError(TransportError):
    """The connection ended before the answer did."""

    kind = "truncated"


class PartialAnswerError(TransportError):
    """The member says that it gave up before its answer was whole."""

    kind = "truncated"


class RefusedError(TransportError):
    """The request was not let through, by the member or by the federation's own rules."""

    kind = "refused"


class UnusableAnswerError(TransportError):
    """What came back is no answer in the protocol."""

    kind = "content"


class StatusError(TransportError):
    """The answer has a status that says that the request failed.

    Attributes:
        status: the HTTP status.
        retry_after: seconds after which the member wants to be asked again; None if it does
            not say.
    """

    kind = "status"

    def __init__(self, message: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
