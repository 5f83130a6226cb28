"""A pattern without copies has the solutions that the pattern has where the copies are not."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hereditary_kg.planning.copies import Copied
from hereditary_kg.planning.copy_filters import with_copies, without_copies
from hereditary_kg.planning.leaves import pattern_leaves
from hereditary_kg.planning.members import Members, MemberView
from hereditary_kg.planning.sources import Sources, select_sources
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.printing import group_text, select_text
from hereditary_kg.sparql.variables import scope_variables
from tests.dealt_federations import oracle, store_of
from tests.sparql.query_generation import NAMESPACE, PREDICATES, Forms, patterns, triples

# Many drawn cases: a busy machine takes longer than a single test may.
pytestmark = pytest.mark.timeout(600)

NAMESPACES = st.lists(
    st.sampled_from([NAMESPACE + letter for letter in "abc"]), max_size=2, unique=True
).map(tuple)


@st.composite
def copies(draw, data):
    """Draw what is left out of each predicate, and the data without it."""
    found, kept = {}, set(data)
    for predicate in PREDICATES:
        subjects, objects = draw(NAMESPACES), draw(NAMESPACES)
        rows = [triple for triple in data if triple[1] == predicate.text]
        ends = [
            (row[0][1:].startswith(subjects), row[2][:1] == "<" and row[2][1:].startswith(objects))
            for row in rows
        ]
        tied = bool(subjects and objects) and all(one == other for one, other in ends)
        found["m", predicate.value] = Copied(subjects, objects, tied)
        kept -= {row for row, either in zip(rows, map(any, ends), strict=True) if either}
    return found, kept


@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(st.data(), triples(), patterns(depth=3, forms=Forms(paths=False)))
def test_filters_leave_out_just_the_copies(data, held, pattern):
    assume(all(isinstance(leaf.triple.predicate, IRI) for leaf in pattern_leaves(pattern)))
    found, kept = data.draw(copies(held))
    store = store_of(held)
    view = MemberView("m", profile_store(store, "1"))
    restricted = without_copies(pattern, "m", Sources(Members([view]), {}, copies=found))
    shown = scope_variables(pattern)
    assert scope_variables(restricted) == shown
    expected = oracle(store_of(kept), select_text(pattern, shown))
    assert oracle(store, select_text(restricted, shown)) == expected, select_text(restricted, shown)


DATA = [
    ("<http://a.example/1>", "<http://example.org/p>", "<http://a.example/2>"),
    ("<http://a.example/2>", "<http://example.org/q>", '"x"'),
    ("<http://b.example/1>", "<http://example.org/p>", "<http://b.example/2>"),
    ("<http://b.example/2>", "<http://example.org/q>", '"y"'),
]
A = ("http://a.example/",)
SOURCES = Sources(
    Members([MemberView("m", profile_store(store_of(DATA), "1"))]),
    {},
    copies={
        ("m", "http://example.org/p"): Copied(A, A, tied=True),
        ("m", "http://example.org/q"): Copied(A),
    },
)


def restricted_text(text):
    pattern = parse_query(f"PREFIX ex: <http://example.org/> {text}").pattern
    return group_text(without_copies(pattern.pattern, "m", SOURCES))


def test_one_filter_is_enough_where_both_ends_decide():
    text = restricted_text("SELECT * { ?s ex:p ?o . ?o ex:q ?v }")
    assert text.count("FILTER") == text.count("STRSTARTS") == 1


def test_what_is_optional_relies_on_what_it_is_optional_to():
    text = restricted_text("SELECT * { ?s ex:p ?o OPTIONAL { ?o ex:q ?v } }")
    assert text.count("STRSTARTS") == 1


def test_what_is_hidden_has_a_filter_of_its_own():
    text = restricted_text(
        "SELECT * { ?s ex:p ?o MINUS { SELECT ?s { ?s ex:p ?t . ?x ex:q ?v } } }"
    )
    assert text.count("STRSTARTS") == 2


def test_a_member_with_nothing_but_copies_is_no_candidate():
    sites = {"m": DATA[:2], "n": DATA}
    views = [MemberView(n, profile_store(store_of(data), "1")) for n, data in sites.items()]
    query = parse_query("PREFIX ex: <http://example.org/> SELECT * { ?s ex:p ?o . ?s ex:q ?v }")
    sources = with_copies(select_sources(query, views), SOURCES.copies)
    first, second = pattern_leaves(query.pattern)
    assert sources.candidates[first] == sources.candidates[second] == ("n",)
    assert "copies" in sources.reasons[first, "m"]
