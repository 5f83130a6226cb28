"""Stamps for the data of stores that say no version: what they hold, counted and summed up.

Such a stamp changes when triples of the default graph or of named graphs are added or removed.
Where the store can do it in time, there is a checksum as well: the sum of a byte of a hash of each
triple's ends, by predicate and by graph. So a value that was replaced by another is seen, but for
one in 256. All numbers come in one request; only where they are not those expected, they are asked
for again in ways that an answer cut short cannot mislead.

Names that profiles may keep to themselves, of graphs and of rare predicates, play no part: who
knows all else could find out a name by trying.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING

import polars as pl

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.endpoint_questions import EndpointQuestions
from hereditary_kg.federation.errors import MemberError, ProfilingError
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.rdf.terms import IRI, parse_term
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS

if TYPE_CHECKING:
    from hereditary_kg.federation.member import Member

__all__ = ["Counts", "StampCheck", "ask_counts", "ask_stamp", "is_count_stamp"]

_PREFIX = "counts-"
_LONGEST_CHECK = 30.0
_LONGEST_SUM = 10.0
_GRAPH = "GRAPH "
_NUMBER = r'^"\+?([0-9]+)"'

_BYTES = "-".join(f"{byte:02x}" for byte in range(256))
# Blank nodes have other strings, or none, in another answer.
_ENDS = ', " ", '.join(f'IF(ISBLANK(?{end}), "", STR(?{end}))' for end in "so")
# The place of the hash's first byte among all bytes: a number, as no cast of SPARQL gives it.
_BYTE = f'STRLEN(STRBEFORE("{_BYTES}", SUBSTR(LCASE(MD5(CONCAT({_ENDS}))), 1, 2)))'


@dataclass(frozen=True)
class Counts:
    """What a store holds, in numbers.

    Attributes:
        predicates: triples of the default graph by predicate.
        graphs: triples of the named graphs by name.
        sums: checksums by predicate, and of the named graphs by ``GRAPH`` and name; None where
            the store gives none.
    """

    predicates: Mapping[str, int]
    graphs: Mapping[str, int]
    sums: Mapping[str, int] | None = None

    @property
    def stamp(self) -> str:
        """All triples, a hash of the numbers, and one of the checksums if there are any."""
        counts = {**self.predicates, **{_graph_key(name): n for name, n in self.graphs.items()}}
        stamp = f"{_PREFIX}{sum(self.predicates.values())}-{_digest(self._lines(counts))}"
        return stamp if self.sums is None else f"{stamp}-{_digest(self._lines(self.sums))}"

    def _lines(self, numbers: Mapping[str, int]) -> list[str]:
        """Write numbers in an order that depends on no name that is left out."""
        lines = []
        for key, number in numbers.items():
            rare = self.predicates.get(key, FEWEST_USERS) < FEWEST_USERS
            kind = "GRAPH" if key.startswith(_GRAPH) else "RARE" if rare else key
            lines.append(f"{kind} {number:020}\n")
        return sorted(lines)


def is_count_stamp(stamp: str) -> bool:
    """Say whether a stamp is one of these."""
    return stamp.startswith(_PREFIX)


async def ask_counts(questions: EndpointQuestions, *, summed: bool) -> Counts:
    """Count what a member has now, whatever it cuts short.

    Args:
        questions: whom to ask.
        summed: whether the checksums are wanted, if it gives them in time.

    Raises:
        MemberError: the member failed.
        ProfilingError: its numbers contradict each other.
    """
    counts = Counts(await questions.predicates(), await questions.graphs())
    if not summed:
        return counts
    started = monotonic()
    try:
        found = await _ask_at_once(questions.within(_LONGEST_SUM), summed=True)
    except MemberError:
        return counts
    whole = (found.predicates, found.graphs) == (counts.predicates, counts.graphs)
    return found if whole and monotonic() - started < _LONGEST_SUM else counts


async def ask_stamp(questions: EndpointQuestions, like: str) -> str:
    """Ask a member for the stamp of the data that it has now.

    Args:
        questions: whom to ask.
        like: the stamp that is expected.

    Raises:
        MemberError: the member failed.
        ProfilingError: its numbers contradict each other, or it gives no checksums any more.
    """
    summed = like.count("-") > _counted_part(like).count("-")
    try:
        found = await _ask_at_once(questions, summed=summed)
        if found.stamp == like:
            return like
    except MemberError as error:
        if error.kind in {"unreachable", "refused"}:
            raise
    counts = await ask_counts(questions, summed=summed)
    if counts.stamp == _counted_part(like) != like:
        raise ProfilingError(questions.member.name, "it gives no checksums any more")
    return counts.stamp


def _counted_part(stamp: str) -> str:
    return "-".join(stamp.split("-")[:3])


def _graph_key(name: str) -> str:
    return _GRAPH + name


def _digest(lines: list[str]) -> str:
    return sha256("".join(lines).encode()).hexdigest()[:16]


async def _ask_at_once(questions: EndpointQuestions, *, summed: bool) -> Counts:
    """Ask for all numbers in one request, whose answer may be cut short."""
    total = f"SUM({_BYTE})" if summed else "COUNT(*)"
    query = (
        f"SELECT ?p ?g (COUNT(*) AS ?n) ({total} AS ?h) WHERE {{ {{ ?s ?p ?o }} UNION "
        "{ GRAPH ?g { ?s ?q ?o } } } GROUP BY ?p ?g"
    )
    frame = await questions.table(query, ("p", "g", "n", "h"))
    numbers = frame.with_columns(pl.col("n", "h").str.extract(_NUMBER).cast(pl.Int64, strict=False))
    predicates: dict[str, int] = {}
    graphs: dict[str, int] = {}
    sums: dict[str, int] = {}
    for predicate, graph, count, value in numbers.iter_rows():
        term = parse_term(predicate or graph) if predicate or graph else None
        if not isinstance(term, IRI) or not count:
            continue
        (predicates if predicate else graphs)[term.value] = count
        if value is not None:
            sums[term.value if predicate else _graph_key(term.value)] = value
    is_whole = summed and len(sums) == len(predicates) + len(graphs)
    return Counts(predicates, graphs, sums if is_whole else None)


class StampCheck:
    """Remembers when a member's data were last compared with the stamp of a profile."""

    def __init__(self, interval: float, *, clock: Callable[[], float] = monotonic) -> None:
        """Begin with nothing compared.

        Args:
            interval: seconds for which a comparison counts.
            clock: monotonic time in seconds.
        """
        self._reason: str | None = None
        self._interval = interval
        self._clock = clock
        self._stamp: str | None = None
        self._found: str | None = None
        self._checked_at: float | None = None

    def warning(self, name: str, stamp: str | None) -> str | None:
        """Say why a profile is not used; None where it is, or nothing was compared.

        Args:
            name: the member's.
            stamp: the profile's; None where there is none.
        """
        if self._reason is None or stamp != self._stamp:
            return None
        return (
            f"the profile of {name} is not used, for {self._reason}; "
            f"`hkg federation profile {name}` builds it again"
        )

    def is_fresh(self, stamp: str) -> bool:
        """Say whether a profile's stamp was compared lately."""
        age = None if self._checked_at is None else self._clock() - self._checked_at
        return stamp == self._stamp and age is not None and age <= self._interval

    async def compare(
        self,
        member: "Member",
        stamp: str,
        deadline: Deadline,
        log: RequestLog | None = None,
        max_age: float = 1.0,
    ) -> str | None:
        """Give the stamp of the member's data, asking where the last answer is too old.

        Args:
            member: who has the data.
            stamp: the profile's.
            deadline: when to give up.
            log: where requests are recorded, if anywhere.
            max_age: 0 where the member is to be asked in any case.

        Returns:
            The stamp of the data as they were found; None where the member does not say.

        Raises:
            MemberError: the member cannot be reached.
        """
        if max_age > 0 and self.is_fresh(stamp):
            return self._found
        limit = Deadline(min(_LONGEST_CHECK, deadline.remaining()))
        questions = EndpointQuestions(member, limit, log, "profile check")
        self._found = None
        try:
            self._found = await ask_stamp(questions, stamp)
        except (MemberError, ProfilingError) as error:
            if isinstance(error, MemberError) and error.kind == "unreachable":
                raise
            self._reason = f"whether it still holds could not be found out ({error.reason})"
        else:
            self._reason = _difference(stamp, self._found)
        self._stamp, self._checked_at = stamp, self._clock()
        return self._found


def _difference(stamp: str, found: str) -> str | None:
    if stamp == found:
        return None
    if _counted_part(stamp) == _counted_part(found):
        return "some of its values are no longer those that the profile was built from"
    return "its triples are no longer as many as when the profile was built"
