"""The text of requests: what is projected, and how deep bindings go."""

from collections import Counter

import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hereditary_kg.execution.binding_texts import write_bindings
from hereditary_kg.execution.requests import BLOCK, bindable_columns, blocks
from hereditary_kg.execution.sub_queries import SubQueryTemplate
from hereditary_kg.planning import plan
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sparql.algebra import Variable
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import select_text
from hereditary_kg.sparql.variables import certain_variables, scope_variables
from tests.dealt_federations import store_of
from tests.sparql.query_generation import LITERALS, RESOURCES, Forms, patterns, triples

PREFIX = "PREFIX : <http://e/> "
# Where bindings go.
HERE = "«»"


def fetch_of(text, *, variables=None, limit=None):
    """Give the request for a query's pattern."""
    pattern = parse_query(PREFIX + text).pattern
    shown = scope_variables(pattern) if variables is None else variables
    certain = certain_variables(pattern) & frozenset(shown)
    return plan.Fetch(pattern, ("m0",), shown, certain, distinct=False, limit=limit)


def written(text, columns=(), **options):
    template = SubQueryTemplate(fetch_of(text, **options), list(columns))
    return template.write(HERE if columns else "").text.replace("<http://e/", "<")


@pytest.mark.parametrize(
    ("query", "request_"),
    [
        ("SELECT ?s { ?s :p ?o }", "SELECT ?s WHERE { ?s <p> ?o . }"),
        (
            "SELECT ?s ?o { ?s :p ?o } ORDER BY ?o",
            "SELECT ?s ?o WHERE { ?s <p> ?o . } ORDER BY ASC(?o)",
        ),
        (
            "SELECT DISTINCT ?s { ?s :p ?o } ORDER BY DESC(?s) LIMIT 3 OFFSET 1",
            "SELECT DISTINCT ?s WHERE { ?s <p> ?o . } ORDER BY DESC(?s) OFFSET 1 LIMIT 3",
        ),
        (
            "SELECT ?s (COUNT(?o) AS ?n) { ?s :p ?o } GROUP BY ?s",
            "SELECT ?s (COUNT(?o) AS ?n) WHERE { ?s <p> ?o . } GROUP BY ?s",
        ),
    ],
)
def test_a_whole_query_is_asked_as_it_stands(query, request_):
    assert written(query) == request_


def test_nothing_to_show_is_a_column_of_constants():
    assert written("SELECT * { ?s :p ?o }", variables=()) == (
        "SELECT (1 AS ?hkg__row) WHERE { { SELECT ?s ?o WHERE { ?s <p> ?o . } } }"
    )


def test_a_limit_goes_with_the_request():
    assert written("SELECT * { ?s :p ?o }", limit=4) == "SELECT ?s ?o WHERE { ?s <p> ?o . } LIMIT 4"


def test_dataset_clauses_stand_in_every_request():
    node = fetch_of("SELECT * { ?s :p ?o }")
    query = SubQueryTemplate(node, ["s"], source="FROM <http://e/g> ").write(HERE)
    assert query.text.startswith("SELECT ?s ?o FROM <http://e/g> WHERE {")
    for text in (query.count_text(), query.sizes_text("", 1), query.part_text(["0"])):
        assert " FROM <http://e/g> WHERE { {" in text
        assert text.count("FROM") == 1


@pytest.mark.parametrize(
    ("query", "columns", "request_"),
    [
        (
            "SELECT * { ?s :p ?o . ?o :q ?t }",
            ["o"],
            f"SELECT ?s ?o ?t WHERE {{ {HERE} ?s <p> ?o . ?o <q> ?t . }}",
        ),
        (
            "SELECT ?s { ?s :p ?o FILTER(?o > ?s) }",
            ["s"],
            f"SELECT ?s WHERE {{ {{ {HERE} ?s <p> ?o . }} FILTER((?o > ?s)) }}",
        ),
        (
            "SELECT ?s ?t { ?s :p ?o OPTIONAL { ?o :q ?t } }",
            ["s"],
            f"SELECT ?s ?t WHERE {{ {HERE} ?s <p> ?o . OPTIONAL {{ ?o <q> ?t . }} }}",
        ),
        (
            "SELECT ?s { ?s :p ?o MINUS { ?o :q ?s } }",
            ["s"],
            f"SELECT ?s WHERE {{ {HERE} ?s <p> ?o . MINUS {{ ?o <q> ?s . }} }}",
        ),
        (
            "SELECT ?s ?o { { ?s :p ?o } UNION { ?o :q ?s } }",
            ["s"],
            f"SELECT ?s ?o WHERE {{ {HERE} {{ {{ ?s <p> ?o . }} UNION {{ ?o <q> ?s . }} }} }}",
        ),
        (
            "SELECT ?s (COUNT(?o) AS ?n) { ?s :p ?o } GROUP BY ?s",
            ["s"],
            f"SELECT ?s (COUNT(?o) AS ?n) WHERE {{ {HERE} ?s <p> ?o . }} GROUP BY ?s",
        ),
        (
            "SELECT * { ?s :p ?o BIND(STR(?o) AS ?t) }",
            ["s", "o"],
            f"SELECT ?s ?o ?t WHERE {{ {HERE} ?s <p> ?o . BIND(STR(?o) AS ?t) }}",
        ),
        (
            "SELECT ?s { ?s :p ?o } LIMIT 2",
            ["s"],
            f"SELECT ?s WHERE {{ {HERE} {{ SELECT ?s WHERE {{ ?s <p> ?o . }} LIMIT 2 }} }}",
        ),
    ],
    ids=["join", "filter", "optional", "minus", "union", "group", "bind", "slice"],
)
def test_bindings_go_as_deep_as_they_can(query, columns, request_):
    assert written(query, columns) == request_


