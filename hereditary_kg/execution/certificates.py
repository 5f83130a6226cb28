"""What an answer is worth: who was asked what, who failed, and what that means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.request_log import RequestLog, RequestRecord
from hereditary_kg.planning.conversion_reports import ConversionReport, conversion_bound
from hereditary_kg.semantics.expansion import Bound
from hereditary_kg.sparql.algebra import (
    Call,
    Exists,
    Expression,
    Filter,
    FunctionCall,
    Group,
    LeftJoin,
    Minus,
    Pattern,
    Slice,
    conjuncts,
)
from hereditary_kg.sparql.variables import expression_patterns, pattern_expressions, walk

__all__ = [
    "Certificate",
    "MemberReport",
    "growing_obstacles",
    "make_certificate",
    "unverified_profiles",
]

# More members than that are counted.
_LISTED = 10

Standing: TypeAlias = Literal["answered", "failed", "not asked"]


@dataclass(frozen=True)
class MemberReport:
    """One member's part in an answer.

    Attributes:
        name: the member.
        standing: ``answered``, ``failed``, or ``not asked`` (nothing it holds can matter).
        requests: requests sent, probes included.
        rows: solutions received from it.
        bytes: bytes received from it.
        milliseconds: time its requests took, summed.
        version: the version of its data that the plan relied on; None without a profile.
        error: what went wrong, or None.
        records: the requests themselves.
    """

    name: str
    standing: Standing
    requests: int
    rows: int
    bytes: int
    milliseconds: float
    version: str | None
    error: str | None
    records: tuple[RequestRecord, ...]


@dataclass(frozen=True)
class Certificate:
    """A statement about an answer.

    Attributes:
        complete: whether every member that matters answered.
        subset: whether every row of the answer is also in the complete one. True for a
            complete answer.
        reasons: the forms in the query that make a partial answer unreliable, by name.
        members: one report a member, in the federation's order.
        milliseconds: wall time of the whole query.
        notes: what else the user should know, such as a SERVICE that failed silently.
        conversions: what was converted at which member, by which mappings.
        bound: what conversions make of the answer; None where nothing is converted.
    """

    complete: bool
    subset: bool
    reasons: tuple[str, ...]
    members: tuple[MemberReport, ...]
    milliseconds: float
    notes: tuple[str, ...] = ()
    conversions: tuple[ConversionReport, ...] = ()
    bound: Bound | None = None

    @property
    def requests(self) -> int:
        """Requests to all members together."""
        return sum(member.requests for member in self.members)

    @property
    def statement(self) -> str:
        """The certificate in one sentence, or two."""
        if self.bound is None:
            return self._completeness
        told = {Bound.EXACT: "the codes that were asked instead are exact"}.get(
            self.bound, f"the codes that were asked instead make it {_article(self.bound)}"
        )
        return f"{self._completeness} Converted: {told}."

    @property
    def _completeness(self) -> str:
        if self.complete:
            return "Complete: the exact answer over the merge of all members."
        failed = ", ".join(m.name for m in self.members if m.standing == "failed")
        if self.subset:
            return f"Partial: without {failed}; every row is right, rows may be missing."
        forms = ", ".join(self.reasons)
        return f"Partial: without {failed}; rows may be missing or wrong, because of {forms}."

    def to_dict(self) -> dict[str, Any]:
        """Give the certificate as plain values, ready for JSON."""
        told = self._plain_values()
        if self.bound is not None:
            told["bound"] = self.bound.value
            told["member_bounds"] = {name: each.value for name, each in self.bounds.items()}
            told["conversions"] = [report.to_dict() for report in self.conversions]
        return told

    @property
    def bounds(self) -> Mapping[str, Bound]:
        """What conversions at each member make of its part in the answer."""
        found: dict[str, Bound] = {}
        for report in self.conversions:
            found[report.member] = found.get(report.member, Bound.EXACT).and_(report.bound)
        return found

    def _plain_values(self) -> dict[str, Any]:
        return {
            "complete": self.complete,
            "subset": self.subset,
            "reasons": list(self.reasons),
            "statement": self.statement,
            "notes": list(self.notes),
            "requests": self.requests,
            "milliseconds": round(self.milliseconds, 1),
            "members": [
                {
                    "name": member.name,
                    "standing": member.standing,
                    "requests": member.requests,
                    "rows": member.rows,
                    "bytes": member.bytes,
                    "milliseconds": round(member.milliseconds, 1),
                    "version": member.version,
                    "error": member.error,
                }
                for member in self.members
            ],
        }


def _article(bound: Bound) -> str:
    if bound is Bound.MIXED:
        return "neither an upper nor a lower bound"
    return f"an {bound.value}" if bound is Bound.UPPER else f"a {bound.value}"


def growing_obstacles(pattern: Pattern) -> tuple[str, ...]:
    """Name the forms because of which more data may take rows away or change them.

    Without any of them the query is monotone: over less data it gives a subset.
    """
    found: dict[str, None] = {}
    for node in walk(pattern):
        match node:
            case Minus():
                found["MINUS"] = None
            case LeftJoin():
                found["OPTIONAL"] = None
            case Group():
                found["aggregates"] = None
            case Slice():
                found["LIMIT or OFFSET"] = None
            case _:
                found.update(dict.fromkeys(_exists_obstacles(node)))
    return tuple(found)


def _exists_obstacles(node: Pattern) -> Iterable[str]:
    for expression in pattern_expressions(node):
        parts = conjuncts(expression) if isinstance(node, Filter) else (expression,)
        for part in parts:
            # A filter that demands a match only keeps more rows the more data there are; an
            # EXISTS whose value is shown turns from false to true.
            if isinstance(node, Filter) and isinstance(part, Exists) and not part.negated:
                continue
            if any(expression_patterns(part)):
                yield "NOT EXISTS" if _has_negation(part) else "EXISTS in an expression"


def _has_negation(expression: Expression) -> bool:
    match expression:
        case Exists(_, negated):
            return negated
        case Call(name, arguments):
            return name == "!" or any(map(_has_negation, arguments))
        case FunctionCall(_, arguments):
            return any(map(_has_negation, arguments))
        case _:
            return False


def make_certificate(
    pattern: Pattern,
    members: Iterable[str],
    log: RequestLog,
    *,
    failures: Mapping[str, MemberError],
    versions: Mapping[str, str],
    milliseconds: float,
    notes: Iterable[str] = (),
    denied: bool = False,
    conversions: tuple[ConversionReport, ...] | None = None,
) -> Certificate:
    """Put the certificate of one query together.

    Args:
        pattern: the query's.
        members: the federation's, and whoever else was asked.
        log: the requests.
        failures: what failed, by member.
        versions: the data versions that the plan relied on, by member.
        milliseconds: wall time of the whole query.
        notes: what else the user should know.
        denied: whether the answer is a no, which more data could turn into a yes.
        conversions: what was converted; None where nothing is.
    """
    reports = tuple(_report(name, log, failures.get(name), versions.get(name)) for name in members)
    reasons: tuple[str, ...] = ()
    if failures:
        reasons = (*(("a negative answer",) if denied else ()), *growing_obstacles(pattern))
    return Certificate(
        not failures,
        not reasons,
        reasons,
        reports,
        milliseconds,
        tuple(dict.fromkeys(notes)),
        conversions or (),
        None if conversions is None else conversion_bound(pattern, conversions),
    )


def unverified_profiles(names: Sequence[str]) -> tuple[str, ...]:
    """Name the members whose profiles nobody has compared with their data."""
    if not names:
        return ()
    listed = ", ".join(names[:_LISTED])
    listed += f" and {len(names) - _LISTED:,} others" if len(names) > _LISTED else ""
    note = (
        f"not verified: the profile of {listed}. It is not said which data is answered from, so "
        "rows may be missing if they have changed since; `hkg federation profile` builds a profile "
        "that can be compared"
    )
    return (note,)


def _report(
    name: str, log: RequestLog, failure: MemberError | None, version: str | None
) -> MemberReport:
    records = log.of_member(name)
    standing: Standing = "answered" if records else "not asked"
    return MemberReport(
        name=name,
        standing="failed" if failure else standing,
        requests=sum(record.attempts for record in records),
        rows=sum(record.rows for record in records),
        bytes=sum(record.bytes for record in records),
        milliseconds=1000 * sum(record.seconds for record in records),
        version=version,
        error=None if failure is None else f"{failure.kind}: {failure.reason}",
        records=records,
    )
