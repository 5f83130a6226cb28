"""The order of joins: the cheapest one where all are tried, a connected one where they are many."""

import math
import time
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.federation.statistics import MemberStatistics
from hereditary_kg.planning.cardinality import Estimate, join_estimates
from hereditary_kg.planning.costs import asking_cost, joined_cost
from hereditary_kg.planning.join_order import join_order
from hereditary_kg.planning.members import MemberView
from hereditary_kg.planning.units import Unit
from hereditary_kg.rdf.terms import IRI
from hereditary_kg.sparql.algebra import BGP, TriplePattern, Variable

MEMBERS = {
    "new": MemberView("new"),
    "near": MemberView("near", learnt=MemberStatistics(9, 0.001, 0.000002, 60.0)),
    "far": MemberView("far", learnt=MemberStatistics(9, 0.3, 0.0001, 200.0)),
}
SETTINGS = settings(max_examples=80, derandomize=True, deadline=None)


def unit(first, second, rows, distinct, members=("new",)):
    """Give a unit that binds two of the variables ?0, ?1 and so on."""
    ends = [Variable(str(first)), Variable(str(second))]
    pattern = BGP((TriplePattern(ends[0], IRI(f"urn:p{first}-{second}-{rows}"), ends[1]),))
    counts = {end: min(rows, count) for end, count in zip(ends, distinct, strict=True)}
    return Unit(pattern, members, Estimate(rows, counts), pushable=True)


numbers = st.sampled_from([1.0, 3.0, 20.0, 150.0, 1_000.0, 30_000.0])
units = st.builds(
    unit,
    st.integers(0, 4),
    st.integers(0, 4),
    numbers,
    st.tuples(numbers, numbers),
    st.lists(st.sampled_from(sorted(MEMBERS)), min_size=1, max_size=3, unique=True).map(tuple),
)
outside = st.none() | st.builds(
    lambda rows, end: Estimate(rows, {Variable(str(end)): rows}), numbers, st.integers(0, 4)
)


def step_cost(joined, each, size, *, first):
    """Give what one more unit costs, written down once more."""
    estimate = each.estimate
    asking = asking_cost(MEMBERS[name].learnt for name in each.members)
    terms = len(estimate.distinct)
    whole = asking.whole(estimate.rows, terms)
    shared = joined.distinct.keys() & estimate.distinct.keys()
    if first or not shared:
        return whole + joined_cost(joined.rows * estimate.rows)
    keys = min(joined.rows, max(joined.distinct[v] for v in shared))
    found = estimate.rows * keys / max(keys, 1.0, *(estimate.distinct[v] for v in shared))
    bound = asking.bound(keys, min(size.rows, found), terms)
    return min(whole, bound) + joined_cost(size.rows)


def cost_of(order, given, parts):
    """Give the cost of an order; None where it has a cross product that another one avoids."""
    start = given or Estimate(1.0)
    joined, total = start, 0.0
    for place, each in enumerate(order):
        free = joined.distinct.keys().isdisjoint
        if free(each.estimate.distinct) and not all(
            free(u.estimate.distinct) for u in order[place:]
        ):
            return None
        done = {id(part) for part in order[: place + 1]}
        size = start
        for part in parts:
            size = join_estimates((size, part.estimate)) if id(part) in done else size
        total += step_cost(joined, each, size, first=not place and given is None)
        joined = size
    return total


@SETTINGS
@given(st.lists(units, min_size=1, max_size=6), outside)
def test_no_order_costs_less_than_the_one_that_is_chosen(parts, given_size):
    chosen = join_order(parts, given_size, MEMBERS)
    assert sorted(map(id, chosen)) == sorted(map(id, parts))
    cost = cost_of(chosen, given_size, parts)
    assert cost is not None
    costs = [cost_of(order, given_size, parts) for order in permutations(parts)]
    assert math.isclose(cost, min(each for each in costs if each is not None))


def shape(name, count):
    """Give the pairs of variables of a chain, a star or a tree of units."""
    match name:
        case "chain":
            return pairwise(range(count + 1))
        case "star":
            return ((0, n + 1) for n in range(count))
        case _:
            return ((n // 2, n + 1) for n in range(count))


@pytest.mark.parametrize("name", ["chain", "star", "tree"])
@pytest.mark.parametrize("count", [13, 40])
@pytest.mark.parametrize("given_size", [None, Estimate(5.0, {Variable("3"): 5.0})])
def test_many_units_are_joined_fast_and_without_cross_products(name, count, given_size):
    parts = [
        unit(first, second, float(1 + 37 * n % 101), (10.0, 20.0))
        for n, (first, second) in enumerate(shape(name, count))
    ]
    started = time.monotonic()
    chosen = join_order(parts, given_size, MEMBERS)
    assert time.monotonic() - started < 2.0
    assert sorted(map(id, chosen)) == sorted(map(id, parts))
    bound = set() if given_size is None else set(given_size.distinct)
    for place, each in enumerate(chosen):
        assert not bound or bound & each.estimate.distinct.keys(), (place, each)
        bound |= each.estimate.distinct.keys()


def test_parts_without_a_common_variable_are_finished_one_after_the_other():
    parts = [unit(n, n + 1, 10.0 + n, (5.0, 5.0)) for n in (*range(8), *range(20, 28))]
    chosen = join_order(parts, None, MEMBERS)
    islands = [min(int(v.name) for v in each.estimate.distinct) >= 20 for each in chosen]
    assert sum(one != other for one, other in pairwise(islands)) == 1
