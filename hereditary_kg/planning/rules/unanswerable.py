"""Remove what no member can answer.

Before::

    { ?x :p ?y } UNION { ?x :nobodyHasThis ?y }

After::

    { ?x :p ?y }
"""

from hereditary_kg.planning.leaves import GraphName, graph_below, pattern_leaves
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

__all__ = ["remove_unanswerable"]


def remove_unanswerable(pattern: Pattern, sources: Sources) -> Pattern:
    """Replace every basic graph pattern with an unanswerable triple by the empty pattern.

    The constructors carry the emptiness up: through joins, unions, optionals and filters, but
    not through groups, projections and slices, whose answer over nothing may be a row.
    """
    return _remove(pattern, sources, None)


def _remove(pattern: Pattern, sources: Sources, graph: GraphName) -> Pattern:
    match pattern:
        case BGP():
            if any(not sources.candidates[leaf] for leaf in pattern_leaves(pattern, graph)):
                return empty(scope_variables(pattern))
            return pattern
        case Service():
            return pattern
        case _:
            inside = graph_below(pattern, graph)
            new = tuple(_remove(child, sources, inside) for child in children(pattern))
            return with_children(pattern, new)
