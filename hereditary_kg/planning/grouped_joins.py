"""Aggregates over a join: grouped at the members before the join, and merged after it.

Before::

    SELECT ?disease (COUNT(?patient) AS ?n) {
      ?gene :causes ?disease . ?disease :feature ?code . ?patient :has ?code } GROUP BY ?disease

After, with what is said of patients asked for in groups by what it is joined by::

    SELECT ?disease (SUM(?1) AS ?n) {
      ?gene :causes ?disease . ?disease :feature ?code .
      { SELECT ?code (COUNT(?patient) AS ?1) { ?patient :has ?code } GROUP BY ?code } }
    GROUP BY ?disease

Why that is right. Let X and Y be the sides, K their common variables, always bound on both, and let
all arguments be of Y. A solution x of X joins the solutions of Y with the same values of K. Grouped
by K and by those keys that Y has, they are whole groups: all of a group's solutions join with x,
and then are in the same group of the answer. So a group of the answer consists of groups of Y, each
as often as there are solutions of X with its values of K. That is how often its row is in the join,
so that counts and sums need only be added up, and the least and the greatest only be compared.

COUNT(DISTINCT ?v) is the number of one group of Y if a group of the answer has just one: if all of
K are keys of it. However often it is repeated, its greatest value is that number.

The groups of several members are merged where :mod:`hereditary_kg.planning.partial_aggregates` has
it exact; sums and comparisons are of values for which the order does not matter, as there.

Source: W. P. Yan and P.-A. Larson, Eager Aggregation and Lazy Aggregation, VLDB 1995.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from hereditary_kg.planning.cardinality import Estimate
from hereditary_kg.planning.locality import LocalPart
from hereditary_kg.planning.partial_aggregates import average, is_mergeable
from hereditary_kg.planning.units import Unit, is_connected
from hereditary_kg.sparql.algebra import Aggregate, Expression, Group, Variable
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_variables,
    scope_variables,
)

__all__ = ["GroupedJoin", "group_before_join", "with_grouped"]

# Groups are worth it if they are at most this share of the rows.
_WORTHWHILE = 0.75


@dataclass(frozen=True)
class GroupedJoin:
    """A grouping over a join of which one unit is grouped first.

    Attributes:
        unit: the unit.
        grouped: what is joined in its place.
        merging: the aggregates over the join, by variable.
        computed: what is computed of them, by variable.
    """

    unit: Unit
    grouped: Group
    merging: tuple[tuple[Variable, Aggregate], ...]
    computed: tuple[tuple[Variable, Expression], ...]


def group_before_join(
    pattern: Group, units: Sequence[Unit], fresh: Callable[[], Variable]
) -> GroupedJoin | None:
    """Group a unit of a join before it is joined; None where that is not exact, or saves nothing.

    Args:
        pattern: the grouping over the join.
        units: what is joined.
        fresh: gives variables that nothing else uses.
    """
    for unit in sorted(units, key=lambda each: -each.estimate.rows):
        others = [each for each in units if each is not unit]
        keys = _grouped_by(pattern, unit, others)
        if keys is not None and _saves(unit, keys):
            return _split(pattern, unit, keys, _certain(units), fresh)
    return None


def with_grouped(units: Sequence[Unit], found: GroupedJoin) -> list[Unit]:
    """Give the units of a join with the groups in the place of the unit."""
    groups = min(
        found.unit.estimate.rows,
        prod(found.unit.estimate.distinct.get(key, 1.0) for key in found.grouped.keys),
    )
    distinct = {v: n for v, n in found.unit.estimate.distinct.items() if v in found.grouped.keys}
    estimate = Estimate(groups, distinct)
    grouped = Unit(found.grouped, found.unit.members, estimate, pushable=False)
    return [*(unit for unit in units if unit is not found.unit), grouped]


def _grouped_by(pattern: Group, unit: Unit, others: Sequence[Unit]) -> tuple[Variable, ...] | None:
    """Give what a unit is grouped by before it is joined; None where that is not exact."""
    if not unit.pushable or unit.part is None or not unit.part.exact or not others:
        return None
    if not is_connected(unit.pattern):
        return None
    scope = scope_variables(unit.pattern)
    outside = {variable for each in others for variable in scope_variables(each.pattern)}
    shared = [variable for variable in scope if variable in outside]
    if not shared or not _certain(others).intersection(_certain([unit])).issuperset(shared):
        return None
    certain = _certain([unit, *others])
    alone = set(shared) <= set(pattern.keys)
    if not all(
        _is_exact(aggregate, unit.part, frozenset(scope), certain, alone=alone)
        for _, aggregate in pattern.aggregates
    ):
        return None
    return (*shared, *(v for v in pattern.keys if v in scope and v not in shared))


def _certain(units: Sequence[Unit]) -> frozenset[Variable]:
    return frozenset().union(*(certain_variables(unit.pattern) for unit in units))


def _is_exact(
    aggregate: Aggregate,
    part: LocalPart,
    scope: frozenset[Variable],
    certain: frozenset[Variable],
    *,
    alone: bool,
) -> bool:
    if _counts_solutions(aggregate, certain):
        return True
    argument = aggregate.argument
    if argument is None or not expression_variables(argument) <= scope:
        return False
    if aggregate.distinct and not (alone and aggregate.name == "COUNT"):
        return False
    return is_mergeable(aggregate, part)


def _counts_solutions(aggregate: Aggregate, certain: frozenset[Variable]) -> bool:
    if aggregate.name != "COUNT" or aggregate.distinct:
        return False
    return aggregate.argument is None or aggregate.argument in certain


def _saves(unit: Unit, keys: Sequence[Variable]) -> bool:
    """Whether members would send fewer groups than solutions."""
    groups = prod(unit.estimate.distinct.get(key, unit.estimate.rows) for key in keys)
    return groups <= unit.estimate.rows * _WORTHWHILE


def _split(
    pattern: Group,
    unit: Unit,
    keys: tuple[Variable, ...],
    certain: frozenset[Variable],
    fresh: Callable[[], Variable],
) -> GroupedJoin:
    grouped: list[tuple[Variable, Aggregate]] = []
    merging: list[tuple[Variable, Aggregate]] = []
    computed: list[tuple[Variable, Expression]] = []

    def merged(aggregate: Aggregate, merge: str) -> Variable:
        inner, outer = fresh(), fresh()
        grouped.append((inner, aggregate))
        merging.append((outer, Aggregate(merge, inner)))
        return outer

    for variable, aggregate in pattern.aggregates:
        argument = aggregate.argument
        if _counts_solutions(aggregate, certain):
            value: Expression = merged(Aggregate("COUNT", None), "SUM")
        elif aggregate.name == "AVG":
            total = merged(Aggregate("SUM", argument), "SUM")
            value = average(total, merged(Aggregate("COUNT", argument), "SUM"))
        elif aggregate.name == "COUNT":
            value = merged(aggregate, "MAX" if aggregate.distinct else "SUM")
        else:
            value = merged(aggregate, aggregate.name)
        computed.append((variable, value))
    inner = Group(unit.pattern, keys, tuple(grouped))
    return GroupedJoin(unit, inner, tuple(merging), tuple(computed))
