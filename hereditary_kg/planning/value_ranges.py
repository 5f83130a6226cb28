"""What is known of the values at a predicate, and what conditions make of it.

Profiles say between which numbers and which years the objects of a predicate lie. A comparison
with a constant that no value in between can meet drops every row of the member. Comparisons are
those of SPARQL: by value, numbers with numbers and dates with dates. Whatever else stands at the
predicate (texts, IRIs, ill-formed numbers) makes the comparison an error, and an error drops the
row as well.

Everything here errs on the side of "may hold": single-precision numbers are equal to numbers
nearby, and a time without a time zone may be meant in any.

Source: SPARQL 1.1 Query Language, sections 17.2 (errors) and 17.3 (operators); W3C XML Schema
Definition Language 1.1, part 2, section 3.3.7 (order of dateTime).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import inf, isnan
from typing import TypeAlias

from hereditary_kg.rdf.datatypes import NUMBERS
from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.sites.profile import PredicateProfile
from hereditary_kg.sparql.algebra import Call, Expression, Variable

__all__ = ["Comparison", "Refusal", "Span", "comparisons", "known_span", "refusal"]

_DATES = frozenset(XSD + name for name in ("date", "dateTime", "dateTimeStamp"))
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?INF")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))?"
)
_FIRST = datetime(1, 1, 1)  # noqa: DTZ001 (the zone is added by hand)
_ZONES = timedelta(hours=14).total_seconds()

# xsd:float has 24 bits of precision, nothing beyond 3.4e38, and nothing between 0 and 1e-45.
_PRECISION = 1e-6
_LARGEST = 1e38
_SMALLEST = 1e-37

# The ranges of as many predicates at as many members are read once.
_MOST_RANGES = 4096


Refusal: TypeAlias = Callable[[PredicateProfile], str | None]
"""Says why all objects of a predicate are dropped, or gives None."""


@dataclass(frozen=True)
class Span:
    """Values of one kind between two ends, both included.

    Attributes:
        dates: whether they are dates, in seconds since the year 1 in UTC, rather than numbers.
        low: the lowest one.
        high: the highest one; below `low` where there are none.
    """

    dates: bool
    low: float
    high: float

    @property
    def is_empty(self) -> bool:
        """Whether there are no values of the kind."""
        return self.low > self.high

    def meet(self, other: "Span") -> "Span":
        """Give what both have in common; they are of one kind."""
        return Span(self.dates, max(self.low, other.low), min(self.high, other.high))


@dataclass(frozen=True)
class Comparison:
    """A comparison of a variable with a constant, ``?variable operator constant``.

    Attributes:
        variable: what is compared.
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.
        constant: what the constant's value is, between which ends it may be taken.
    """

    variable: Variable
    operator: str
    constant: Span

    @property
    def admitted(self) -> Span:
        """The values of the constant's kind with which the comparison can hold."""
        low, high = self.constant.low, self.constant.high
        match self.operator:
            case "<" | "<=":
                low = -inf
            case ">" | ">=":
                high = inf
            case "!=":
                low, high = -inf, inf
        return Span(self.constant.dates, low, high)


def comparisons(condition: Expression) -> tuple[Comparison, ...] | None:
    """Read a condition as comparisons of variables with constants, one of which has to hold.

    Returns:
        One of ``?v < 5``, several of ``?v IN (1, 2)``; None where it is something else, or a
        constant is neither a number nor a date.
    """
    match condition:
        case Call(operator, (Variable() as variable, Literal() as constant)) if operator in _TURNED:
            pairs = [(operator, constant)]
        case Call(operator, (Literal() as constant, Variable() as variable)) if operator in _TURNED:
            pairs = [(_TURNED[operator], constant)]
        case Call("IN", (Variable() as variable, *constants)) if constants:
            pairs = [("=", each) for each in constants if isinstance(each, Literal)]
            if len(pairs) < len(constants):
                return None
        case _:
            return None
    found = []
    for operator, constant in pairs:
        span = _constant_span(constant)
        if span is None:
            return None
        found.append(Comparison(variable, operator, span))
    return tuple(found)


