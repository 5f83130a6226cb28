"""Remove what no member can answer.

Before::

    { ?x :p ?y } UNION { ?x :nobodyHasThis ?y }

After::

    { ?x :p ?y }
"""

from collections.abc import Set as AbstractSet

from hereditary_kg.planning.leaves import GraphName, Leaf, graph_below, pattern_leaves
from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import (
    BGP,
    Pattern,
    Service,
    children,
    empty,
    with_children,
)
from hereditary_kg.sparql.variables import scope_variables

__all__ = ["remove_unanswerable", "without_leaves"]


def remove_unanswerable(pattern: Pattern, sources: Sources) -> Pattern:
    """Replace every basic graph pattern with an unanswerable triple by the empty pattern.

    The constructors carry the emptiness up: through joins, unions, optionals and filters, but
    not through groups, projections and slices, whose answer over nothing may be a row.
    """
    leaves = {leaf for leaf in pattern_leaves(pattern) if not sources.candidates[leaf]}
    return without_leaves(pattern, leaves) if leaves else pattern


def without_leaves(pattern: Pattern, leaves: AbstractSet[Leaf]) -> Pattern:
    """Replace every basic graph pattern with one of ``leaves``, which match nothing."""
    return _remove(pattern, leaves, None)


def _remove(pattern: Pattern, leaves: AbstractSet[Leaf], graph: GraphName) -> Pattern:
    match pattern:
        case BGP():
            if not leaves.isdisjoint(pattern_leaves(pattern, graph)):
                return empty(scope_variables(pattern))
            return pattern
        case Service():
            return pattern
        case _:
            inside = graph_below(pattern, graph)
            new = tuple(_remove(child, leaves, inside) for child in children(pattern))
            return with_children(pattern, new)
