"""Estimates: exact where a profile knows, and never nonsense."""

import math

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings

from hereditary_kg.planning.cardinality import (
    Estimate,
    certainly_empty,
    estimate_local,
    estimate_pattern,
    join_estimates,
)
from hereditary_kg.planning.leaves import pattern_leaves
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.selectivity import FILTER_SELECTIVITY
from hereditary_kg.planning.sources import select_sources
from hereditary_kg.sites.profiling import profile_store
from hereditary_kg.sites.shared_namespaces import SharingPolicy
from hereditary_kg.sparql.algebra import Project, SelectQuery, Variable
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.variables import scope_variables
from tests.dealt_federations import store_of
from tests.planning.planned import members
from tests.sparql.query_generation import ALL, patterns, triples

PREFIX = "PREFIX : <http://example.org/> "
CODES = "http://example.org/code/"
X, Y = Variable("x"), Variable("y")


@pytest.fixture(scope="module")
def views():
    return members()


def estimate_of(body, views):
    query = parse_query(f"{PREFIX} SELECT * {{ {body} }}")
    return estimate_pattern(query.pattern, select_sources(query, views))


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("?x :age ?y", 200),
        ("?x :about ?y", 1000),
        ("?x :name ?y", 200 + 500 + 70),
        ("?x a :Patient", 200),
        ("?x a :Visit", 1000),
        ("?x a ?class", 200 + 500 + 1000),
        (":p1 :age ?y", 1),
        ("?x :diagnosis :d1", 5),
        ("?x :age ?y . ?x :diagnosis ?d", 200),
        ("?x :nobodyHasThis ?y", 0),
        ("VALUES ?x { :a :b :c }", 3),
        ("{ ?x :age ?y } UNION { ?x :about ?y }", 1200),
        ("?x :age ?y OPTIONAL { ?x :nobodyHasThis ?z }", 200),
        ("?x :age ?y MINUS { ?x :diagnosis ?z }", 200),
        ("?x :age ?y BIND(1 AS ?z)", 200),
        ("{ SELECT ?x { ?x :age ?y } LIMIT 7 }", 7),
        ("{ SELECT ?y (COUNT(*) AS ?n) { ?x :age ?y } GROUP BY ?y }", 60),
        ("{ SELECT (COUNT(*) AS ?n) { ?x :age ?y } }", 1),
        ("", 1),
    ],
)
def test_what_a_profile_knows_is_exact(body, rows, views):
    assert estimate_of(body, views).rows == pytest.approx(rows)


def test_joins_are_divided_by_the_larger_side(views):
    found = estimate_of("?x :diagnosis ?d . ?d :gene ?g", views)
    assert found.rows == pytest.approx(200 * 500 / 500)
    assert found.distinct[Variable("d")] <= 40


# What filters keep: ages are 20 to 79, and nothing is known of what a BIND makes.


@pytest.mark.parametrize(
    ("condition", "share"),
    [
        ("?y >= 0", 1),
        ("?y < 3", 0),
        ("?y = 40", 1 / 60),
        ("?y IN (40, 41, 42)", 3 / 60),
        ("?y != 40", 59 / 60),
        ("isIRI(?x)", FILTER_SELECTIVITY),
        ("isIRI(?x) && isIRI(?y)", FILTER_SELECTIVITY**1.5),
        ('CONTAINS(STR(?x), "p1")', 0.1),
        ("?y = 40 || ?y = 41", 1 - (59 / 60) ** 2),
    ],
)
def test_a_filter_keeps_a_share(condition, share, views):
    whole = estimate_of("?x :age ?y", views)
    some = estimate_of(f"?x :age ?y FILTER({condition})", views)
    assert some.rows == pytest.approx(whole.rows * share)
    assert all(count <= max(1.0, some.rows) for count in some.distinct.values())


def test_ranges_are_narrowed_from_both_sides(views):
    whole = estimate_of("?x :age ?y", views).rows
    young, old, between = (
        estimate_of(f"?x :age ?y FILTER({condition})", views).rows / whole
        for condition in ("?y < 40", "?y > 60", "?y >= 40 && ?y <= 60")
    )
    assert young + old + between == pytest.approx(1, rel=1e-4)
    assert 0.2 < min(young, old, between) < max(young, old, between) < 0.5


def test_several_filters_count_as_one_with_all_their_conditions(views):
    one = estimate_of("?x :age ?y FILTER(?y > 30 && ?y < 40 && isIRI(?x))", views)
    several = estimate_of("?x :age ?y FILTER(?y > 30) FILTER(?y < 40) FILTER(isIRI(?x))", views)
    assert several.rows == pytest.approx(one.rows)


# What members share: 70 diseases have the same names at the registry and at the cohort.