def refusal(condition: Expression, variable: Variable) -> Refusal:
    """Find out when a condition drops every row whose ``variable`` is an object of a predicate.

    Args:
        condition: what has to be true of a row.
        variable: a variable.

    Returns:
        What gives a few words about a predicate; None where a row may be left.
    """
    match condition:
        case Call("&&", parts):
            return _any_of([refusal(part, variable) for part in parts])
        case Call("||", parts):
            # An error beside what is true is true.
            return _all_of([refusal(part, variable) for part in parts])
    either = comparisons(condition)
    if either is None or either[0].variable != variable:
        return _never
    # What is of another kind is unequal, rather than an error.
    if any(each.operator == "!=" for each in either):
        return _never
    admitted = [each.admitted for each in either]
    return lambda known: _refuse(admitted, known)


def _never(_: PredicateProfile) -> str | None:
    return None


def _any_of(refusals: Sequence[Refusal]) -> Refusal:
    def refuse(known: PredicateProfile) -> str | None:
        reasons = (each(known) for each in refusals)
        return next((reason for reason in reasons if reason is not None), None)

    return refuse


def _all_of(refusals: Sequence[Refusal]) -> Refusal:
    def refuse(known: PredicateProfile) -> str | None:
        reasons = [each(known) for each in refusals]
        return None if None in reasons else reasons[0]

    return refuse


def _refuse(admitted: Sequence[Span], known: PredicateProfile) -> str | None:
    reason = None
    for span in admitted:
        held = known_span(known, dates=span.dates)
        if held is None or not (held.is_empty or held.meet(span).is_empty):
            return None
        reason = _words(known, held)
    return reason


def _words(known: PredicateProfile, held: Span) -> str:
    kind = "dates" if held.dates else "numbers"
    if held.is_empty:
        return f"has no {kind} there, and the filter wants some"
    years = [day[:4] for day in known.date_range or ()]
    low, high = years if held.dates else (f"{end:.15g}" for end in known.number_range or ())
    return f"has only {kind} from {low} to {high} there, which the filter drops"


def known_span(known: PredicateProfile, *, dates: bool) -> Span | None:
    """Give the span of all numbers, or all dates, among the objects of a predicate.

    Returns:
        An empty one where there are none; None where that is not known.
    """
    if not known.literal_objects or (
        known.datatypes and (_DATES if dates else NUMBERS).isdisjoint(known.datatypes)
    ):
        return Span(dates, inf, -inf)
    if dates:
        return None if known.date_range is None else _date_span(*known.date_range)
    return None if known.number_range is None else _number_span(*known.number_range)


@lru_cache(maxsize=_MOST_RANGES)
def _number_span(low: float, high: float) -> Span | None:
    if max(abs(low), abs(high)) > _LARGEST:
        return None
    # The ends were rounded outward, in floating point.
    margin = (high - low) / 100
    return Span(False, _tolerant(low, -1) - margin, _tolerant(high, 1) + margin)


@lru_cache(maxsize=_MOST_RANGES)
def _date_span(first: str, end: str) -> Span | None:
    ends = [_seconds(day) for day in (first, end)]
    if ends[0] is None or ends[1] is None:
        return None
    return Span(True, ends[0], ends[1])


def _constant_span(constant: Literal) -> Span | None:
    """Give between which ends the value of a constant lies; None where it is of no known kind."""
    if constant.datatype in _DATES:
        return _moment_span(constant.lexical)
    if constant.datatype not in NUMBERS or not _NUMBER.fullmatch(constant.lexical):
        return None
    value = float(constant.lexical)
    return None if isnan(value) else Span(False, _tolerant(value, -1), _tolerant(value, 1))


def _tolerant(value: float, direction: int) -> float:
    if abs(value) == inf:
        return value
    return value + direction * (abs(value) * _PRECISION + _SMALLEST)


def _moment_span(lexical: str) -> Span | None:
    match = _MOMENT.fullmatch(lexical)
    seconds = None if match is None else _seconds(match[1] + (match[2] or ""))
    if match is None or seconds is None:
        return None
    if match[3]:
        offset = int(match[4]) * 3600 + int(match[5]) * 60
        seconds -= offset if match[3] == "+" else -offset
    elif not lexical.endswith("Z"):
        return Span(True, seconds - _ZONES, seconds + _ZONES)
    return Span(True, seconds, seconds)


def _seconds(moment: str) -> float | None:
    try:
        return (datetime.fromisoformat(moment) - _FIRST).total_seconds()
    except ValueError:
        return None
