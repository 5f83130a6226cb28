"""When EXISTS may be answered by a join: held to Oxigraph, and to the standard's own words."""

import polars as pl
import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hereditary_kg.planning.correlation import is_uncorrelated
from hereditary_kg.rdf.solutions import ROW, compatible_rows, restrict
from hereditary_kg.rdf.tsv_reading import parse_tsv
from hereditary_kg.sparql.algebra import Exists, Filter, Variable
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import group_text, select_text
from hereditary_kg.sparql.variables import mentioned_variables, scope_variables
from tests.sparql.algebra_evaluation import Evaluation, store_of
from tests.sparql.query_generation import LITERALS, RESOURCES, VARIABLES, Forms, patterns, triples

PREFIX = "PREFIX : <http://example.org/> "
CELLS = st.sampled_from([term.text for term in (*RESOURCES, *LITERALS[:3])]) | st.none()


def exists_pattern(text):
    query = parse_query(f"{PREFIX} SELECT * {{ ?outer :p ?o FILTER EXISTS {{ {text} }} }}")
    found = query.pattern
    while not isinstance(found, Filter):
        found = found.pattern
    assert isinstance(found.condition, Exists)
    return found.condition.pattern


@pytest.mark.parametrize(
    ("text", "joins"),
    [
        ("?s :p ?o", True),
        ("?s :p ?x FILTER(?x > 1)", True),
        ("?s :p ?x FILTER(?x != ?s)", True),
        ("?s :p ?x FILTER(?x != ?o)", False),
        ("?s :p ?x FILTER(BOUND(?o))", False),
        ("{ ?s :p ?x } UNION { ?s :q ?o }", True),
        ("{ ?s :p ?x FILTER(?o = 1) } UNION { ?s :q ?o }", False),
        ("?s :p ?x OPTIONAL { ?x :q ?y }", True),
        ("?s :p ?x OPTIONAL { ?x :q ?o }", False),
        ("?o :p ?x OPTIONAL { ?x :q ?o }", True),
        ("?s :p ?x BIND(?x + 1 AS ?y)", True),
        ("?s :p ?x BIND(?o + 1 AS ?y)", False),
        ("?s :p ?x BIND(?x + 1 AS ?o)", False),
        ("VALUES ?o { 1 2 } ?s :p ?o", True),
        ("{ SELECT ?s { ?s :p ?x } }", True),
        ("{ SELECT ?s { ?s :p ?o } }", False),
        ("{ SELECT ?s ?o { ?s :p ?o } }", True),
        ("{ SELECT ?s { ?s :p ?x } LIMIT 1 }", False),
        ("{ SELECT ?x { ?x :p ?y } LIMIT 1 }", True),
        ("{ SELECT ?s (COUNT(*) AS ?n) { ?s :p ?x } GROUP BY ?s }", False),
        ("?x :p ?y MINUS { ?x :q ?z }", True),
        ("?s :p ?y MINUS { ?s :q ?z }", False),
        ("?s :p ?x FILTER EXISTS { ?x :q ?y }", False),
    ],
)
def test_correlation_is_a_variable_read_where_it_is_not_bound(text, joins):
    outer = {Variable("s"), Variable("o")}
    assert is_uncorrelated(exists_pattern(text), outer) is joins


@st.composite
def cases(draw, forms):
    """Draw data, the pattern of an EXISTS that counts as uncorrelated, and rows."""
    data = draw(triples())
    pattern = draw(patterns(2, forms))
    outer = draw(st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=3, unique=True))
    assume(is_uncorrelated(pattern, frozenset(outer)))
    assume(mentioned_variables(pattern) & set(outer))
    rows = draw(st.lists(st.tuples(*(CELLS for _ in outer)), min_size=1, max_size=5))
    return data, pattern, [variable.name for variable in outer], rows


def joined(store, pattern, names, rows):
    """Give the places of the rows that some solution of the pattern is compatible with."""
    shown = scope_variables(pattern)
    results = store.query(select_text(pattern, shown))
    solutions = parse_tsv(results.serialize(format=ox.QueryResultsFormat.TSV))
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String)).with_row_index(ROW)
    shared = [variable.name for variable in shown if variable.name in names]
    return set(compatible_rows(frame, restrict(solutions, shared)))


briefly = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@briefly
@given(cases(Forms(minus=False, paths=False)))
def test_compatibility_is_what_oxigraph_calls_existence(case):
    data, pattern, names, rows = case
    store = store_of(data)
    head = " ".join(f"?{name}" for name in names)
    body = " ".join(
        f"({number} {' '.join(cell or 'UNDEF' for cell in row)})" for number, row in enumerate(rows)
    )
    text = (
        f"SELECT ?number {{ VALUES (?number {head}) {{ {body} }} "
        f"FILTER EXISTS {{ {group_text(pattern)} }} }}"
    )
    found = {int(row["number"].value) for row in store.query(text)}
    assert joined(store, pattern, names, rows) == found


@briefly
@given(cases(Forms(paths=False, slices=False)))
def test_compatibility_is_what_substitution_calls_existence(case):
    data, pattern, names, rows = case
    evaluation = Evaluation(data)
    found = set()
    for number, row in enumerate(rows):
        cells = zip(names, row, strict=True)
        outer = {Variable(name): cell for name, cell in cells if cell is not None}
        if evaluation.solutions(pattern, outer):
            found.add(number)
    assert joined(evaluation.store, pattern, names, rows) == found
