"""Move filters to where their variables are bound.

Before::

    { ?x :age ?age . OPTIONAL { ?x :name ?name } FILTER(?age > 60) }

After::

    { { ?x :age ?age FILTER(?age > 60) } OPTIONAL { ?x :name ?name } }

A condition moves only into a part that binds every one of its variables in every solution,
so that it sees there exactly the terms that it saw above. Conditions that may differ from
one evaluation to the next (RAND, UUID …) and EXISTS stay where they are.
"""

from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    Call,
    Distinct,
    Expression,
    Extend,
    Filter,
    FunctionCall,
    Join,
    LeftJoin,
    Minus,
    OrderBy,
    Pattern,
    Project,
    Reduced,
    Union,
    children,
    conjuncts,
    with_children,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_patterns,
    expression_variables,
)

__all__ = ["is_stable", "push_filters_down"]

_UNSTABLE = frozenset(("RAND", "UUID", "STRUUID", "BNODE"))


def is_stable(expression: Expression) -> bool:
    """Whether every evaluation of ``expression`` over the same terms gives the same term."""
    match expression:
        case Call(name, arguments):
            return name not in _UNSTABLE and all(map(is_stable, arguments))
        case FunctionCall(_, arguments):
            return all(map(is_stable, arguments))
        case _:
            return True


def push_filters_down(pattern: Pattern, sources: Sources) -> Pattern:
    """Push every movable condition as far down as it goes."""
    if isinstance(pattern, Filter):
        inner = push_filters_down(pattern.pattern, sources)
        for condition in conjuncts(pattern.condition):
            inner = _push(condition, inner)
        return inner
    new = tuple(push_filters_down(child, sources) for child in children(pattern))
    return with_children(pattern, new)


def _push(condition: Expression, pattern: Pattern) -> Pattern:
    if not is_stable(condition) or any(expression_patterns(condition)):
        return Filter.of(condition, pattern)
    needed = expression_variables(condition)
    if not needed:
        return Filter.of(condition, pattern)
    match pattern:
        case Join(parts):
            if any(needed <= certain_variables(part) for part in parts):
                return Join.of(
                    _push(condition, part) if needed <= certain_variables(part) else part
                    for part in parts
                )
        case Union(branches) if all(needed <= certain_variables(b) for b in branches):
            return Union.of(_push(condition, branch) for branch in branches)
        case LeftJoin(left, right, inner) if needed <= certain_variables(left):
            return LeftJoin.of(_push(condition, left), right, inner)
        case Minus(left, right) if needed <= certain_variables(left):
            return Minus.of(_push(condition, left), right)
        case Extend(inner, variable, expression) if needed <= certain_variables(inner):
            return Extend(_push(condition, inner), variable, expression)
        case Filter(other, inner):
            return Filter.of(other, _push(condition, inner))
        case Project(inner, variables) if needed <= certain_variables(pattern):
            return Project(_push(condition, inner), variables)
        case Distinct(inner) | Reduced(inner) | OrderBy(inner):
            return with_children(pattern, (_push(condition, inner),))
    return Filter.of(condition, pattern)
