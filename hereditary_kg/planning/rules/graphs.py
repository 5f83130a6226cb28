"""Move GRAPH down to basic graph patterns, so that these can be asked one by one.

Before::

    GRAPH ?g { ?x :p ?y . ?y :q ?z FILTER(?z > 3) }

After::

    GRAPH ?g { ?x :p ?y . ?y :q ?z } FILTER(?z > 3)

A filter that reads the graph's variable stays inside, where it is not bound yet; EXISTS
stays, for its pattern is matched in the graph as well.
"""

from hereditary_kg.planning.sources import Sources
from hereditary_kg.sparql.algebra import Filter, Graph, Join, Pattern, children, with_children
from hereditary_kg.sparql.variables import expression_patterns, expression_variables

__all__ = ["push_graphs_down"]


def push_graphs_down(pattern: Pattern, sources: Sources) -> Pattern:
    """Move every GRAPH into the joins and filters below it."""
    match pattern:
        case Graph(name, Join(parts)):
            return Join.of(push_graphs_down(Graph(name, part), sources) for part in parts)
        case Graph(name, Filter(condition, inner)):
            reads_name = name in expression_variables(condition)
            if reads_name or any(expression_patterns(condition)):
                return pattern
            return Filter.of(condition, push_graphs_down(Graph(name, inner), sources))
        case Graph():
            return pattern
        case _:
            new = tuple(push_graphs_down(child, sources) for child in children(pattern))
            return with_children(pattern, new)
