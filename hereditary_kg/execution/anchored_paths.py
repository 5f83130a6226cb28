"""Paths between two open ends, told where they can start.

A path that is repeated any number of times connects up to as many pairs of nodes as there are.
Between two variables that nothing else binds Oxigraph computes all of them, in memory, before
it gives the first. Where one end is bound, it walks from each of its terms and gives what it
finds as it finds it. So an open end is bound to every subject and object of the graph, which
changes no answer: a path begins at one of those, also a path of zero length.

Before: ``{ ?x :p+ ?y }``

After: ``{ { SELECT DISTINCT ?x { { ?x ?1 ?2 } UNION { ?1 ?2 ?x } } } OPTIONAL { ?x :p+ ?y }
FILTER(BOUND(?y)) }``

It is OPTIONAL because Oxigraph chooses the order of a join itself, and might begin with the path.

Source: SPARQL 1.1 Query Language, sections 9.1 and 18.4.
"""

from dataclasses import replace

from hereditary_kg.sparql.algebra import (
    BGP,
    Call,
    Distinct,
    Expression,
    Filter,
    Join,
    LeftJoin,
    Minus,
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
from hereditary_kg.sparql.variables import scope_variables, triple_variables

__all__ = ["anchor_paths"]

_FIRST, _SECOND = (Variable(f"{Variable.HIDDEN}anchor{number}") for number in (1, 2))


def anchor_paths(pattern: Pattern) -> Pattern:
    """Bind an end of every path in ``pattern`` that is repeated between two open ends.

    Paths inside EXISTS and OPTIONAL are left as they are: the row, or the left side, binds what
    they share with it.
    """
    return _anchor(pattern, frozenset())


def _anchor(pattern: Pattern, bound: frozenset[Variable]) -> Pattern:
    """Anchor the paths of ``pattern``, beside which ``bound`` gets its terms."""
    match pattern:
        case BGP(triples):
            plain = {v for t in triples if not t.is_path for v in triple_variables(t)}
            return _anchor_triples(triples, bound | plain)
        case Join(parts):
            scopes = [frozenset(scope_variables(part)) for part in parts]
            others = (bound.union(*scopes[:i], *scopes[i + 1 :]) for i in range(len(parts)))
            return Join.of(map(_anchor, parts, others))
        case LeftJoin(left, right, condition):
            return LeftJoin.of(_anchor(left, bound), right, condition)
        case Service():
            return pattern
        case Project() | Minus():
            return with_children(pattern, tuple(map(anchor_paths, children(pattern))))
        case _:
            below = (_anchor(child, bound) for child in children(pattern))
            return with_children(pattern, tuple(below))


def _anchor_triples(triples: tuple[TriplePattern, ...], bound: frozenset[Variable]) -> Pattern:
    parts: list[Pattern] = []
    for triple in triples:
        start = triple.subject
        if isinstance(start, Variable) and _is_far(triple) and not _ends(triple) & bound:
            parts.append(_anchored(triple, start))
            bound |= _ends(triple)
        else:
            parts.append(BGP((triple,)))
    return Join.of(parts)


def _is_far(triple: TriplePattern) -> bool:
    if isinstance(triple.predicate, Variable) or not is_unbounded(triple.predicate):
        return False
    return isinstance(triple.object, Variable)


def _ends(triple: TriplePattern) -> frozenset[Variable]:
    return frozenset(v for v in (triple.subject, triple.object) if isinstance(v, Variable))


def _anchored(triple: TriplePattern, start: Variable) -> Pattern:
    if triple.object != start:
        return _walked(start, triple, Call("BOUND", (triple.object,)))
    end = Variable(f"{Variable.HIDDEN}end_{start.name}")
    return _walked(start, replace(triple, object=end), Call("SAMETERM", (start, end)))


def _walked(start: Variable, path: TriplePattern, arrived: Expression) -> Pattern:
    return Filter.of(arrived, LeftJoin(_ends_of_triples(start), BGP((path,)), None))


def _ends_of_triples(variable: Variable) -> Pattern:
    as_subject = BGP((TriplePattern(variable, _FIRST, _SECOND),))
    as_object = BGP((TriplePattern(_FIRST, _SECOND, variable),))
    return Distinct(Project(Union((as_subject, as_object)), (variable,)))
