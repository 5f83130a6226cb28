"""Fewer sources: a member whose terms at a pattern can be joined with nobody's is not asked.

The join graph of a query has an arc wherever two triple patterns share a variable. A member stays
a candidate for a pattern only if, along each arc, some member's terms there may be the same as its
own. What is left out along one arc can make others superfluous, until nothing changes any more.

Source: Mackworth, Consistency in Networks of Relations, Artificial Intelligence 8, 1977; as a
semi-join reduction of sources after Saleem and Ngonga Ngomo, HiBISCuS, ESWC 2014.
"""

from collections.abc import Iterable, Iterator, Sequence

from hereditary_kg.planning.domains import VariableEnd, leaf_ends
from hereditary_kg.planning.leaves import Leaf, joined_leaves, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    Pattern,
    Reduced,
    Service,
    Union,
    Values,
    Variable,
    children,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    pattern_expressions,
)

__all__ = ["reduce_sources"]

_MOST_ROUNDS = 10
_REASON = "nothing that it has there can be joined"

_Ends = dict[Variable, list[VariableEnd]]


def reduce_sources(pattern: Pattern, sources: Sources) -> Sources:
    """Leave out candidates that no solution of ``pattern`` can need.

    A pattern that stands at several places keeps what it needs at any of them.
    """
    if len(sources.members) < 2 or sources.merges_graphs:
        return sources
    kept: dict[Leaf, set[str]] = {}
    _Reduction(sources, kept).visit(pattern, {})
    excluded = {
        leaf: dict.fromkeys((n for n in sources.candidates[leaf] if n not in names), _REASON)
        for leaf, names in kept.items()
        if not names.issuperset(sources.candidates[leaf])
    }
    return sources.without(excluded) if excluded else sources


class _Reduction:
    def __init__(self, sources: Sources, kept: dict[Leaf, set[str]]) -> None:
        self._sources = sources
        self._kept = kept

    def visit(self, pattern: Pattern, outer: _Ends) -> None:
        """Reduce ``pattern``, each solution of which is joined with one of ``outer``."""
        match pattern:
            case BGP() | Join() | Graph(_, BGP()):
                self._visit_join(pattern, outer)
            case LeftJoin(left, right, _) | Minus(left, right):
                self.visit(left, outer)
                self.visit(right, self._beside(left, outer))
                self._visit_tested(pattern, {})
            case Filter(_, inner):
                self.visit(inner, outer)
                self._visit_tested(pattern, self._beside(inner, outer))
            case Union(branches):
                for branch in branches:
                    self.visit(branch, outer)
            case Distinct(inner) | Reduced(inner):
                self.visit(inner, outer)
            case Extend(inner, variable, _):
                self.visit(inner, {v: ends for v, ends in outer.items() if v != variable})
                self._visit_tested(pattern, {})
            case Service() | Graph():
                return
            case _:
                # What a sub-select counts, cuts or hides does not depend on what it is joined with.
                for child in children(pattern):
                    self.visit(child, {})
                self._visit_tested(pattern, {})

    def _visit_tested(self, pattern: Pattern, outer: _Ends) -> None:
        for expression in pattern_expressions(pattern):
            for tested in expression_patterns(expression):
                self.visit(tested, outer)

    def _visit_join(self, pattern: Pattern, outer: _Ends) -> None:
        parts = pattern.parts if isinstance(pattern, Join) else (pattern,)
        leaves: list[Leaf] = []
        for part in parts:
            if _is_basic(part):
                leaves += pattern_leaves(part)
        around = self._with(
            outer, (leaf for part in parts for leaf in joined_leaves(part) if leaf not in leaves)
        )
        values = [part for part in parts if isinstance(part, Values)]
        ends = self._reduce(leaves, around, values)
        for leaf in leaves:
            names = set(self._sources.candidates[leaf])
            for end in ends[leaf].values():
                names &= end.members
            self._kept.setdefault(leaf, set()).update(names)
        inner = {variable: list(found) for variable, found in around.items()}
        for found_ends in ends.values():
            for variable, end in found_ends.items():
                inner.setdefault(variable, []).append(end)
        for part in parts:
            if not isinstance(part, Values) and not _is_basic(part):
                self.visit(part, inner)

    def _reduce(
        self, leaves: Sequence[Leaf], around: _Ends, values: Sequence[Values]
    ) -> dict[Leaf, dict[Variable, VariableEnd]]:
        ends = {leaf: leaf_ends(leaf, self._sources) for leaf in leaves}
        for own in ends.values():
            _meet_values(own, values)
        consistent: set[tuple[VariableEnd, VariableEnd]] = set()
        for _ in range(_MOST_ROUNDS):
            changed = False
            for leaf, own in ends.items():
                for variable in own:
                    for other in _partners(leaf, variable, ends, around):
                        if (own[variable], other) in consistent:
                            continue
                        changed |= _restrict(own, own[variable].supported(other))
                        consistent.add((own[variable], other))
            if not changed:
                break
        return ends

    def _beside(self, pattern: Pattern, outer: _Ends) -> _Ends:
        """Give what is joined with each solution of what stands beside ``pattern``.

        What is joined with both of them only later decides here where ``pattern`` binds a variable
        for certain. Else a solution that could not be joined would make place for none, which can.
        """
        certain = certain_variables(pattern)
        bound = {variable: ends for variable, ends in outer.items() if variable in certain}
        return self._with(bound, joined_leaves(pattern))

    def _with(self, outer: _Ends, leaves: Iterable[Leaf]) -> _Ends:
        """Add the ends of leaves that every solution matches."""
        found = {variable: list(ends) for variable, ends in outer.items()}
        for leaf in leaves:
            for variable, end in leaf_ends(leaf, self._sources).items():
                found.setdefault(variable, []).append(end)
        return found


def _is_basic(pattern: Pattern) -> bool:
    return isinstance(pattern, BGP) or (
        isinstance(pattern, Graph) and isinstance(pattern.pattern, BGP)
    )


def _partners(
    leaf: Leaf,
    variable: Variable,
    ends: dict[Leaf, dict[Variable, VariableEnd]],
    around: _Ends,
) -> Iterator[VariableEnd]:
    for other, found in ends.items():
        if other != leaf and variable in found:
            yield found[variable]
    yield from around.get(variable, ())


def _restrict(ends: dict[Variable, VariableEnd], members: frozenset[str]) -> bool:
    """Keep only these members at all ends of a leaf; say whether that changed anything."""
    changed = False
    for variable, end in ends.items():
        ends[variable] = end.restricted(members)
        changed |= ends[variable] is not end
    return changed


def _meet_values(ends: dict[Variable, VariableEnd], values: Sequence[Values]) -> None:
    """Keep the members that may have one of the terms that the query itself lists."""
    for data in values:
        for position, variable in enumerate(data.variables):
            terms = [row[position] for row in data.rows]
            if variable in ends and None not in terms:
                members = frozenset(
                    name
                    for name, domain in ends[variable].domains.items()
                    if any(term is not None and domain.admits(term) for term in terms)
                )
                _restrict(ends, members)
