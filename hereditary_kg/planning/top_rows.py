"""ORDER BY with LIMIT at the members: each sends its first rows, and they are sorted again.

The first rows of a union are among the first rows of its parts. That holds where members put
terms in the same order, which SPARQL promises of numbers, of plain strings, of dates and of IRIs
among themselves, but not of a mixture (SPARQL 1.1 Query Language, section 15.1).

The rows are sorted again, and not merged as sorted streams, though a merge could do with fewer of
them at hand. A member sends at most as many rows as the slice ends at, so that there is little to
sort; the merge would have to wait for the first row of the slowest member just the same, and it
would compare two terms at a time, where a SPARQL order is only to be had from Oxigraph, which sorts
whole sequences. Nor is a member's answer a sorted stream where it is read in parts.
"""

from collections.abc import Iterable, Sequence

from hereditary_kg.planning.domains import Domain, VariableEnd
from hereditary_kg.planning.locality import LocalPart
from hereditary_kg.planning.members import MemberView
from hereditary_kg.rdf.datatypes import NUMBERS
from hereditary_kg.rdf.terms import XSD, XSD_STRING
from hereditary_kg.sparql.algebra import (
    Distinct,
    OrderBy,
    OrderKey,
    Pattern,
    Project,
    Reduced,
    Slice,
    Variable,
)

__all__ = ["is_of", "loses_order", "ordered_rows", "sorts_alike"]

_ORDERS = (
    NUMBERS,
    frozenset((XSD_STRING,)),
    frozenset((XSD + "dateTime", XSD + "dateTimeStamp")),
    frozenset((XSD + "date",)),
    frozenset((XSD + "boolean",)),
)


def ordered_rows(pattern: Pattern) -> tuple[OrderBy, tuple[Variable, ...] | None, bool] | None:
    """Take what a slice is cut from apart.

    Returns:
        The ordering, what is projected of it (None: everything), and whether each row counts
        once; None where the pattern is of another form.
    """
    match pattern:
        case OrderBy():
            return pattern, None, False
        case Project(OrderBy() as inner, variables):
            return inner, variables, False
        case Distinct(Project(OrderBy() as inner, variables)):
            return inner, variables, True
        case _:
            return None


def loses_order(pattern: Pattern, members: Iterable[MemberView]) -> bool:
    """Whether any of some members would cut the rows of an ordered pattern short.

    Of rows in an order, a member gives the first ones only; without it, all can be had.
    """
    limits: list[int] = []
    while isinstance(pattern, Project | Distinct | Reduced | Slice):
        if isinstance(pattern, Slice) and pattern.limit is not None:
            limits.append(pattern.limit)
        pattern = pattern.pattern
    limit = min(limits, default=None)
    return isinstance(pattern, OrderBy) and any(member.cuts_off(limit) for member in members)


def sorts_alike(keys: Sequence[OrderKey], part: LocalPart) -> bool:
    """Whether every member sorts a part's rows as the mediator does."""
    variables = [key.expression for key in keys]
    return all(
        isinstance(variable, Variable) and _has_order(part.ends.get(variable, ()), part)
        for variable in variables
    )


def _has_order(ends: Iterable[VariableEnd], part: LocalPart) -> bool:
    return any(
        _is_iri(end, part) or any(is_of(end, part, each) for each in _ORDERS) for end in ends
    )


def is_of(end: VariableEnd, part: LocalPart, datatypes: frozenset[str]) -> bool:
    """Whether all terms at an end are literals of these datatypes."""

    def holds(domain: Domain) -> bool:
        found = domain.datatypes
        return (
            not domain.blank
            and domain.namespaces == ()
            and found is not None
            and (found <= datatypes)
        )

    return all(holds(end.domains[name]) for name in part.members or ())


def _is_iri(end: VariableEnd, part: LocalPart) -> bool:
    domains = [end.domains[name] for name in part.members or ()]
    return all(not domain.blank and domain.datatypes == frozenset() for domain in domains)