def test_no_literal_is_taken_for_the_place_of_the_bindings():
    place = "VALUES (?hkg__block0) {  }"
    text = f"""SELECT ?s (GROUP_CONCAT(?o; SEPARATOR="{place}") AS ?all)
        {{ ?s :p ?o FILTER(?o != "VALUES (?hkg__block1) {{  }}") }} GROUP BY ?s"""
    before, _, behind = SubQueryTemplate(fetch_of(text), ["s"]).write(HERE).text.partition(HERE)
    assert place in before
    assert behind.startswith(" ?s <http://e/p> ?o .")


def test_only_columns_that_are_always_bound_and_have_names_restrict():
    node = fetch_of("SELECT * { ?s :p ?o OPTIONAL { ?o :q ?t } }")
    bindings = pl.DataFrame({"s": ["<http://e/a>"], "o": ["_:m0.b"], "t": ['"1"'], "u": ['"2"']})
    assert bindable_columns(node, bindings) == ["s"]
    assert bindable_columns(node, None) == []


@pytest.mark.parametrize("rows", [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK + 500])
def test_blocks_hold_every_binding_once(rows):
    bindings = pl.DataFrame({"s": [f'"{n}"' for n in range(rows)]}, schema={"s": pl.String})
    cut = list(blocks(bindings))
    assert [block.height for block in cut[:-1]] == [BLOCK] * (len(cut) - 1)
    assert sum(block.height for block in cut) == rows
    assert pl.concat([bindings.clear(), *cut]).equals(bindings)


@st.composite
def bound_requests(draw):
    """Draw data, a pattern, and bindings of variables that it always binds."""
    data = draw(triples())
    pattern = draw(patterns(2, Forms(slices=False)))
    shown = scope_variables(pattern)
    certain = sorted(certain_variables(pattern) & frozenset(shown))
    assume(certain)
    columns = draw(st.lists(st.sampled_from(certain), min_size=1, max_size=2, unique=True))
    names = [variable.name for variable in columns]
    cell = st.sampled_from([term.text for term in (*RESOURCES, *LITERALS)])
    rows = draw(st.lists(st.tuples(*(cell for _ in names)), max_size=4))
    return data, pattern, shown, names, rows


def evaluated(store, text):
    return parse_tsv(store.query(text).serialize(format=ox.QueryResultsFormat.TSV))


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(bound_requests(), st.integers(0, 3))
def test_bindings_keep_just_what_joins_them(drawn, taken):
    data, pattern, shown, names, rows = drawn
    store = store_of(data)
    whole = evaluated(store, select_text(pattern, shown))
    # Terms drawn at random seldom match; some of the solutions' own are among them.
    rows = sorted({*rows, *whole.select(names).unique(maintain_order=True).rows()[:taken]})
    certain = frozenset(map(Variable, names))
    assume(rows)
    template = SubQueryTemplate(plan.Fetch(pattern, ("m0",), shown, certain, distinct=False), names)
    block = pl.DataFrame(rows, schema=names, orient="row")
    places = [whole.columns.index(name) for name in names]
    expected = [row for row in whole.rows() if tuple(row[i] for i in places) in rows]
    for keyword in ("values", "filter"):
        found = evaluated(store, template.write(write_bindings(block, keyword)).text)
        assert Counter(found.select(whole.columns).rows()) == Counter(expected), keyword
