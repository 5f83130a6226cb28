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
from dataclasses import replace
from itertools import count

from hereditary_kg.planning import plan
from hereditary_kg.planning.cardinality import (
    FILTER_SELECTIVITY,
    Estimate,
    estimate_leaf,
    estimate_pattern,
    join_estimates,
)
from hereditary_kg.planning.correlation import is_uncorrelated
from hereditary_kg.planning.leaves import (
    GraphName,
    Leaf,
    edge_leaves,
    has_service,
    names_graphs,
    node_leaves,
    pattern_leaves,
    walked_edges,
)
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.planning.sources import Sources, pattern_candidates
from hereditary_kg.planning.units import (
    Unit,
    binds_node,
    connected_parts,
    exclusive_groups,
    is_connected,
    join_order,
    join_parts,
    waiting_order,
)
from hereditary_kg.rdf.terms import IRI, XSD, Literal
from hereditary_kg.sparql.algebra import (
    BGP,
    Aggregate,
    Call,
    Dataset,
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
    Union,
    Values,
    Variable,
    conjunction,
    conjuncts,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    expression_variables,
    mentioned_variables,
    scope_variables,
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
    needed = frozenset(scope_variables(pattern))
    members = pattern_candidates(pattern, sources)
    if any(sources.members[name].asked_once for name in members):
        return builder.build_at_once(pattern, needed)
    return builder.build(pattern, needed)


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

    def build_at_once(self, pattern: Pattern, needed: AbstractSet[Variable]) -> plan.Node:
        """Build a plan that asks members which may be asked once only a single time."""
        member = self._only_member(pattern)
        return (
            self._fragment(pattern) if member is None else self._fetch(pattern, (member,), needed)
        )

    def build(  # noqa: C901 - one case a node type
        self, pattern: Pattern, needed: AbstractSet[Variable]
    ) -> plan.Node:
        """Build the plan of ``pattern`` that gives at least the variables ``needed`` of it."""
        member = self._only_member(pattern)
        if member is not None and is_connected(pattern):
            return self._fetch(pattern, (member,), needed)
        match pattern:
            case BGP() | Join():
                return self._join(join_parts(pattern), (), needed)
            case Filter(condition, BGP() | Join() as inner):
                return self._join(join_parts(inner), tuple(conjuncts(condition)), needed)
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
            case Graph():
                return self._fragment(pattern)
            case Service():
                return plan.ServiceCall(pattern)

    # What members answer

    def _only_member(self, pattern: Pattern) -> str | None:
        """Give the one member that can answer all of ``pattern``, if there is one."""
        if not self.optimise or self.sources.merges_graphs or has_service(pattern):
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
        several = len(members) > 1 or self.sources.merges_graphs
        variables = scope if several else tuple(v for v in scope if v in needed)
        certain = certain_variables(pattern) & frozenset(variables)
        if estimate is None:
            estimate = estimate_pattern(pattern, self.sources)
        return plan.Fetch(pattern, members, variables, certain, several, None, estimate)

    def _fetch_leaf(self, leaf: Leaf) -> plan.Fetch:
        members = self._members(leaf)
        variables = leaf.variables
        # One member doubles rows as well where it merges the graphs of several FROM clauses.
        repeated = len(members) > 1 or self.sources.merges_graphs
        return plan.Fetch(
            leaf.pattern,
            members,
            variables,
            frozenset(variables),
            repeated,
            None,
            estimate_leaf(leaf, self.sources),
        )

    def _members(self, leaf: Leaf) -> tuple[str, ...]:
        if self.optimise or self.sources.dataset != Dataset():
            return self.sources.candidates[leaf]
        return tuple(self.sources.members)

    def _fragment(self, pattern: Pattern, graph: GraphName = None) -> plan.Fragment:
        """Plan ``pattern`` over a store of everything that it can touch."""
        leaves = tuple(pattern_leaves(pattern, graph))
        edges = dict.fromkeys(edge for leaf in leaves for edge in edge_leaves(leaf))
        nodes = dict.fromkeys(node for leaf in leaves for node in node_leaves(leaf))
        kept = tuple(leaf for leaf in (*edges, *nodes) if self._members(leaf))
        fetches = tuple(
            self._fetch_leaf(leaf) if leaf in edges else replace(self._fetch_leaf(leaf), limit=1)
            for leaf in kept
        )
        fetches, at_once = self._asked_once(fetches)
        services = (node for node in walk(pattern) if isinstance(node, Service))
        return plan.Fragment(
            pattern,
            kept,
            fetches,
            at_once,
            self._graph_names() if names_graphs(pattern) else (),
            tuple(plan.ServiceCall(service) for service in dict.fromkeys(services)),
            scope_variables(pattern),
            certain_variables(pattern),
        )

    def _asked_once(
        self, fetches: tuple[plan.Fetch, ...]
    ) -> tuple[tuple[plan.Fetch, ...], tuple[plan.Fetch, ...]]:
        """Take members that may be asked once only out of ``fetches``, into one fetch each."""
        at_once = []
        for name in (view.name for view in self.sources.members.values() if view.asked_once):
            parts = [
                Extend(
                    fetch.pattern if fetch.limit is None else Slice(fetch.pattern, 0, fetch.limit),
                    plan.LEAF_NUMBER,
                    Literal(str(number), XSD + "integer"),
                )
                for number, fetch in enumerate(fetches)
                if name in fetch.members
            ]
            if parts:
                united = Union.of(parts)
                needed = frozenset(scope_variables(united))
                at_once.append(self._fetch(united, (name,), needed, Estimate(0.0)))
        names = {fetch.members[0] for fetch in at_once}
        rest = (
            replace(fetch, members=tuple(name for name in fetch.members if name not in names))
            for fetch in fetches
        )
        return tuple(rest), tuple(at_once)

    def _graph_names(self) -> tuple[IRI, ...]:
        chosen = self.sources.dataset.named
        names = {
            name
            for member in self.sources.members.values()
            if member.profile is not None
            for name in member.profile.named_graphs
        }
        if self.sources.dataset != Dataset():
            names &= {iri.value for iri in chosen}
        return tuple(IRI(name) for name in sorted(names))

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

    def _units(self, parts: tuple[Pattern, ...]) -> list[Unit]:
        units: list[Unit] = []
        for part in parts:
            match part:
                case BGP():
                    units.extend(map(self._leaf_unit, pattern_leaves(part)))
                case Graph(_, BGP(triples)) if triples:
                    units.extend(map(self._leaf_unit, pattern_leaves(part)))
                case _:
                    member = self._only_member(part)
                    members = () if member is None else (member,)
                    estimate = estimate_pattern(part, self.sources)
                    units.append(Unit(part, members, estimate, member is not None))
        return exclusive_groups(units) if self.optimise else units

    def _leaf_unit(self, leaf: Leaf) -> Unit:
        members = self._members(leaf)
        pushable = not leaf.triple.is_path or self._only_member(leaf.pattern) is not None
        return Unit(leaf.pattern, members, estimate_leaf(leaf, self.sources), pushable, leaf)

    def _attach(
        self, units: list[Unit], conditions: tuple[Expression, ...]
    ) -> tuple[list[Unit], tuple[Expression, ...]]:
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

    def _can_check(self, unit: Unit, condition: Expression, scope: set[Variable]) -> bool:
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

    def _ordered(self, units: list[Unit], needed: AbstractSet[Variable]) -> plan.Node:
        """Join the units, the smallest first, then always the best connected one."""
        if not units:
            return plan.InlineData((), ((),))
        waiting = [unit for unit in units if unit.waits]
        ready = [unit for unit in units if not unit.waits]
        if self.optimise and not waiting and self._given is None:
            parts = connected_parts(ready)
            if len(parts) > 1:
                return self._crossed(parts, needed)
        order = join_order(ready, self._given) if self.optimise else ready
        order += waiting_order(waiting, {v for u in ready for v in scope_variables(u.pattern)})
        estimate = order[0].estimate
        node = self._unit_plan(order[0], order[1:], needed)
        for position, unit in enumerate(order[1:], start=1):
            estimate = join_estimates((estimate, unit.estimate))
            start = self._path_start(unit, order[:position])
            if isinstance(unit.pattern, Service) and unit.waits:
                node = plan.ServiceJoin(node, plan.ServiceCall(unit.pattern))
            elif start is not None and unit.leaf is not None:
                node = plan.Reach(node, self._path(unit.leaf), start)
            else:
                others = [*order[:position], *order[position + 1 :]]
                node = plan.Join(node, self._unit_plan(unit, others, needed), estimate)
        return node

    def _crossed(self, parts: list[list[Unit]], needed: AbstractSet[Variable]) -> plan.Node:
        """Join each part before the cross product of all of them."""
        estimates = [join_estimates(unit.estimate for unit in part) for part in parts]
        node = self._ordered(parts[0], needed)
        estimate = estimates[0]
        for part, size in zip(parts[1:], estimates[1:], strict=True):
            estimate = join_estimates((estimate, size))
            node = plan.Join(node, self._ordered(part, needed), estimate)
        return node

    def _path_start(self, unit: Unit, before: list[Unit]) -> Variable | None:
        """Give a variable of a path from whose terms it can be walked, if there is one.

        A path of zero length connects nodes, and only what a triple of the same graph binds
        is known to be one.
        """
        leaf = unit.leaf
        if not self.optimise or leaf is None or unit.pushable:
            return None
        for end in (leaf.triple.subject, leaf.triple.object):
            if not isinstance(end, Variable):
                continue
            for other in before:
                if end not in certain_variables(other.pattern):
                    continue
                if not leaf.zero_length or binds_node(other, end, leaf.graph):
                    return end
        return None

    def _path(self, leaf: Leaf) -> plan.Fragment:
        """Plan a path that is walked from given terms: its own edges are all it needs."""
        edges = tuple(edge for edge in walked_edges(leaf) if self._members(edge))
        names = self._graph_names() if leaf.graph is not None else ()
        fetches = tuple(self._fetch_leaf(edge) for edge in edges)
        certain = frozenset(leaf.variables)
        return plan.Fragment(leaf.pattern, edges, fetches, (), names, (), leaf.variables, certain)

    def _unit_plan(
        self, unit: Unit, others: Iterable[Unit], needed: AbstractSet[Variable]
    ) -> plan.Node:
        if unit.leaf is not None and not unit.pushable:
            return self._fragment(unit.pattern)
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
        if any(a.distinct and a.argument is None for _, a in pattern.aggregates):
            # COUNT(DISTINCT *) tells solutions apart by all of their variables.
            read |= frozenset(scope_variables(pattern.pattern))
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
