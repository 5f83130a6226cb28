import io

import pyoxigraph
import pytest

from hereditary_kg.sites.evaluation import evaluate
from hereditary_kg.sites.frames import Job, Refusal

EX = "http://example.org/"
QUADS = f"""
<{EX}a> <{EX}p> "shared" <{EX}g1> .
<{EX}a> <{EX}p> "shared" <{EX}g2> .
<{EX}a> <{EX}p> "only 1" <{EX}g1> .
<{EX}a> <{EX}p> "only 2" <{EX}g2> .
<{EX}a> <{EX}p> "apart" <{EX}g3> .
<{EX}a> <{EX}p> "default" .
"""


@pytest.fixture(scope="module")
def store() -> pyoxigraph.Store:
    store = pyoxigraph.Store()
    store.load(QUADS.encode(), pyoxigraph.RdfFormat.N_QUADS)
    return store


def rows(store, query: str, default=(), named=()) -> list[str]:
    job = Job(
        query,
        tuple(EX + graph for graph in default),
        tuple(EX + graph for graph in named),
        result_format="csv",
    )
    media_type, serialise = evaluate(job, store, pyoxigraph.Store())
    assert media_type == "text/csv"
    output = io.BytesIO()
    serialise(output)
    return sorted(output.getvalue().decode().split("\r\n")[1:-1])


PLAIN = "SELECT ?o { ?s ?p ?o }"


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        (["g1", "g2"], ["only 1", "only 2", "shared"]),
        (["g1", "g3"], ["apart", "only 1", "shared"]),
        (["g1", "g2", "g3"], ["apart", "only 1", "only 2", "shared"]),
        (["g1", "g1"], ["only 1", "shared"]),
        (["missing"], []),
    ],
)
def test_a_triple_of_several_default_graphs_counts_once(store, default, expected):
    assert rows(store, PLAIN, default) == expected
    clauses = " ".join(f"FROM <{EX}{graph}>" for graph in default)
    assert rows(store, PLAIN.replace("{", clauses + " {", 1)) == expected


def test_named_graphs_are_seen_beside_a_merge(store):
    query = "SELECT ?g ?o { ?s ?p ?o . GRAPH ?g { ?s ?p ?o } }"
    assert rows(store, query, ["g1", "g2"], ["g2"]) == [f"{EX}g2,only 2", f"{EX}g2,shared"]
    clauses = f"FROM <{EX}g1> FROM <{EX}g2> FROM NAMED <{EX}g2> {{ ?s"
    assert rows(store, query.replace("{ ?s", clauses, 1)) == [
        f"{EX}g2,only 2",
        f"{EX}g2,shared",
    ]


def test_the_word_from_alone_changes_nothing(store):
    query = 'SELECT ?o { ?s ?p ?o FILTER(?o != "from") FILTER(?o != "FROM") }'
    assert rows(store, query) == ["default"]


def test_refusals_are_told_with_their_status(store):
    refused = evaluate(Job("SELECT", result_format="csv"), store, pyoxigraph.Store())
    assert isinstance(refused, Refusal)
    assert refused.status == 400
    refused = evaluate(Job(PLAIN, graph_format="turtle"), store, pyoxigraph.Store())
    assert (refused.status, "text/csv" in refused.text) == (406, True)
