"""What was asked of whom: the raw material of an answer's certificate."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["RequestLog", "RequestRecord"]


@dataclass(frozen=True)
class RequestRecord:
    """One request to one member, whether it succeeded or not.

    Attributes:
        member: the member's name.
        query: the text that was sent.
        purpose: what it was for, in a word or two (``scan``, ``bind join``, ``probe``).
        rows: solutions received (for ASK 1 if there was an answer).
        bytes: size of the answer after content decoding.
        seconds: time from the first attempt to the end of the answer, retries included.
        status: the last HTTP status; None where no answer came.
        error: what went wrong, ``cancelled`` where nobody wanted the rest; None on success.
        attempts: how often it was sent; 0 where the circuit was open or no slot came free.
        step: which step of the plan it was for, as whoever asked numbers them; None for none.
        ended: when it ended, in seconds of a clock that all requests of a member share.
    """

    member: str
    query: str
    purpose: str
    rows: int
    bytes: int
    seconds: float
    status: int | None
    error: str | None
    attempts: int = 1
    step: int | None = None
    ended: float = 0.0


class RequestLog:
    """The requests of one query, in the order in which they ended."""

    def __init__(self) -> None:
        self._records: list[RequestRecord] = []
        self._begun = 0
        self._blank: defaultdict[str, set[int]] = defaultdict(set)

    @property
    def begun(self) -> int:
        """How many requests have begun."""
        return self._begun

    def begin(self) -> int:
        """Give the request that begins now its number, from 1."""
        self._begun += 1
        return self._begun

    def note_blank_nodes(self, member: str, number: int) -> None:
        """Note that the answer to a request has blank nodes whose labels hold for it alone."""
        self._blank[member].add(number)

    def members_with_blank_nodes(self) -> frozenset[str]:
        """Give the members that have answered with such blank nodes."""
        return frozenset(name for name, numbers in self._blank.items() if numbers)

    def blank_node_answers(self, member: str, since: int = 0) -> int:
        """Count a member's answers with such blank nodes, to requests after number ``since``."""
        return sum(number > since for number in self._blank[member])

    def append(self, record: RequestRecord) -> None:
        """Add a finished request."""
        self._records.append(record)

    def of_member(self, name: str) -> tuple[RequestRecord, ...]:
        """Give the requests to one member."""
        return tuple(record for record in self._records if record.member == name)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def __len__(self) -> int:
        return len(self._records)
