"""Fewer sources: a member whose values at a predicate a filter drops anyway is not asked.

Before::

    { ?x :age ?age FILTER(?age > 60) }      asked of all who use :age

After: not asked of the children's hospital, whose ages lie between 0 and 20.

A member may be left out of a pattern where every solution that has a match of the pattern has to
meet a condition on the pattern's object, and no object there meets it. That is so below a filter
wherever the pattern is matched in all solutions, and the object is the variable of the filter: not
in the optional part, nor where a sub-select hides the variable, cuts or counts its rows. A pattern
that stands at several places is looked at in all of them.
"""

from collections.abc import Iterable

from hereditary_kg.planning.leaves import Leaf, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.planning.value_ranges import refusal
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import (
    BGP,
    Dataset,
    Distinct,
    Expression,
    Extend,
    Filter,
    Graph,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Service,
    Union,
    Variable,
    children,
    conjunction,
    conjuncts,
)
from hereditary_kg.sparql.variables import (
    expression_patterns,
    expression_variables,
    pattern_expressions,
)

__all__ = ["exclude_by_ranges"]

_Conditions = tuple[Expression, ...]


def exclude_by_ranges(pattern: Pattern, sources: Sources) -> Sources:
    """Leave out candidates whose values at a predicate filters drop, whatever they are."""
    if sources.dataset != Dataset():
        return sources
    search = _Search(sources)
    search.visit(pattern, ())
    excluded = {leaf: refused for leaf, refused in search.refused.items() if refused}
    return sources.without(excluded) if excluded else sources


class _Search:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        # For each leaf the members that are refused wherever it stands, with the reason.
        self.refused: dict[Leaf, dict[str, str]] = {}

    def visit(self, pattern: Pattern, conditions: _Conditions) -> None:
        """Look at a pattern of whose solutions those count that meet all of ``conditions``."""
        match pattern:
            case BGP():
                for leaf in pattern_leaves(pattern):
                    self._meet(leaf, self._refused(leaf, conditions))
            case Filter(condition, inner):
                self.visit(inner, (*conditions, *conjuncts(condition)))
            case LeftJoin(left, right, condition):
                self.visit(left, conditions)
                self.visit(right, () if condition is None else tuple(conjuncts(condition)))
            case Minus(left, right):
                self.visit(left, conditions)
                self.visit(right, ())
            case Join() | Union() | Distinct() | Reduced() | OrderBy():
                for child in children(pattern):
                    self.visit(child, conditions)
            case Extend(inner, variable, _):
                self.visit(inner, tuple(_without(conditions, {variable})))
            case Project(inner, variables):
                self.visit(inner, tuple(_within(conditions, set(variables))))
            case Graph() | Service():
                return
            case _:
                for child in children(pattern):
                    self.visit(child, ())
        for expression in pattern_expressions(pattern):
            for tested in expression_patterns(expression):
                self.visit(tested, ())

    def _meet(self, leaf: Leaf, refused: dict[str, str]) -> None:
        known = self.refused.get(leaf)
        if known is None:
            self.refused[leaf] = refused
        else:
            self.refused[leaf] = {name: known[name] for name in known if name in refused}

    def _refused(self, leaf: Leaf, conditions: _Conditions) -> dict[str, str]:
        variable, predicate = leaf.triple.object, leaf.triple.predicate
        if not isinstance(variable, Variable) or not isinstance(predicate, IRI):
            return {}
        own = [each for each in conditions if variable in expression_variables(each)]
        if not own:
            return {}
        refuse = refusal(conjunction(own), variable)
        refused: dict[str, str] = {}
        for name in self._sources.candidates[leaf]:
            profile = self._sources.members[name].profile
            known = None if profile is None else profile.predicate(predicate.value)
            reason = None if known is None else refuse(known)
            if reason is not None:
                refused[name] = reason
        return refused


def _without(conditions: _Conditions, hidden: set[Variable]) -> Iterable[Expression]:
    return (each for each in conditions if not hidden & expression_variables(each))


def _within(conditions: _Conditions, shown: set[Variable]) -> Iterable[Expression]:
    return (each for each in conditions if expression_variables(each) <= shown)
