import pyoxigraph
import pytest

from hereditary_kg.sites.query_guard import QueryRefusedError, check_query

PREFIX = "PREFIX ex: <http://127.0.0.1:9/>\n"


def refusal(query: str) -> str:
    with pytest.raises(QueryRefusedError) as caught:
        check_query(query, pyoxigraph.Store())
    return str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * {\n  ?s ?p ?o\n  service silent <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "ASK { BIND(<http://127.0.0.1:9/> AS ?x) SERVICE ?x { ?s ?p ?o } }",
        PREFIX + "SELECT * { { SELECT * { SERVICE ex:x { ?s ?p ?o } } } }",
        PREFIX + "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o FILTER EXISTS { SERVICE ex:x { ?s ?p ?o } } }",
        PREFIX + "SELECT * {SERVICE#'\nex:x{?s ?p ?o}}#'",
    ],
)
def test_service_is_refused_by_name(query):
    assert refusal(query).startswith("SERVICE is refused")


@pytest.mark.parametrize(
    "query",
    [
        # Oxigraph takes these for SERVICE, though they run into the name.
        PREFIX + "SELECT * { SERVICEex:x { ?s ?p ?o } }",
        PREFIX + "SELECT * { SERVICESILENTex:x { ?s ?p ?o } }",
        PREFIX + 'ASK { VALUES ?a {1} FILTER(?a<ex:c#>"""\n) SERVICE ex:x {?s ?p ?o} }#"""\n}',
        "SELECT * { \\u0053ERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
    ],
)
def test_no_disguise_gets_service_through(query):
    assert refusal(query)


@pytest.mark.parametrize(
    "query",
    [
        "ASK { ?service ?p 'service', <http://service.org/SERVICE> . # service\n}",
        "PREFIX service: <http://service/> ASK { ?s service:p service:Service, 'x'@service }",
        "SELECT ('SERVICE <x> {' AS ?Service) { }",
        "ASK { ?s ?p 'a' }",
        "DESCRIBE <http://x/a>",
        "ASK { FILTER(<http://x/unknown-function>(1)) }",
    ],
)
def test_the_word_alone_is_no_service(query):
    check_query(query, pyoxigraph.Store())


@pytest.mark.parametrize(
    "query",
    [
        "INSERT DATA { <http://x/a> <http://x/b> 1 }",
        "# note\nPREFIX : <http://x/>\nDELETE WHERE { ?s ?p ?o }",
        "LOAD <http://x/a>",
        "clear all",
    ],
)
def test_updates_are_refused_by_name(query):
    assert "is an update" in refusal(query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "SELECT ?x WHER { ?x ?y ?z }",
            """line 1, column 11: expected WHERE
  SELECT ?x WHER { ?x ?y ?z }
            ^""",
        ),
        ("SELECT * {\n\t?s foo:bar ?o }", "line 2, column 12: Prefix not found\n"),
        ("SELECT ?s { ?s ?p ?o } GROUP BY ?p", "a variable that is unbound"),
        ("SELECT * { ?service ?p ?o } nonsense", "line 1, column 29: expected HAVING"),
        ("SELECT ?x { ?x <http://service/> ?o ", "line 1, column 37: expected"),
        ("  \n", "is empty"),
    ],
)
def test_syntax_errors_show_their_place(query, expected):
    assert expected in refusal(query)


def test_long_lines_are_cut_around_the_place():
    text = refusal("SELECT * { " + "?s ?p ?o . " * 100 + "nonsense nonsense }")
    line, caret = text.splitlines()[1:]
    assert len(line) <= 102
    assert "nonsense" in line
    assert line[: len(caret)].rstrip().endswith("nonsense")
