"""Aggregates of groups that lie at several members: each sends its part, the parts are merged.

Before::

    SELECT ?code (COUNT(*) AS ?n) (AVG(?age) AS ?mean) { … } GROUP BY ?code

After, at each member::

    SELECT ?code (COUNT(*) AS ?1) (SUM(?age) AS ?2) (COUNT(?age) AS ?3) { … } GROUP BY ?code

and at the mediator ``SUM(?1)`` and ``SUM(?2) / SUM(?3)`` for each code. That is right where no two
members give the same solution. COUNT(DISTINCT ?x) is the sum of its parts only where no value of
``?x`` is at two members; sums and means are merged only of exact numbers, for which the order of
adding does not matter, and the least and the greatest only of values with one order.

Source: decomposable aggregate functions after Gray et al., Data Cube, ICDE 1996.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hereditary_kg.planning.locality import LocalPart
from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.planning.top_rows import is_of, sorts_alike
from hereditary_kg.rdf.datatypes import EXACT_NUMBERS
from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.sparql.algebra import (
    Aggregate,
    Call,
    Expression,
    Group,
    OrderKey,
    Variable,
)
from hereditary_kg.sparql.variables import expression_patterns

__all__ = ["MergedGroup", "average", "is_mergeable", "split_group"]

_NONE = Literal("0", XSD + "integer")


@dataclass(frozen=True)
class MergedGroup:
    """A grouping in two steps.

    Attributes:
        partial: what each member is asked.
        merging: the aggregates over all members' rows, by variable.
        computed: what is computed of them, by variable.
        size: the variable with a partial group's number of solutions, where groups without any
            must be left out: a member without solutions sends one if there are no keys.
    """

    partial: Group
    merging: tuple[tuple[Variable, Aggregate], ...]
    computed: tuple[tuple[Variable, Expression], ...]
    size: Variable | None


def split_group(
    pattern: Group, part: LocalPart, fresh: Callable[[], Variable]
) -> MergedGroup | None:
    """Split a grouping over a local part; None where its parts cannot be merged exactly.

    Args:
        pattern: the grouping.
        part: what is grouped, no solution at two members.
        fresh: gives variables that nothing else uses.
    """
    if not part.exact or not all(is_mergeable(a, part) for _, a in pattern.aggregates):
        return None
    partial: list[tuple[Variable, Aggregate]] = []
    merging: list[tuple[Variable, Aggregate]] = []
    computed: list[tuple[Variable, Expression]] = []

    def merged(aggregate: Aggregate, merge: str) -> Variable:
        inner, outer = fresh(), fresh()
        partial.append((inner, aggregate))
        merging.append((outer, Aggregate(merge, inner)))
        return outer

    for variable, aggregate in pattern.aggregates:
        name, argument = aggregate.name, aggregate.argument
        if name == "AVG":
            total = merged(Aggregate("SUM", argument), "SUM")
            count = merged(Aggregate("COUNT", argument), "SUM")
            computed.append((variable, average(total, count)))
        else:
            computed.append((variable, merged(aggregate, "SUM" if name == "COUNT" else name)))
    size = None
    if not pattern.keys:
        size = fresh()
        partial.append((size, Aggregate("COUNT", None)))
    group = Group(pattern.pattern, pattern.keys, tuple(partial))
    return MergedGroup(group, tuple(merging), tuple(computed), size)


def average(total: Variable, count: Variable) -> Expression:
    """Give the mean, which is 0 of nothing."""
    return Call("IF", (Call("=", (count, _NONE)), _NONE, Call("/", (total, count))))


def is_mergeable(aggregate: Aggregate, part: LocalPart) -> bool:
    """Whether an aggregate of a local part's solutions follows from those of its parts.

    Args:
        aggregate: the aggregate.
        part: what is aggregated, no solution at two members.
    """
    argument = aggregate.argument
    if argument is not None and (not is_stable(argument) or any(expression_patterns(argument))):
        return False
    if aggregate.name == "COUNT":
        if not aggregate.distinct:
            return True
        return isinstance(argument, Variable) and argument in part.ends and part.is_key(argument)
    if not isinstance(argument, Variable):
        return False
    ends = part.ends.get(argument, ())
    match aggregate.name:
        case "SUM" | "AVG":
            return not aggregate.distinct and any(is_of(end, part, EXACT_NUMBERS) for end in ends)
        case "MIN" | "MAX":
            return _has_one_form(argument, part)
        case _:
            return False


def _has_one_form(variable: Variable, part: LocalPart) -> bool:
    """Whether equal values of a variable are equal terms, and all have one order."""
    if not sorts_alike((OrderKey(variable),), part):
        return False
    for end in part.ends.get(variable, ()):
        held = {end.domains[name].datatypes for name in part.members or ()}
        forms = {datatype for datatypes in held for datatype in datatypes or ()}
        if None not in held and len(forms) <= 1:
            return True
    return False
