"""What is refused, by name, before any member is asked."""

import pytest

from hereditary_kg.planning.support import check_supported
from hereditary_kg.sparql.errors import SparqlError, UnsupportedQueryError
from hereditary_kg.sparql.parsing import parse_query
from tests.execution.scripted_federations import Endpoint, federation_of, triples

PREFIX = (
    "PREFIX : <http://example.org/> PREFIX f: <http://functions.org/> "
    "PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
)
CALL = "f:score(?o)"


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT * {{ ?s :p ?o FILTER({CALL} > 3) }}",
        f"SELECT * {{ ?s :p ?o BIND({CALL} AS ?x) }}",
        f"SELECT ({CALL} AS ?x) {{ ?s :p ?o }}",
        f"SELECT * {{ ?s :p ?o }} ORDER BY {CALL}",
        f"SELECT ?o {{ ?s :p ?o }} GROUP BY ?o HAVING({CALL} > 1)",
        f"SELECT (SUM({CALL}) AS ?x) {{ ?s :p ?o }}",
        f"SELECT ?k {{ ?s :p ?o }} GROUP BY ({CALL} AS ?k)",
        f"SELECT * {{ ?s :p ?o OPTIONAL {{ ?o :q ?t FILTER({CALL} = ?t) }} }}",
        f"SELECT * {{ ?s :p ?o MINUS {{ ?s :q ?o FILTER({CALL}) }} }}",
        f"SELECT * {{ ?s :p ?o FILTER NOT EXISTS {{ ?s :q ?t FILTER({CALL}) }} }}",
        f"SELECT * {{ {{ SELECT ?s {{ ?s :p ?o FILTER(!({CALL} || false)) }} }} }}",
        f"SELECT * {{ ?s :p ?o FILTER(?o IN (1, xsd:integer({CALL}))) }}",
        f"ASK {{ ?s :p ?o FILTER(IF({CALL}, true, false)) }}",
        f"CONSTRUCT {{ ?s :p ?x }} {{ ?s :p ?o BIND({CALL} AS ?x) }}",
    ],
)
def test_a_foreign_function_is_refused_wherever_it_stands(text):
    with pytest.raises(
        UnsupportedQueryError, match=r"unknown function <http://functions\.org/score>"
    ):
        check_supported(parse_query(PREFIX + text))


def test_the_nearest_cast_is_named():
    with pytest.raises(UnsupportedQueryError, match=r"Did you mean <.*#integer>\?"):
        check_supported(
            parse_query(
                "SELECT * { ?s ?p ?o FILTER(<http://www.w3.org/2001/XMLSchema/integer>(?o)) }"
            )
        )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s :p ?o FILTER(xsd:integer(?o) > 3 && xsd:string(?s) != 'x') }",
        "SELECT * { ?s :p+/:q* ?o . ?s !(:p|^:q) ?x }",
        "SELECT * FROM :g FROM NAMED :h { GRAPH ?g { ?s :p ?o } }",
        "SELECT * { ?s :p ?o SERVICE :endpoint { ?s :q ?t } }",
        "DESCRIBE ?s { ?s :p ?o }",
        "SELECT (GROUP_CONCAT(DISTINCT ?o; SEPARATOR=', ') AS ?all) { ?s :p ?o }",
        "SELECT * { ?s :p ?o FILTER(REGEX(STR(?o), '^a', 'i') && NOW() > ?x && RAND() < 1) }",
    ],
)
def test_what_the_standard_has_is_not_refused(text):
    query = parse_query(PREFIX + text)
    check_supported(query)


async def test_nobody_is_asked_before_a_refusal():
    endpoint = Endpoint("clinic", triples("a p b"))
    asked = []
    fetch = endpoint.transport.fetch_profile

    async def fetch_profile(etag):
        asked.append(etag)
        return await fetch(etag)

    endpoint.transport.fetch_profile = fetch_profile
    federation = federation_of(endpoint)
    for text in (f"SELECT * {{ ?s :p ?o FILTER({CALL}) }}", "SELECT * { ?s :p"):
        with pytest.raises(SparqlError):
            await federation.query(PREFIX + text)
    assert endpoint.queries == []
    assert asked == []
