"""Redundant relations: found as by counting sets of pairs, and handled as was chosen."""

import random

import pytest
from graph_strategies import graphs
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import SplitError
from hereditary_kg.embeddings.redundant_relations import (
    drop_redundant_relations,
    find_redundant_relations,
    handle_redundancy,
    twin_groups,
)
from hereditary_kg.embeddings.triples import TripleSet


def counted(triples: TripleSet, threshold: float) -> set[tuple[str, str, str, int]]:
    """Find redundant relations by the definition, with sets."""
    pairs = {relation: set() for relation in triples.relations}
    for head, relation, tail in triples.labels():
        pairs[relation].add((head, tail))
    found = set()
    for one in triples.relations:
        for other in triples.relations:
            reverse = {(tail, head) for head, tail in pairs[other]}
            for kind, there in (("duplicate", pairs[other]), ("inverse", reverse)):
                common = len(pairs[one] & there)
                if not common or (one >= other and kind == "duplicate") or one > other:
                    continue
                if min(common / len(pairs[one]), common / len(there)) >= threshold:
                    found.add(("symmetric" if one == other else kind, one, other, common))
    return found


@given(graphs, st.sampled_from([0.1, 0.5, 0.8, 1.0]))
def test_what_is_found_is_what_sets_of_pairs_say(graph, threshold):
    found = find_redundant_relations(graph, threshold)
    assert {(each.kind, each.first, each.second, each.common) for each in found} == counted(
        graph, threshold
    )
    assert len(found) == len({(each.kind, each.first, each.second) for each in found})


PARTS = [(f"a{n}", "has part", f"b{n}") for n in range(10)]
WHOLES = [(f"b{n}", "part of", f"a{n}") for n in range(9)]
SAME = [(f"b{n}", "belongs to", f"a{n}") for n in range(9)]
SPOUSES = [("x", "spouse", "y"), ("y", "spouse", "x")]
OTHERS = [("a1", "sees", "b1"), ("b7", "sees", "x")]
ALL = TripleSet.from_labels(PARTS + WHOLES + SAME + SPOUSES + OTHERS)


def test_findings_are_told():
    told = [str(each) for each in find_redundant_relations(ALL, 0.8)]
    assert told == [
        "belongs to is the inverse of has part in 9 triples (100% and 90%)",
        "belongs to says the same as part of in 9 triples (100% and 100%)",
        "has part is the inverse of part of in 9 triples (90% and 100%)",
        "spouse is its own inverse in 100% of its triples",
    ]
    assert len(find_redundant_relations(ALL, 0.95)) == 2


def test_of_relations_that_say_the_same_the_largest_is_kept():
    left = drop_redundant_relations(ALL, find_redundant_relations(ALL))
    assert set(left.labels()) == set(PARTS + SPOUSES + OTHERS)
    assert left.relations == ALL.relations


def test_twins_belong_together():
    groups = twin_groups(ALL, find_redundant_relations(ALL))
    numbers = dict(zip(ALL.labels(), groups.tolist(), strict=True))
    for has, of, to in zip(PARTS[:9], WHOLES, SAME, strict=True):
        assert numbers[has] == numbers[of] == numbers[to]
    assert numbers[SPOUSES[0]] == numbers[SPOUSES[1]]
    assert len(set(numbers.values())) == 10 + 1 + 2


def test_a_reversed_triple_is_a_twin_also_where_its_relation_is_not_symmetric():
    triples = TripleSet.from_labels(
        [("a", "sees", "b"), ("b", "sees", "a"), ("a", "sees", "c"), ("d", "sees", "c")]
    )
    assert find_redundant_relations(triples) == ()
    assert len(set(twin_groups(triples).tolist())) == 3


def test_the_handling_is_chosen():
    found = find_redundant_relations(ALL)
    assert handle_redundancy(ALL, found, "keep") == (ALL, None)
    left, groups = handle_redundancy(ALL, found, "drop")
    assert len(left) == len(groups) == 14
    left, groups = handle_redundancy(ALL, found)
    assert len(left) == len(groups) == len(ALL)
    with pytest.raises(SplitError, match=r"'ignore'; take one of together, drop, keep"):
        handle_redundancy(ALL, found, "ignore")


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    with pytest.raises(SplitError, match="above 0"):
        find_redundant_relations(ALL, threshold)


def test_no_triples_are_no_trouble():
    empty = TripleSet.from_labels([])
    assert find_redundant_relations(empty) == ()
    assert len(twin_groups(empty)) == 0


def test_many_pairs_between_few_entities_are_counted_right():
    drawn = random.Random(1)
    rows = [(f"h{drawn.randrange(400)}", "one", f"t{drawn.randrange(400)}") for _ in range(30_000)]
    copies = [(tail, "two", head) for head, _, tail in rows]
    found = find_redundant_relations(TripleSet.from_labels(rows + copies))
    assert [(each.kind, each.first, each.common) for each in found] == [
        ("inverse", "one", len(set(rows)))
    ]
