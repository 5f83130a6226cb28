"""Remove what no member can answer.

Before::

    { ?x :p ?y } UNION { ?x :nobodyHasThis ?y }

After::

    { ?x :p ?y }
"""

from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import BGP, Pattern, children, empty, with_children
from hereditary_kg.sparql.variables import scope_variables

__all__ = ["remove_unanswerable"]


def remove_unanswerable(pattern: Pattern, sources: Sources) -> Pattern:
    """Replace every basic graph pattern with an unanswerable triple by the empty pattern.

    The constructors carry the emptiness up: through joins, unions, optionals and filters, but
    not through groups, projections and slices, whose answer over nothing may be a row.
    """
    if isinstance(pattern, BGP):
        if any(not sources.candidates[triple] for triple in pattern.triples):
            return empty(scope_variables(pattern))
        return pattern
    new = tuple(remove_unanswerable(child, sources) for child in children(pattern))
    return with_children(pattern, new)
