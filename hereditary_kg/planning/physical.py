"""From a pattern and its sources to a physical plan.

What one member can answer alone is asked of it whole: a part of the query whose every triple
pattern has that one candidate, filters, optionals, sub-selects and all. So is what several
members can answer each for itself (:mod:`hereditary_kg.planning.locality`). The rest is joined
at the mediator (:mod:`hereditary_kg.planning.join_planning`).
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import count

from hereditary_kg.planning import plan
from hereditary_kg.planning.correlation import is_uncorrelated
from hereditary_kg.planning.fetching import FetchPlanner
from hereditary_kg.planning.fragment_planning import FragmentPlanner
from hereditary_kg.planning.grouped_joins import group_before_join, with_grouped
from hereditary_kg.planning.join_planning import JoinPlanner
from hereditary_kg.planning.locality import LocalPart
from hereditary_kg.planning.partial_aggregates import split_group
from hereditary_kg.planning.rules import apply_rules
from hereditary_kg.planning.sources import Sources, pattern_candidates
from hereditary_kg.planning.top_rows import ordered_rows, sorts_alike
from hereditary_kg.planning.units import is_connected, join_parts
from hereditary_kg.rdf.terms import XSD, Literal
from hereditary_kg.semantics.included_patterns import with_named_inclusions
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
    Union,
    Values,
    Variable,
    conjunction,
    conjuncts,
    is_empty,
)
from hereditary_kg.sparql.variables import (
    expression_patterns,
    expression_variables,
    mentioned_variables,
    scope_variables,
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
        self._fetching = FetchPlanner(sources, optimise=optimise)
        self._fragments = FragmentPlanner(self._fetching)
        self._joins = JoinPlanner(self._fetching, self._fragments, self.build)

    # Dispatch

    def build_at_once(self, pattern: Pattern, needed: AbstractSet[Variable]) -> plan.Node:
        """Build a plan that asks members which may be asked once only a single time."""
        member = self._fetching.only_member(pattern)
        if member is None:
            return self._fragments.fragment(pattern)
        return self._fetching.fetch(pattern, LocalPart((member,), exact=True), needed)

    def build(  # noqa: C901 - one case a node type
        self, pattern: Pattern, needed: AbstractSet[Variable]
    ) -> plan.Node:
        """Build the plan of ``pattern`` that gives at least the variables ``needed`` of it."""
        whole = self._fetching.whole(pattern, needed)
        if whole is not None:
            return whole
        match pattern:
            case BGP() | Join():
                return self._join(pattern, (), needed)
            case Filter(condition, BGP() | Join() as inner):
                return self._join(inner, tuple(conjuncts(condition)), needed)
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
                return plan.Slice(self._sliced(inner, offset, limit, needed), offset, limit)
            case Graph():
                return self._fragments.fragment(pattern)
            case Service():
                return plan.ServiceCall(pattern)

    # Slices

    def _sliced(
        self, inner: Pattern, offset: int, limit: int | None, needed: AbstractSet[Variable]
    ) -> plan.Node:
        """Plan what a slice is cut from; members send no more of it than can matter."""
        if limit is None or not self.optimise:
            return self.build(inner, needed)
        top = self._top_rows(inner, offset + limit, needed)
        return top or _with_limit(self.build(inner, needed), offset + limit)

    def _top_rows(
        self, pattern: Pattern, rows: int, needed: AbstractSet[Variable]
    ) -> plan.Node | None:
        """Plan to ask each member for its first rows, if all of them sort alike."""
        found = ordered_rows(pattern)
        part = None if found is None else self._fetching.part(found[0].pattern)
        if found is None or part is None or len(part.members or ()) < 2:
            return None
        ordering, projected, distinct = found
        members = [self.sources.members[name] for name in part.members or ()]
        if any(member.cuts_off(rows) for member in members) or not sorts_alike(ordering.keys, part):
            return None
        if not is_connected(ordering.pattern) or not (distinct or part.exact or part.whole):
            return None
        read = frozenset().union(*(expression_variables(key.expression) for key in ordering.keys))
        shown = frozenset(scope_variables(ordering.pattern) if projected is None else projected)
        if distinct:
            if not read <= shown:
                return None
            asked = replace(part, exact=False, whole=True)
            fetch = self._fetching.fetch(pattern, asked, shown)
        else:
            fetch = self._fetching.fetch(ordering, part, shown | read)
        node = plan.OrderBy(replace(fetch, limit=rows), ordering.keys)
        kept = tuple(v for v in projected or scope_variables(pattern) if v in needed)
        return node if node.variables == kept else plan.Project(node, kept)

    # Joins

    def _join(
        self,
        pattern: BGP | Join,
        conditions: tuple[Expression, ...],
        needed: AbstractSet[Variable],
    ) -> plan.Node:
        node, conditions = self._joins.join(join_parts(pattern), conditions, needed)
        return self._filter(node, conjunction(conditions)) if conditions else node

    def _left_join(self, pattern: LeftJoin, needed: AbstractSet[Variable]) -> plan.Node:
        condition = pattern.condition
        if condition is not None and any(expression_patterns(condition)):
            return self._fragments.fragment(pattern)
        read = set(needed) | (set() if condition is None else expression_variables(condition))
        left = self.build(pattern.left, read | set(scope_variables(pattern.right)))
        needed_right = read | set(scope_variables(pattern.left))
        right = self._joins.build_beside(pattern.left, pattern.right, needed_right)
        return plan.LeftJoin(left, right, condition)

    def _minus(self, left: Pattern, right: Pattern, needed: AbstractSet[Variable]) -> plan.Node:
        shared = set(scope_variables(left)) & set(scope_variables(right))
        if not shared:
            return self.build(left, needed)
        subtracted = self._joins.build_beside(left, self._tested(right, shared), shared)
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
        merged = self._merged_group(pattern) or self._grouped_join(pattern)
        if merged is not None:
            return merged
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

    def _merged_group(self, pattern: Group) -> plan.Node | None:
        """Plan to merge the groups of several members, if that is exact."""
        part = self._fetching.part(pattern.pattern)
        if part is None or len(part.members or ()) < 2 or not is_connected(pattern.pattern):
            return None
        split = split_group(pattern, part, self._fresh_variable)
        if split is None:
            return None
        partial = split.partial
        needed = frozenset(scope_variables(partial))
        node: plan.Node = self._fetching.fetch(partial, part, needed, merged=True)
        if split.size is not None:
            node = plan.Filter(node, Call(">", (split.size, Literal("0", XSD + "integer"))))
        return self._merge(plan.Group(node, pattern.keys, split.merging), split.computed, pattern)

    def _grouped_join(self, pattern: Group) -> plan.Node | None:
        """Plan to group one side of a join before it is joined, if that is exact and saves rows."""
        match pattern.pattern:
            case Filter(condition, BGP() | Join() as inner) if self.optimise:
                conditions = tuple(conjuncts(condition))
            case BGP() | Join() as inner if self.optimise:
                conditions = ()
            case _:
                return None
        units, left_over = self._joins.units(join_parts(inner), conditions)
        found = None if left_over else group_before_join(pattern, units, self._fresh_variable)
        if found is None:
            return None
        read = frozenset(pattern.keys).union(v for v, _ in found.grouped.aggregates)
        node = self._joins.join_units(with_grouped(units, found), read)
        return self._merge(plan.Group(node, pattern.keys, found.merging), found.computed, pattern)

    @staticmethod
    def _merge(
        node: plan.Node, computed: tuple[tuple[Variable, Expression], ...], pattern: Group
    ) -> plan.Node:
        for variable, expression in computed:
            node = plan.Extend(node, variable, expression)
        return plan.Project(node, scope_variables(pattern))

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
                right = self._exists(pattern, node)
                if isinstance(right, plan.Fragment):
                    # It is evaluated row by row, over what was fetched.
                    pattern = with_named_inclusions(pattern)
                node = plan.Mark(node, variable, pattern, right)
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
            return self._fragments.fragment(pattern)
        shared = outer & mentioned_variables(pattern)
        return self.build(self._tested(apply_rules(pattern, self.sources), shared), shared)

    def _tested(self, pattern: Pattern, shared: AbstractSet[Variable]) -> Pattern:
        """Reduce what rows are only compared with to the terms that they are compared by."""
        kept = tuple(variable for variable in scope_variables(pattern) if variable in shared)
        if not self.optimise or not kept or is_empty(pattern):
            return pattern
        return Distinct(Project(pattern, kept))


def _with_limit(node: plan.Node, limit: int) -> plan.Node:
    """Tell requests directly below how many rows are enough, and joins how many are wanted."""
    match node:
        case plan.Project(inner, kept):
            return plan.Project(_with_limit(inner, limit), kept)
        case plan.Union(branches):
            return plan.Union(tuple(_with_limit(branch, limit) for branch in branches))
        case plan.Fetch():
            return replace(node, limit=limit)
        case plan.LeftJoin():
            # No left row is lost.
            return replace(node, left=_with_limit(node.left, limit), wanted=limit)
        case _:
            return _wanting(node, limit)


def _wanting(node: plan.Node, rows: int) -> plan.Node:
    """Tell joins that about so many rows may be enough; they give more where they are not."""
    match node:
        case plan.Join() | plan.LeftJoin():
            return replace(node, left=_wanting(node.left, rows), wanted=rows)
        case plan.Minus():
            return replace(node, left=_wanting(node.left, rows))
        case plan.Filter() | plan.Extend() | plan.Mark() | plan.Project():
            return replace(node, input=_wanting(node.input, rows))
        case plan.Union(branches):
            return plan.Union(tuple(_wanting(branch, rows) for branch in branches))
        case _:
            return node
