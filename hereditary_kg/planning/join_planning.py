"""Joins: which of their parts are asked whole, and the order in which they are joined.

A basic graph pattern falls into groups that join at one member at a time (exclusive groups and
local ones) and single patterns asked of several members; these are joined in the cheapest order.

Source: exclusive groups after Schwarte et al., FedX, ISWC 2011.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from math import inf
from typing import TypeAlias

from hereditary_kg.planning import plan
from hereditary_kg.planning.cardinality import (
    FILTER_SELECTIVITY,
    Estimate,
    estimate_leaf,
    estimate_pattern,
    join_estimates,
)
from hereditary_kg.planning.fetching import FetchPlanner
from hereditary_kg.planning.fragment_planning import FragmentPlanner
from hereditary_kg.planning.join_chains import JoinChain
from hereditary_kg.planning.join_order import connected_parts, join_order, waiting_order
from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.locality import LocalPart
from hereditary_kg.planning.mixed_joins import split_join
from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.planning.units import (
    Unit,
    binds_node,
    is_connected,
    local_groups,
)
from hereditary_kg.sparql.algebra import (
    BGP,
    Expression,
    Filter,
    Graph,
    Pattern,
    Service,
    Variable,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    expression_variables,
    scope_variables,
)

__all__ = ["JoinPlanner"]

# With two parts there is nothing left to be ordered once the first one has come.
_FEWEST_ORDERED = 3

Build: TypeAlias = Callable[[Pattern, AbstractSet[Variable]], plan.Node]


class JoinPlanner:
    """Plans joins.

    Args:
        fetching: plans requests.
        fragments: plans what the mediator evaluates.
        build: plans any pattern.
    """

    def __init__(self, fetching: FetchPlanner, fragments: FragmentPlanner, build: Build) -> None:
        self._fetching = fetching
        self._fragments = fragments
        self._build = build
        # What is joined with the part at hand from outside: an optional part is asked with the
        # bindings of what it is optional to.
        self._given: Estimate | None = None

    def join(
        self,
        parts: tuple[Pattern, ...],
        conditions: tuple[Expression, ...],
        needed: AbstractSet[Variable],
    ) -> tuple[plan.Node, tuple[Expression, ...]]:
        """Plan a join, with the conditions that its parts can check.

        Args:
            parts: what is joined.
            conditions: filters over it.
            needed: the variables that are wanted of it.

        Returns:
            The plan, and the conditions that are left to be checked above it.
        """
        units, conditions = self.units(parts, conditions)
        if self._fetching.optimise:
            units = split_join(units, self._fetching.sources, self._given)
        read = frozenset().union(needed, *map(expression_variables, conditions))
        return self._ordered(units, read), conditions

    def units(
        self, parts: tuple[Pattern, ...], conditions: tuple[Expression, ...]
    ) -> tuple[list[Unit], tuple[Expression, ...]]:
        """Give the units of a join, and the conditions that none of them can check."""
        return self._attach(self._units(parts), conditions)

    def join_units(self, units: list[Unit], needed: AbstractSet[Variable]) -> plan.Node:
        """Plan the join of units."""
        return self._ordered(units, needed)

    def build_beside(
        self, left: Pattern, right: Pattern, needed: AbstractSet[Variable]
    ) -> plan.Node:
        """Build the plan of ``right``, which will be asked with the bindings of ``left``."""
        outer, self._given = self._given, estimate_pattern(left, self._fetching.sources)
        node = self._build(right, needed)
        self._given = outer
        return node

    # Units

    def _units(self, parts: tuple[Pattern, ...]) -> list[Unit]:
        units: list[Unit] = []
        for part in parts:
            match part:
                case BGP():
                    units.extend(map(self._leaf_unit, pattern_leaves(part)))
                case Graph(_, BGP(triples)) if triples:
                    units.extend(map(self._leaf_unit, pattern_leaves(part)))
                case _:
                    units.append(self._unit(part))
        return local_groups(units, self._fetching.sources) if self._fetching.optimise else units

    def _unit(self, pattern: Pattern) -> Unit:
        part = self._fetching.part(pattern)
        estimate = estimate_pattern(pattern, self._fetching.sources)
        if part is None or not is_connected(pattern):
            return Unit(pattern, (), estimate, pushable=False)
        # What has lost count of its solutions can still be linked with what has not.
        alone = part.exact or part.whole
        return Unit(pattern, part.members or (), estimate, pushable=alone, part=part)

    def _leaf_unit(self, leaf: Leaf) -> Unit:
        members = self._fetching.members(leaf)
        single = self._fetching.only_member(leaf.pattern)
        part = self._fetching.locality.leaf_part(leaf) if self._fetching.optimise else None
        if single is not None and part is None:
            part = LocalPart((single,), exact=True)
        estimate = estimate_leaf(leaf, self._fetching.sources)
        pushable = not leaf.triple.is_path or single is not None
        return Unit(leaf.pattern, members, estimate, pushable, leaf, part)

    # Conditions

    def _attach(
        self, units: list[Unit], conditions: tuple[Expression, ...]
    ) -> tuple[list[Unit], tuple[Expression, ...]]:
        """Give each condition to the units that can check it; the rest stays above the join."""
        if not self._fetching.optimise:
            return units, conditions
        scope = {v for unit in units for v in scope_variables(unit.pattern)}
        left_over = []
        for condition in conditions:
            takers = [i for i, unit in enumerate(units) if self._can_check(unit, condition, scope)]
            for i in takers:
                pattern = Filter.of(condition, units[i].pattern)
                estimate = units[i].estimate.scaled(FILTER_SELECTIVITY)
                units[i] = replace(units[i], pattern=pattern, estimate=estimate)
            if not takers:
                left_over.append(condition)
        return units, tuple(left_over)

    def _can_check(self, unit: Unit, condition: Expression, scope: set[Variable]) -> bool:
        read = expression_variables(condition) & scope
        if not unit.pushable or not is_stable(condition):
            return False
        if not read or not read <= certain_variables(unit.pattern):
            return False
        if not any(expression_patterns(condition)):
            return True
        return self._fetching.part(Filter.of(condition, unit.pattern)) is not None

    # Order

    def _ordered(self, units: list[Unit], needed: AbstractSet[Variable]) -> plan.Node:
        """Join the units in the cheapest order."""
        if not units:
            return plan.InlineData((), ((),))
        ready = [unit for unit in units if not unit.waits]
        parts = connected_parts(ready)
        if self._fetching.optimise and self._given is None and len(parts) > 1:
            if len(ready) == len(units):
                return self._crossed(parts, needed)
            order = self._through_paths(parts, units)
        else:
            order = self._order(ready, self._given) if self._fetching.optimise else ready
        waiting = [unit for unit in units if unit.waits and unit not in order]
        order += waiting_order(waiting, {v for u in order for v in scope_variables(u.pattern)})
        estimate = order[0].estimate
        node = self._unit_plan(order[0], order[1:], needed)
        joined: list[tuple[Unit, plan.Node]] = [(order[0], node)]
        for position, unit in enumerate(order[1:], start=1):
            estimate = join_estimates((estimate, unit.estimate))
            start = self._path_start(unit, order[:position])
            if isinstance(unit.pattern, Service) and unit.waits:
                node = plan.ServiceJoin(node, plan.ServiceCall(unit.pattern))
            elif start is not None and unit.leaf is not None:
                node = plan.Reach(node, self._fragments.path(unit.leaf), start)
            else:
                others = [*order[:position], *order[position + 1 :]]
                right = self._unit_plan(unit, others, needed)
                joined.append((unit, right))
                chain = self._chain(joined) if len(joined) > position else None
                node = plan.Join(node, right, estimate, chain=chain)
        return node

    def _order(self, units: list[Unit], given: Estimate | None) -> list[Unit]:
        return join_order(units, given, self._fetching.sources.members)

    def _chain(self, parts: list[tuple[Unit, plan.Node]]) -> JoinChain | None:
        """Give what is joined so far as something that can be put in another order."""
        if not self._fetching.optimise or len(parts) < _FEWEST_ORDERED:
            return None
        return JoinChain(tuple(parts), self._fetching.sources.members)

    def _crossed(self, parts: list[list[Unit]], needed: AbstractSet[Variable]) -> plan.Node:
        """Join each part before the cross product of all of them."""
        estimates = [join_estimates(unit.estimate for unit in part) for part in parts]
        node = self._ordered(parts[0], needed)
        estimate = estimates[0]
        for part, size in zip(parts[1:], estimates[1:], strict=True):
            estimate = join_estimates((estimate, size))
            node = plan.Join(node, self._ordered(part, needed), estimate)
        return node

    def _through_paths(self, parts: list[list[Unit]], units: list[Unit]) -> list[Unit]:
        """Order parts that share no variable so that a path leads from one to the next."""
        first, *rest = parts
        order = self._order(first, None)
        while rest:
            reached = {variable for unit in order for variable in scope_variables(unit.pattern)}
            found = next(
                (
                    (unit, part)
                    for unit in units
                    if unit.waits and unit not in order and self._path_start(unit, order)
                    for part in rest
                    if _reaches(unit, part) and not _reaches(unit, part) <= reached
                ),
                None,
            )
            part = rest[0] if found is None else found[1]
            if found is not None:
                order.append(found[0])
            rest.remove(part)
            joined = join_estimates(unit.estimate for unit in order)
            order += self._order(part, joined if found is not None else None)
        return order

    def _path_start(self, unit: Unit, before: list[Unit]) -> Variable | None:
        """Give a variable of a path from whose terms it can be walked, if there is one.

        A path of zero length connects nodes, and only what a triple of the same graph binds
        is known to be one.
        """
        leaf = unit.leaf
        if not self._fetching.optimise or leaf is None or unit.pushable:
            return None
        ends = [
            end
            for end in (leaf.triple.subject, leaf.triple.object)
            if isinstance(end, Variable)
            and any(
                end in certain_variables(other.pattern)
                and (not leaf.zero_length or binds_node(other, end, leaf.graph))
                for other in before
            )
        ]
        if not ends:
            return None
        known = join_estimates(other.estimate for other in before).distinct
        return min(ends, key=lambda end: known.get(end, inf))

    def _unit_plan(
        self, unit: Unit, others: Iterable[Unit], needed: AbstractSet[Variable]
    ) -> plan.Node:
        if unit.leaf is not None and not unit.pushable:
            return self._fragments.fragment(unit.pattern)
        if unit.leaf is not None and unit.pattern == unit.leaf.pattern and unit.part is None:
            return self._fetching.fetch_leaf(unit.leaf)
        read = needed | {v for other in others for v in scope_variables(other.pattern)}
        if unit.branches:
            return plan.Union(tuple(self._ordered(list(each), read) for each in unit.branches))
        if unit.pushable:
            part = unit.part or LocalPart(unit.members, exact=len(unit.members) == 1)
            return self._fetching.fetch(unit.pattern, part, read, unit.estimate)
        return self._build(unit.pattern, read)


def _reaches(path: Unit, part: list[Unit]) -> frozenset[Variable]:
    """Give the variables of a path that a part binds."""
    bound = {variable for unit in part for variable in scope_variables(unit.pattern)}
    return frozenset(bound.intersection(scope_variables(path.pattern)))
