"""From solutions and a template to triples."""

import polars as pl

from hereditary_kg.execution.construction import construct_triples
from hereditary_kg.rdf.terms import IRI, BlankNode, Literal
from hereditary_kg.sparql.algebra import TriplePattern, Variable
from tests.execution.scripted_federations import Endpoint, federation_of, triples

S, P, O = (Variable(name) for name in "spo")  # noqa: E741 - the names of the positions
A, B, KNOWS = IRI("http://e/a"), IRI("http://e/b"), IRI("http://e/knows")


def frame_of(*rows):
    columns = {name: [row[i] for row in rows] for i, name in enumerate("spo")}
    return pl.DataFrame(columns, schema=dict.fromkeys("spo", pl.String))


def test_every_solution_is_put_into_the_template():
    frame = frame_of((A.text, KNOWS.text, B.text), (B.text, KNOWS.text, '"x"@en'))
    found = construct_triples(frame, [TriplePattern(S, KNOWS, O), TriplePattern(A, P, S)])
    assert found.columns == ["subject", "predicate", "object"]
    assert set(found.rows()) == {
        (A.text, KNOWS.text, B.text),
        (B.text, KNOWS.text, '"x"@en'),
        (A.text, KNOWS.text, A.text),
        (A.text, KNOWS.text, B.text),
    }


def test_what_is_no_triple_is_left_out():
    frame = frame_of(
        (None, KNOWS.text, B.text),
        ('"literal"', KNOWS.text, B.text),
        (A.text, '"literal"', B.text),
        (A.text, "_:m0.b", B.text),
        (A.text, KNOWS.text, None),
        ("_:m0.b", KNOWS.text, "_:m1.b"),
    )
    assert construct_triples(frame, [TriplePattern(S, P, O)]).rows() == [
        ("_:m0.b", KNOWS.text, "_:m1.b")
    ]


def test_a_variable_that_nothing_binds_leaves_its_triples_out():
    frame = frame_of((A.text, KNOWS.text, B.text))
    template = [TriplePattern(S, P, Variable("nobody")), TriplePattern(S, P, O)]
    assert construct_triples(frame, template).rows() == [(A.text, KNOWS.text, B.text)]


def test_the_result_is_a_set():
    frame = frame_of(*[(A.text, KNOWS.text, B.text)] * 3)
    assert construct_triples(frame, [TriplePattern(S, P, O)] * 2).height == 1


def test_a_blank_node_of_the_template_is_one_a_solution():
    frame = frame_of((A.text, KNOWS.text, B.text), (B.text, KNOWS.text, A.text))
    node = BlankNode("b1")
    template = [TriplePattern(node, KNOWS, S), TriplePattern(O, KNOWS, node)]
    found = construct_triples(frame, template)
    about, target = found["subject"][:2].to_list(), found["object"][2:].to_list()
    assert about == target
    assert len(set(about)) == 2


def test_solutions_without_variables_fill_a_constant_template():
    template = [TriplePattern(A, KNOWS, Literal("x"))]
    assert construct_triples(pl.DataFrame(height=2), template).rows() == [
        (A.text, KNOWS.text, '"x"')
    ]
    assert construct_triples(pl.DataFrame(height=0), template).height == 0


def test_an_empty_template_gives_no_triples():
    found = construct_triples(frame_of((A.text, KNOWS.text, B.text)), [])
    assert found.columns == ["subject", "predicate", "object"]
    assert found.height == 0


async def test_new_blank_nodes_are_no_members():
    """A member may be called as the template's node, and have nodes called after rows."""
    b1 = Endpoint("b1", [])
    b1.load(triples(*(f"_:row{n} p x{n}" for n in range(3)), *(f"_:{n} p x{n}" for n in range(3))))
    query = """PREFIX : <http://example.org/>
        CONSTRUCT { [] :about ?s } { ?s :p ?o }"""
    result = await federation_of(b1).query(query)
    assert result.kind == "graph"
    assert len(result) == 6
    assert not set(result.frame["subject"]) & set(result.frame["object"])
    labels = {f"_:b1.{label}" for n in range(6) for label in (f"row{n}", str(n))}
    assert not set(result.frame["subject"]) & labels
