"""Check the condition of an OPTIONAL inside it.

Before::

    { ?x :name ?name OPTIONAL { ?x :age ?age FILTER(?age > 60 && ?name != "Ann") } }

After::

    { ?x :name ?name OPTIONAL { { ?x :age ?age FILTER(?age > 60) } FILTER(?name != "Ann") } }

A filter that ends an optional group is the condition of a left join (section 18.2.2.6) and sees
both sides. What it reads of the optional side alone, or of the outer side only where the optional
side always binds the same variable, can be checked before the join, by whoever answers that side.
"""

from collections.abc import Set as AbstractSet

from hereditary_kg.planning.rules.filters import is_stable
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    Expression,
    Filter,
    LeftJoin,
    Pattern,
    Variable,
    children,
    conjunction,
    conjuncts,
    with_children,
)
from hereditary_kg.sparql.variables import (
    certain_variables,
    expression_variables,
    mentioned_variables,
)

__all__ = ["push_conditions_into_optionals"]


def push_conditions_into_optionals(pattern: Pattern, sources: Sources) -> Pattern:
    """Move what each condition reads of the optional side alone into that side."""
    new = tuple(push_conditions_into_optionals(child, sources) for child in children(pattern))
    pattern = with_children(pattern, new)
    if not isinstance(pattern, LeftJoin) or pattern.condition is None:
        return pattern
    left, right = pattern.left, pattern.right
    outer = mentioned_variables(left) - certain_variables(right)
    kept = []
    for condition in conjuncts(pattern.condition):
        if _is_inner(condition, outer):
            right = Filter.of(condition, right)
        else:
            kept.append(condition)
    return LeftJoin.of(left, right, conjunction(kept) if kept else None)


def _is_inner(condition: Expression, outer: AbstractSet[Variable]) -> bool:
    return is_stable(condition) and not expression_variables(condition) & outer
