"""Paths between two open ends, told where they can start.

A path that is repeated any number of times connects up to as many pairs of nodes as there are.
Between two variables that nothing else binds Oxigraph computes all of them, in memory, before
it gives the first. Where one end is bound, it walks from each of its terms and gives what it
finds as it finds it. So an open end is bound to every subject and object of the graph, which
changes no answer: a path begins at one of those, also a path of zero length.

Before: ``{ ?x :p+ ?y }``

After: ``{ ?x :p+ ?y { SELECT DISTINCT ?x { { ?x ?1 ?2 } UNION { ?1 ?2 ?x } } } }``

Source: SPARQL 1.1 Query Language, sections 9.1 and 18.4.
"""

from collections.abc import Sequence

from hereditary_kg.sparql.algebra import (
    BGP,
    Distinct,
    Join,
    Pattern,
    Project,
    Service,
    TriplePattern,
    Union,
    Variable,
    children,
    with_children,
)
from hereditary_kg.sparql.paths import is_unbounded
from hereditary_kg.sparql.variables import triple_variables

__all__ = ["anchor_paths"]

_FIRST, _SECOND = (Variable(f"{Variable.HIDDEN}anchor{number}") for number in (1, 2))


def anchor_paths(pattern: Pattern) -> Pattern:
    """Bind an end of every path in ``pattern`` that is repeated between two open ends.

    Paths inside EXISTS are left as they are: there the row binds what they share with it.
    """
    match pattern:
        case BGP(triples):
            starts = [
                triple.subject
                for triple in triples
                if isinstance(triple.subject, Variable) and _is_far(triple, triples)
            ]
            anchors = map(_ends_of_triples, dict.fromkeys(starts))
            return Join.of((pattern, *anchors)) if starts else pattern
        case Service():
            return pattern
        case _:
            return with_children(pattern, tuple(map(anchor_paths, children(pattern))))


def _is_far(triple: TriplePattern, triples: Sequence[TriplePattern]) -> bool:
    if isinstance(triple.predicate, Variable) or not is_unbounded(triple.predicate):
        return False
    if not isinstance(triple.subject, Variable) or not isinstance(triple.object, Variable):
        return False
    others = {v for t in triples if not t.is_path for v in triple_variables(t)}
    return triple.subject not in others and triple.object not in others


def _ends_of_triples(variable: Variable) -> Pattern:
    as_subject = BGP((TriplePattern(variable, _FIRST, _SECOND),))
    as_object = BGP((TriplePattern(_FIRST, _SECOND, variable),))
    return Distinct(Project(Union((as_subject, as_object)), (variable,)))
