"""The leaves of a pattern, and the graphs they are matched in."""

import pyoxigraph as ox
import pytest

from hereditary_kg.planning.leaves import pattern_leaves
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.parsing import parse_query
from tests.dealt_federations import federation_of, rows_of

EX = "http://example.org/"


def leaves(text):
    return list(pattern_leaves(parse_query(f"SELECT * WHERE {{ {text} }}").pattern))


def test_a_leaf_is_in_the_graph_around_it():
    found = leaves("GRAPH ?g { ?s ?p ?o } ?s ?q ?t")
    graphs = {str(leaf.triple.object): leaf.graph for leaf in found}
    assert graphs == {"?o": Variable("g"), "?t": None}


def test_a_shown_variable_of_a_sub_select_is_that_of_the_graph():
    (leaf,) = leaves("GRAPH ?g { SELECT ?s ?g WHERE { ?s ?p ?g } }")
    assert leaf.graph == Variable("g")


def test_a_hidden_variable_of_a_sub_select_is_not_that_of_the_graph():
    (leaf,) = leaves("GRAPH ?g { SELECT ?s WHERE { ?s ?p ?g } }")
    assert leaf.triple.object == Variable("g")
    assert leaf.graph != Variable("g")


@pytest.mark.parametrize("optimise", [True, False])
async def test_a_sub_select_in_a_graph_may_use_the_name_of_its_variable_for_another(optimise):
    stores = []
    for member in ("a", "b"):
        store = ox.Store()
        graph = ox.NamedNode(f"{EX}graph")
        subject, target = ox.NamedNode(EX + member), ox.NamedNode(f"{EX}target")
        store.add(ox.Quad(subject, ox.NamedNode(f"{EX}p"), target, graph))
        stores.append(store)
    text = "SELECT ?x WHERE { GRAPH ?g { { SELECT ?x WHERE { ?x ?p ?g } } } }"
    result = await federation_of(stores).query(text, optimise=optimise)
    assert rows_of(result.frame) == {(f"<{EX}a>",): 1, (f"<{EX}b>",): 1}
