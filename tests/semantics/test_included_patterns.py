"""Places of their own for what was fetched for hkg:includes."""

import pytest

from hereditary_kg.rdf.terms import IRI
from hereditary_kg.semantics.included_patterns import (
    INCLUDES,
    IncludedPattern,
    IncludesError,
    with_named_inclusions,
)
from hereditary_kg.sparql.algebra import BGP, Graph, Join, TriplePattern, Variable

S, P, D, G = map(Variable, "spdg")
DISEASE, WARD = IRI("http://example.org/disease"), IRI("http://example.org/ward")
ASKED = ("NCIT:C34373",)
PLAIN = TriplePattern(S, P, Variable("o"))


def included(predicate):
    return IncludedPattern(S, predicate, D, ASKED)


def test_what_is_included_has_a_graph_of_its_own():
    own = IRI(f"{INCLUDES.value}/NCIT%3AC34373")
    expected = Join.of((BGP((PLAIN,)), Graph(own, BGP((TriplePattern(S, P, D),)))))
    assert with_named_inclusions(BGP((PLAIN, included(P)))) == expected
    assert with_named_inclusions(BGP((PLAIN,))) == BGP((PLAIN,))


@pytest.mark.parametrize("name", [G, WARD])
def test_in_graphs_it_has_a_predicate_of_its_own(name):
    (triple,) = with_named_inclusions(Graph(name, BGP((included(DISEASE),)))).pattern.triples
    assert triple.predicate.value.startswith(f"{INCLUDES.value}/http")
    assert not isinstance(triple, IncludedPattern)


@pytest.mark.parametrize(
    "pattern",
    [
        Graph(G, BGP((included(P),))),
        Graph(WARD, BGP((included(DISEASE), PLAIN))),
        Join((BGP((included(DISEASE), PLAIN)), Graph(G, BGP((TriplePattern(S, WARD, D),))))),
    ],
)
def test_where_that_would_be_seen_by_others_predicates_are_to_be_named(pattern):
    with pytest.raises(IncludesError, match="name the predicate"):
        with_named_inclusions(pattern)