def test_terms_that_members_share_are_distinct_once():
    def view(name, numbers):
        store = ox.Store()
        lines = [f":s{name}{n} :code <{CODES}{n}> ." for n in numbers]
        document = "@prefix : <http://example.org/> .\n" + "\n".join(lines)
        store.load(document.encode(), format=ox.RdfFormat.TURTLE)
        return MemberView(name, profile_store(store, "1", policy=policy))

    policy = SharingPolicy(namespaces=(CODES,))
    views = [view("one", range(60)), view("two", range(30, 90))]
    found = estimate_of("?x :code ?code", views)
    assert found.rows == 120
    assert found.distinct[Variable("code")] == pytest.approx(90)


def test_a_cross_product_multiplies():
    parts = [Estimate(10, {X: 5}), Estimate(20, {Y: 4})]
    assert join_estimates(parts).rows == 200
    assert join_estimates([]).rows == 1


def test_the_order_of_two_parts_does_not_matter():
    left, right = Estimate(100, {X: 50, Y: 10}), Estimate(30, {X: 30})
    assert join_estimates([left, right]).rows == join_estimates([right, left]).rows == 60


def test_an_unknown_member_counts_as_large():
    unknown = [MemberView("one")]
    assert estimate_of("?x :age ?y", unknown).rows > 1000
    assert estimate_of(":a :age ?y", unknown).rows < 100
    both = [*unknown, *members()]
    assert estimate_of("?x :age ?y", both).rows > estimate_of("?x :age ?y", unknown).rows


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(triples(), patterns(2, ALL))
def test_estimates_are_numbers_and_a_variable_has_no_more_terms_than_rows(data, pattern):
    view = MemberView("m", profile_store(store_of(data), "1"))
    shown = scope_variables(pattern)
    query = SelectQuery(Project(pattern, shown), shown)
    found = estimate_pattern(pattern, select_sources(query, [view]))
    assert math.isfinite(found.rows)
    assert found.rows >= 0
    for count in found.distinct.values():
        assert 0 < count <= max(1.0, found.rows) * (1 + 1e-9)


def test_an_empty_store_is_estimated_as_empty():
    view = MemberView("m", profile_store(ox.Store(), "1"))
    assert estimate_of("?x ?y ?z", [view]).rows == 0


# Stars

STARS = """
@prefix : <http://example.org/> .
:a1 :age 1 ; :name "1" . :a2 :age 2 ; :name "2" . :a3 :age 3 ; :name "3" .
:b1 :size 1 ; :name "4" . :b2 :size 2 ; :name "5" . :b3 :size 3 ; :name "6" .
"""


LINKED = """
@prefix : <http://example.org/> .
:a1 :of :b1 ; :age 1 . :a2 :of :b2 ; :age 2 . :a3 :of :b3 ; :age 3 .
:c1 :of :d1 ; :note 1 . :c2 :of :d2 ; :note 2 . :c3 :of :d3 ; :note 3 .
:b1 :size 1 ; :name "1" . :b2 :size 2 ; :name "2" . :b3 :size 3 ; :name "3" .
:d1 :hue 1 ; :name "1" . :d2 :hue 2 ; :name "2" . :d3 :hue 3 ; :name "3" .
"""


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("?x :of ?y ; :age ?age . ?y :size ?size ; :name ?name", 3),
        ("?x :of ?y ; :note ?note . ?y :size ?size ; :name ?name", 1),
        ("?x :of ?y ; :note ?note . ?y :hue ?hue ; :name ?name", 3),
    ],
)
def test_linked_stars_are_estimated_by_the_links_of_their_sets(body, rows):
    store = ox.Store()
    store.load(LINKED.encode(), format=ox.RdfFormat.TURTLE)
    assert estimate_of(body, [MemberView("m", profile_store(store, "1"))]).rows == rows


def star_sources(text):
    store = ox.Store()
    store.load(STARS.encode(), format=ox.RdfFormat.TURTLE)
    query = parse_query("PREFIX : <http://example.org/> " + text)
    views = [MemberView("m", profile_store(store, "1"))]
    return tuple(pattern_leaves(query.pattern)), select_sources(query, views)


def test_a_star_has_as_many_rows_as_its_characteristic_sets_say():
    leaves, sources = star_sources("SELECT * { ?x :age ?a ; :name ?n }")
    estimate = estimate_local(leaves, ["m"], sources)
    assert estimate.rows == 3
    assert not certainly_empty(leaves, "m", sources)


@pytest.mark.parametrize("body", ["?x :age ?a ; :size ?s", "?x :age ?a ; :size ?s ; :name ?n"])
def test_predicates_that_no_subject_has_together_give_nothing(body):
    leaves, sources = star_sources(f"SELECT * {{ {body} }}")
    assert certainly_empty(leaves, "m", sources)


@pytest.mark.parametrize("body", ["?x :age ?a . ?y :size ?s", "?x :age ?a . ?x ?p ?s"])
def test_what_is_no_star_is_not_certainly_empty(body):
    leaves, sources = star_sources(f"SELECT * {{ {body} }}")
    assert not certainly_empty(leaves, "m", sources)
