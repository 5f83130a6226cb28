"""From a pattern and its sources to a physical plan.

What one member can answer alone is asked of it whole: a part of the query whose every triple
pattern has that one candidate, filters, optionals, sub-selects and all. A basic graph pattern
over several members falls into exclusive groups (connected patterns with one and the same
single candidate) and single patterns asked of several; these are joined in the order of their
estimates, smallest first, connected ones before cross products.

Source: exclusive groups after Schwarte et al., FedX, ISWC 2011.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import count

import networkx as nx

from hereditary_kg.planning import plan
from hereditary_kg.planning.cardinality import (
    FILTER_SELECTIVITY,
    Estimate,
    estimate_pattern,
    estimate_triple,
    join_estimates,
)
from hereditary_kg.planning.correlation import is_uncorrelated
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.planning.sources import Sources, pattern_candidates
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Call,
    Distinct,
    Exists,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Graph,
    Group,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    OrderKey,
    Pattern,
    Project,
    Reduced,
    Service,
    Slice,
    TriplePattern,
    Union,
    Values,
    Variable,
    conjunction,
    conjuncts,
)
from hereditary_kg.sparql.errors import UnsupportedQueryError
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    expression_variables,
    mentioned_variables,
    scope_variables,
    triple_variables,
    walk,
)

__all__ = ["build_plan"]


def build_plan(pattern: Pattern, sources: Sources, *, optimise: bool = True) -> plan.Node:
    """Build the physical plan of ``pattern``.

    Args:
        pattern: a query's pattern, after the rules where ``optimise`` is set.
        sources: the candidates of its triple patterns.
        optimise: False asks every member for every triple pattern and does the rest at the
            mediator: slow, simple, and the yardstick for the optimised plan.
    """
    builder = _Builder(sources, mentioned_variables(pattern), optimise=optimise)
    return builder.build(pattern, frozenset(scope_variables(pattern)))


@dataclass(frozen=True)
class _Unit:
    """One part of a join: a pattern for members, or a plan already built."""

    pattern: Pattern
    members: tuple[str, ...]
    estimate: Estimate
    pushable: bool
    """Whether ``members`` evaluate the pattern; else the mediator builds a plan for it."""

    @property
    def exclusive(self) -> bool:
        """Whether one member alone answers the unit."""
        return self.pushable and len(self.members) == 1


class _Builder:
    def __init__(self, sources: Sources, named: AbstractSet[Variable], *, optimise: bool) -> None:
        self.sources = sources
        self._named = named
        self.optimise = optimise
        self._numbers = count(1)
        # What is joined with the part at hand from outside: an optional part is asked with the
        # bindings of what it is optional to.
        self._given: Estimate | None = None

    # Dispatch

    def build(  # noqa: C901 - one case a node type
        self, pattern: Pattern, needed: AbstractSet[Variable]
    ) -> plan.Node:
        """Build the plan of ``pattern`` that gives at least the variables ``needed`` of it."""
        member = self._only_member(pattern)
        if member is not None and _is_connected(pattern):
            return self._fetch(pattern, (member,), needed)
        match pattern:
            case BGP() | Join():
                return self._join(_parts(pattern), (), needed)
            case Filter(condition, BGP() | Join() as inner):
                return self._join(_parts(inner), tuple(conjuncts(condition)), needed)
            case Filter(condition, inner):
                read = needed | expression_variables(condition)
                return self._filter(self.build(inner, read), condition)
            case Values(variables, rows):
                return plan.InlineData(variables, rows)
            case LeftJoin():
                return self._left_join(pattern, needed)
            case Union(branches):
                return plan.Union(tuple(self.build(branch, needed) for branch in branches))
            case Extend(inner, variable, expression):
                read = (needed - {variable}) | expression_variables(expression)
                return self._extend(self.build(inner, read), variable, expression)
            case Minus(left, right):
                return self._minus(left, right, needed)
            case Group():
                return self._group(pattern)
            case Project(inner, variables):
                kept = tuple(v for v in variables if v in needed)
                return plan.Project(self.build(inner, frozenset(variables)), kept)
            case Distinct(inner):
                return plan.Distinct(self.build(inner, frozenset(scope_variables(inner))))
            case Reduced(inner):
                return self.build(inner, needed)
            case OrderBy(inner, keys):
                return self._order_by(inner, keys, needed)
            case Slice(inner, offset, limit):
                node = self.build(inner, needed)
                if limit is not None and self.optimise:
                    node = _with_limit(node, offset + limit)
                return plan.Slice(node, offset, limit)
            case Graph() | Service():
                raise UnsupportedQueryError(f"{type(pattern).__name__.upper()} is not supported")

    # What members answer

    def _only_member(self, pattern: Pattern) -> str | None:
        """Give the one member that can answer all of ``pattern``, if there is one."""
        if not self.optimise:
            return None
        members = pattern_candidates(pattern, self.sources)
        return next(iter(members)) if len(members) == 1 else None

    def _fetch(
        self,
        pattern: Pattern,
        members: tuple[str, ...],
        needed: AbstractSet[Variable],
        estimate: Estimate | None = None,
    ) -> plan.Fetch:
        scope = scope_variables(pattern)
        # Rows of several members can only be told apart by all of their variables.
        several = len(members) > 1
        variables = scope if several else tuple(v for v in scope if v in needed)
        certain = certain_variables(pattern) & frozenset(variables)
        if estimate is None:
            estimate = estimate_pattern(pattern, self.sources)
        return plan.Fetch(pattern, members, variables, certain, several, None, estimate)

    def _fetch_triple(self, triple: TriplePattern) -> plan.Fetch:
        members = self._members(triple)
        variables = triple_variables(triple)
        pattern = BGP((triple,))
        several = len(members) > 1
        estimate = estimate_triple(triple, self.sources)
        return plan.Fetch(
            pattern, members, variables, frozenset(variables), several, None, estimate
        )

    def _members(self, triple: TriplePattern) -> tuple[str, ...]:
        if self.optimise:
            return self.sources.candidates[triple]
        return tuple(self.sources.members)

    def _fragment(self, pattern: Pattern) -> plan.Fragment:
        triples: dict[TriplePattern, None] = {}
        for node in walk(pattern):
            if isinstance(node, BGP):
                triples.update(dict.fromkeys(node.triples))
        fetches = tuple(self._fetch_triple(triple) for triple in triples if self._members(triple))
        return plan.Fragment(pattern, fetches, scope_variables(pattern), certain_variables(pattern))

    # Joins

    def _join(
        self,
        parts: tuple[Pattern, ...],
        conditions: tuple[Expression, ...],
        needed: AbstractSet[Variable],
    ) -> plan.Node:
        units = self._units(parts)
        units, conditions = self._attach(units, conditions)
        read = frozenset().union(needed, *map(expression_variables, conditions))
        node = self._ordered(units, read)
        return self._filter(node, conjunction(conditions)) if conditions else node

    def _units(self, parts: tuple[Pattern, ...]) -> list[_Unit]:
        units: list[_Unit] = []
        for part in parts:
            if isinstance(part, BGP):
                units.extend(map(self._triple_unit, part.triples))
            else:
                members = tuple(sorted(pattern_candidates(part, self.sources)))
                pushable = self.optimise and len(members) == 1
                units.append(_Unit(part, members, estimate_pattern(part, self.sources), pushable))
        return _exclusive_groups(units) if self.optimise else units

    def _triple_unit(self, triple: TriplePattern) -> _Unit:
        estimate = estimate_triple(triple, self.sources)
        return _Unit(BGP((triple,)), self._members(triple), estimate, pushable=True)

    def _attach(
        self, units: list[_Unit], conditions: tuple[Expression, ...]
    ) -> tuple[list[_Unit], tuple[Expression, ...]]:
        """Give each condition to the units that can check it; the rest stays above the join."""
        if not self.optimise:
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

    def _can_check(self, unit: _Unit, condition: Expression, scope: set[Variable]) -> bool:
        read = expression_variables(condition) & scope
        if not unit.pushable or not is_stable(condition):
            return False
        if not read or not read <= certain_variables(unit.pattern):
            return False
        patterns = tuple(expression_patterns(condition))
        if not patterns:
            return True
        asked = frozenset().union(*(pattern_candidates(p, self.sources) for p in patterns))
        return unit.exclusive and asked <= set(unit.members)

    def _ordered(self, units: list[_Unit], needed: AbstractSet[Variable]) -> plan.Node:
        """Join the units, the smallest first, then always the best connected one."""
        if not units:
            return plan.InlineData((), ((),))
        order = _join_order(units, self._given) if self.optimise else units
        estimate = order[0].estimate
        node = self._unit_plan(order[0], order[1:], needed)
        for position, unit in enumerate(order[1:], start=1):
            others = [*order[:position], *order[position + 1 :]]
            right = self._unit_plan(unit, others, needed)
            estimate = join_estimates((estimate, unit.estimate))
            node = plan.Join(node, right, estimate)
        return node

    def _unit_plan(
        self, unit: _Unit, others: Iterable[_Unit], needed: AbstractSet[Variable]
    ) -> plan.Node:
        read = needed | {v for other in others for v in scope_variables(other.pattern)}
        if unit.pushable:
            return self._fetch(unit.pattern, unit.members, read, unit.estimate)
        return self.build(unit.pattern, read)

    def _left_join(self, pattern: LeftJoin, needed: AbstractSet[Variable]) -> plan.Node:
        condition = pattern.condition
        if condition is not None and any(expression_patterns(condition)):
            return self._fragment(pattern)
        read = set(needed) | (set() if condition is None else expression_variables(condition))
        left = self.build(pattern.left, read | set(scope_variables(pattern.right)))
        needed_right = read | set(scope_variables(pattern.left))
        right = self._build_beside(pattern.left, pattern.right, needed_right)
        return plan.LeftJoin(left, right, condition)

    def _build_beside(
        self, left: Pattern, right: Pattern, needed: AbstractSet[Variable]
    ) -> plan.Node:
        """Build the plan of ``right``, which will be asked with the bindings of ``left``."""
        outer, self._given = self._given, estimate_pattern(left, self.sources)
        node = self.build(right, needed)
        self._given = outer
        return node

    def _minus(self, left: Pattern, right: Pattern, needed: AbstractSet[Variable]) -> plan.Node:
        shared = set(scope_variables(left)) & set(scope_variables(right))
        if not shared:
            return self.build(left, needed)
        subtracted = self._build_beside(left, right, shared)
        return plan.Minus(self.build(left, needed | shared), subtracted)

    # Expressions

    def _filter(self, node: plan.Node, condition: Expression) -> plan.Node:
        before = node.variables
        node, condition = self._with_marks(node, condition)
        filtered = plan.Filter(node, condition)
        return filtered if node.variables == before else plan.Project(filtered, before)

    def _extend(self, node: plan.Node, variable: Variable, expression: Expression) -> plan.Node:
        before = node.variables
        node, expression = self._with_marks(node, expression)
        extended = plan.Extend(node, variable, expression)
        if node.variables == before:
            return extended
        return plan.Project(extended, (*before, variable))

    def _group(self, pattern: Group) -> plan.Node:
        read = frozenset(pattern.keys).union(
            *(expression_variables(aggregate) for _, aggregate in pattern.aggregates)
        )
        node = self.build(pattern.pattern, read)
        aggregates = []
        for variable, aggregate in pattern.aggregates:
            if aggregate.argument is not None:
                node, argument = self._with_marks(node, aggregate.argument)
                aggregate = replace(aggregate, argument=argument)  # noqa: PLW2901 - with marks
            aggregates.append((variable, aggregate))
        return plan.Group(node, pattern.keys, tuple(aggregates))

    def _order_by(
        self, inner: Pattern, keys: tuple[OrderKey, ...], needed: AbstractSet[Variable]
    ) -> plan.Node:
        read = frozenset(needed).union(*(expression_variables(k.expression) for k in keys))
        node = self.build(inner, read)
        before = node.variables
        marked = []
        for key in keys:
            node, expression = self._with_marks(node, key.expression)
            marked.append(OrderKey(expression, key.descending))
        ordered = plan.OrderBy(node, tuple(marked))
        return ordered if node.variables == before else plan.Project(ordered, before)

    def _with_marks(self, node: plan.Node, expression: Expression) -> tuple[plan.Node, Expression]:
        """Replace each EXISTS by a variable that a :class:`plan.Mark` binds."""
        match expression:
            case Exists(pattern, negated):
                variable = self._fresh_variable()
                node = plan.Mark(node, variable, pattern, self._exists(pattern, node))
                return node, Call("!", (variable,)) if negated else variable
            case Call(_, arguments) | FunctionCall(_, arguments):
                new = []
                for argument in arguments:
                    node, marked = self._with_marks(node, argument)
                    new.append(marked)
                return node, replace(expression, arguments=tuple(new))
            case Aggregate():
                raise TypeError("an aggregate stands outside of a group")
            case _:
                return node, expression

    def _fresh_variable(self) -> Variable:
        while True:
            variable = Variable(f"{Variable.HIDDEN}e{next(self._numbers)}")
            if variable not in self._named:
                return variable

    def _exists(self, pattern: Pattern, node: plan.Node) -> plan.Node:
        outer = frozenset(node.variables)
        if not self.optimise or not is_uncorrelated(pattern, outer):
            return self._fragment(pattern)
        return self.build(apply_rules(pattern, self.sources), outer & mentioned_variables(pattern))


def _parts(pattern: BGP | Join) -> tuple[Pattern, ...]:
    return pattern.parts if isinstance(pattern, Join) else (pattern,)


def _is_connected(pattern: Pattern) -> bool:
    """Whether a join holds together by variables: a cross product is cheaper to ship in parts."""
    while isinstance(pattern, Filter | Project | Distinct | Reduced):
        pattern = pattern.pattern
    if not isinstance(pattern, BGP | Join):
        return True
    groups: list[frozenset[Variable]] = []
    for part in _parts(pattern):
        if isinstance(part, BGP):
            groups.extend(frozenset(triple_variables(triple)) for triple in part.triples)
        else:
            groups.append(frozenset(scope_variables(part)))
    groups = [group for group in groups if group]
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(groups)))
    graph.add_edges_from(
        (i, j) for i in range(len(groups)) for j in range(i) if groups[i] & groups[j]
    )
    return len(groups) <= 1 or nx.is_connected(graph)


def _exclusive_groups(units: list[_Unit]) -> list[_Unit]:
    """Merge connected units that have the same single member."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(units)))
    scopes = [frozenset(scope_variables(unit.pattern)) for unit in units]
    for i, unit in enumerate(units):
        for j in range(i):
            same = unit.exclusive and units[j].exclusive and unit.members == units[j].members
            if same and scopes[i] & scopes[j]:
                graph.add_edge(i, j)
    merged = []
    for component in nx.connected_components(graph):
        group = [units[i] for i in sorted(component)]
        if len(group) == 1:
            merged.append(group[0])
        else:
            pattern = Join.of(unit.pattern for unit in group)
            estimate = join_estimates(unit.estimate for unit in group)
            merged.append(_Unit(pattern, group[0].members, estimate, pushable=True))
    return merged


def _join_order(units: list[_Unit], given: Estimate | None) -> list[_Unit]:
    waiting = sorted(units, key=lambda unit: unit.estimate.rows)
    order: list[_Unit] = []
    joined = given or waiting[0].estimate
    bound = set(joined.distinct)
    if given is None:
        order.append(waiting.pop(0))
    while waiting:
        connected = [u for u in waiting if bound & set(scope_variables(u.pattern))] or waiting
        best = min(connected, key=lambda unit: join_estimates((joined, unit.estimate)).rows)
        waiting.remove(best)
        order.append(best)
        joined = join_estimates((joined, best.estimate))
        bound |= set(scope_variables(best.pattern))
    return order


def _with_limit(node: plan.Node, limit: int) -> plan.Node:
    """Tell requests directly below how many rows are enough."""
    match node:
        case plan.Project(inner, kept):
            return plan.Project(_with_limit(inner, limit), kept)
        case plan.Union(branches):
            return plan.Union(tuple(_with_limit(branch, limit) for branch in branches))
        case plan.Fetch():
            return replace(node, limit=limit)
        case _:
            return node
