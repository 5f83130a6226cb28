import orjson
import pytest

from benchmarks.federation.profiler import summarise_stacks
from benchmarks.federation.row_capping import cap_rows
from benchmarks.federation.row_counting import RowCounter
from benchmarks.federation.traffic import RequestTrace, Traffic, classify_request

TSV = b"?x\t?y\n<http://a>\t1\n<http://b>\t\n"
XML = b"<sparql><head/><results><result><b/></result><result></result></results></sparql>"
JSON = b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"value":"},{"}},{}]}}'


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("ASK { ?s ?p ?o }", "ask"),
        ("PREFIX select: <http://x/SELECT#> # SELECT\nASK { ?s ?p 'SELECT' }", "ask"),
        ("SELECT * { ?s ?p ?o } LIMIT 1", "probe"),
        ("SELECT * { { SELECT (1 AS ?a) { ?s ?p ?o } LIMIT 1 } }", "probe"),
        ("SELECT * { ?s ?p ?o } LIMIT 10", "select"),
        ("SELECT * { ?s ?p 'LIMIT 1' }", "select"),
        ("SELECT (COUNT(*) AS ?count) WHERE { ?s ?p ?o }", "count"),
        ("SELECT (COUNT(*) AS ?count) WHERE { ?s ?p ?o } GROUP BY ?s", "select"),
        ("SELECT ?s (COUNT(*) AS ?count) WHERE { ?s ?p ?o } GROUP BY ?s", "select"),
        ("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o } LIMIT 1", "select"),
        ("", "other"),
    ],
)
def test_requests_are_told_apart_by_their_form(query, kind):
    assert classify_request(query) == kind


def test_traffic_sums_queries_up_and_counts_others_apart():
    traffic = Traffic.of(
        [
            RequestTrace("a", "ask", "ASK {}", 200, 0, 5, 1.0),
            RequestTrace("a", "select", "SELECT", 200, 7, 50, 1.0),
            RequestTrace("b", "probe", "SELECT", 200, 1, 10, 1.0),
            RequestTrace("c", "other", "", 404, 0, 99, 1.0),
        ]
    )
    assert traffic == Traffic(
        requests=3, asks=1, probes=1, others=1, members=2, most=2, rows=8, bytes=65
    )


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("media_type", "document", "rows"),
    [
        ("text/tab-separated-values; charset=utf-8", TSV, 2),
        ("application/sparql-results+xml", XML, 2),
        ("application/sparql-results+json", JSON, 2),
        ("application/sparql-results+json", b'{"head":{},"boolean":true}', 0),
        ("text/tab-separated-values", b"?x\n", 0),
        ("text/plain", b"a\nb\n", 0),
    ],
)
def test_rows_are_counted_whatever_the_pieces(media_type, document, rows, size):
    counter = RowCounter(media_type)
    for start in range(0, len(document), size):
        counter.take(document[start : start + size])
    assert counter.rows() == rows
    assert counter.started == (rows > 0)


@pytest.mark.parametrize(
    ("media_type", "document"),
    [
        ("text/tab-separated-values", TSV),
        ("application/sparql-results+xml", XML),
        ("application/sparql-results+json", JSON),
    ],
)
def test_a_capped_answer_is_well_formed_and_shorter(media_type, document):
    capped = cap_rows(document, media_type, 1)
    counter = RowCounter(media_type)
    counter.take(capped)
    assert counter.rows() == 1
    assert cap_rows(document, media_type, 2).count(b"http") == document.count(b"http")
    if "json" in media_type:
        assert orjson.loads(capped)["head"] == {"vars": ["x"]}
    if "xml" in media_type:
        assert capped.endswith(b"</results></sparql>")


def test_stacks_are_summed_up_by_function():
    text = (
        "main (run.py:1);plan (hereditary_kg/planning/plan.py:9);join (polars/join.py:3) 2\n"
        "main (run.py:1);plan (hereditary_kg/planning/plan.py:12) 1\n"
        "main (run.py:7) 1\n"
    )
    ran, asked = (
        {cells[1].strip(): cells[2].strip() for cells in (row.split("|") for row in rows[2:])}
        for rows in (table.splitlines() for table in summarise_stacks(text).split("\n\n"))
    )
    plan = "plan (hereditary_kg/planning/plan.py)"
    assert ran == {"join (polars/join.py)": "50.0%", plan: "25.0%", "main (run.py)": "25.0%"}
    assert asked == {plan: "75.0%", "(none)": "25.0%"}
