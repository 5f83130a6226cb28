import polars as pl
import pyoxigraph
import pytest
from hypothesis import given
from hypothesis import strategies as st
from term_strategies import IRIS, LABELS, TERMS, legal_in_xml

from hereditary_kg.rdf.errors import GraphError, UnknownFormatError
from hereditary_kg.rdf.graph_writing import write_triples
from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.rdf.terms import IRI, XSD, BlankNode, Literal

OXIGRAPH_FORMATS = {
    "turtle": pyoxigraph.RdfFormat.TURTLE,
    "ntriples": pyoxigraph.RdfFormat.N_TRIPLES,
    "jsonld": pyoxigraph.RdfFormat.JSON_LD,
    "rdfxml": pyoxigraph.RdfFormat.RDF_XML,
}
SUBJECTS = st.one_of(st.builds(IRI, IRIS), st.builds(BlankNode, LABELS))
PREDICATES = st.sampled_from(["p", "é", "a/b", "a#b-1"]).map(
    lambda tail: IRI("http://example.org/" + tail)
)


def table(*rows):
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("subject", "predicate", "object"), pl.String), orient="row"
    )


def canonical(term):
    match term:
        case pyoxigraph.NamedNode():
            return IRI(term.value).text
        case pyoxigraph.BlankNode():
            return BlankNode(term.value).text
        case _:
            return Literal(term.value, term.datatype.value, term.language).text


def read(document, name):
    return {
        tuple(canonical(term) for term in quad.triple)
        for quad in pyoxigraph.parse(document, OXIGRAPH_FORMATS[name], lenient=True)
    }


@pytest.mark.parametrize("name", ["turtle", "ntriples", "rdfxml"])
@given(rows=st.lists(st.tuples(SUBJECTS, PREDICATES, TERMS), max_size=6))
def test_another_reader_finds_the_same_triples(name, rows):
    triples = table(*(tuple(term.text for term in row) for row in rows))
    if name == "rdfxml" and not legal_in_xml(triples):
        with pytest.raises(GraphError, match="cannot hold the character"):
            write_triples(triples, name)
        return
    document = write_triples(triples, name, {"ex": "http://example.org/", "": "urn:x:"})
    if name == "rdfxml":
        triples = triples.with_columns(pl.col("subject", "object").str.replace("^_:", "_:b"))
    assert read(document, name) == set(triples.rows())


def test_json_ld():
    triples = table(
        ("<http://example.org/s>", "<http://example.org/p>", '"x"@en'),
        ("<http://example.org/s>", "<http://example.org/p>", f'"1"^^<{XSD}date>'),
        ("_:b0", "<http://example.org/p>", "<http://example.org/s>"),
    )
    document = write_triples(triples, "jsonld")
    assert read(document, "jsonld") == set(triples.rows())


def test_ntriples_are_sorted_and_distinct():
    row = ("<urn:b>", "<urn:p>", '"a\\"\x01"')
    triples = table(row, ("<urn:a>", "<urn:p>", "_:x"), row)
    assert write_triples(triples, "nt") == (
        b'<urn:a> <urn:p> _:x .\n<urn:b> <urn:p> "a\\"\x01" .\n'
    )


def test_turtle_uses_the_prefixes():
    triples = table(("<http://example.org/s>", "<http://example.org/p>", '"x"'))
    document = write_triples(triples, "turtle", {"ex": "http://example.org/"}).decode()
    assert "@prefix ex: <http://example.org/> ." in document
    assert "ex:s ex:p" in document


@pytest.mark.parametrize("graph_format", list(GraphFormat))
def test_an_empty_graph_can_be_read(graph_format):
    assert read(write_triples(table(), graph_format), graph_format.value) == set()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (('"s"', "<urn:p>", "<urn:o>"), 'not an RDF triple: \'"s" '),
        (("<urn:s>", "_:p", "<urn:o>"), "not an RDF triple"),
        (("<urn:s>", '"p"', "<urn:o>"), "not an RDF triple"),
        (("<urn:s>", "<urn:p>", None), r"\(unbound\)"),
        ((None, "<urn:p>", "<urn:o>"), r"\(unbound\)"),
    ],
)
def test_what_is_no_triple_is_refused(row, message):
    for graph_format in GraphFormat:
        with pytest.raises(GraphError, match=message):
            write_triples(table(("<urn:s>", "<urn:p>", "<urn:o>"), row), graph_format)


def test_cells_that_are_no_canonical_terms_are_refused():
    with pytest.raises(GraphError, match="cannot write the graph as turtle"):
        write_triples(table(("<urn:s>", "<urn:p>", "plain text")), "turtle")


def test_a_table_of_something_else_is_refused():
    with pytest.raises(GraphError, match="'object'"):
        write_triples(pl.DataFrame({"subject": [], "predicate": []}), "turtle")
    with pytest.raises(UnknownFormatError, match="turtle"):
        write_triples(table(), "tutrle")


@pytest.mark.parametrize("predicate", ["<http://example.org/p/>", "<http://example.org/123>"])
def test_rdf_xml_refuses_a_predicate_that_is_no_element_name(predicate):
    triples = table(("<urn:s>", predicate, "<urn:o>"))
    with pytest.raises(GraphError, match="cannot hold the predicate"):
        write_triples(triples, "rdfxml")
    assert read(write_triples(triples, "turtle"), "turtle") == set(triples.rows())


@pytest.mark.parametrize(
    "prefixes", [{"a b": "urn:x"}, {"1": "urn:x"}, {"a": "urn:> x"}, {"a": ""}]
)
def test_prefixes_that_would_break_the_document_are_refused(prefixes):
    with pytest.raises(GraphError, match="prefix"):
        write_triples(table(), "turtle", prefixes)
