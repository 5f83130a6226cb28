"""Splits: nothing of a test is in training, and everything that a test needs is."""

import random
from collections import Counter

import numpy as np
import pytest
from graph_strategies import graphs, labelled_triples
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import SplitError
from hereditary_kg.embeddings.redundant_relations import (
    find_redundant_relations,
    handle_redundancy,
)
from hereditary_kg.embeddings.splitting import Split, split_triples
from hereditary_kg.embeddings.triples import TripleSet

ratios = st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.9, 0.0, 0.1), (1.0, 0.0, 0.0)])
seeds = st.integers(0, 2**40)


def label_parts(split: Split) -> list[set[tuple[str, str, str]]]:
    return [set(part.labels()) for part in (split.training, split.validation, split.testing)]


@given(graphs, ratios, seeds)
def test_the_parts_are_apart_and_are_all(graph, shares, seed):
    parts = label_parts(split_triples(graph, seed=seed, ratios=shares))
    assert Counter(each for part in parts for each in part) == Counter(graph.labels())


@given(graphs, ratios, seeds)
def test_what_is_evaluated_was_seen_in_training(graph, shares, seed):
    training, *evaluated = label_parts(split_triples(graph, seed=seed, ratios=shares))
    entities = {end for head, _, tail in training for end in (head, tail)}
    relations = {relation for _, relation, _ in training}
    for part in evaluated:
        assert {end for head, _, tail in part for end in (head, tail)} <= entities
        assert {relation for _, relation, _ in part} <= relations


@given(graphs, seeds, st.sampled_from([0.3, 0.8]))
def test_no_twin_of_an_evaluated_triple_is_in_another_part(graph, seed, threshold):
    redundant = find_redundant_relations(graph, threshold)
    left, groups = handle_redundancy(graph, redundant, "together")
    parts = label_parts(split_triples(left, seed=seed, ratios=(0.5, 0.25, 0.25), groups=groups))
    for number, part in enumerate(parts):
        others = set().union(*parts[:number], *parts[number + 1 :])
        for head, relation, tail in part:
            assert (tail, relation, head) not in others
            for pair in redundant:
                if relation not in (pair.first, pair.second):
                    continue
                twin = pair.second if relation == pair.first else pair.first
                ends = (head, tail) if pair.kind == "duplicate" else (tail, head)
                assert (ends[0], twin, ends[1]) not in others


@given(labelled_triples, seeds, st.randoms(use_true_random=False))
def test_neither_order_nor_numbers_matter(rows, seed, shuffler):
    plain = split_triples(TripleSet.from_labels(rows), seed=seed)
    ends = list(dict.fromkeys(end for head, _, tail in rows for end in (head, tail)))
    kinds = list(dict.fromkeys(relation for _, relation, _ in rows))
    shuffled = rows * 2
    for listed in (ends, kinds, shuffled):
        shuffler.shuffle(listed)
    other = split_triples(TripleSet.from_labels(shuffled, ends, kinds), seed=seed)
    assert label_parts(plain) == label_parts(other)
    assert plain.kept_in_training == other.kept_in_training


def dense_graph() -> TripleSet:
    drawn = random.Random(7)
    return TripleSet.from_labels(
        (f"a{drawn.randrange(60)}", f"r{drawn.randrange(5)}", f"b{drawn.randrange(60)}")
        for _ in range(4_000)
    )


def test_the_shares_are_met_where_there_are_enough_triples():
    graph = dense_graph()
    split = split_triples(graph, seed=3)
    assert split.kept_in_training == 0
    assert len(split.validation) == len(split.testing) == round(len(graph) / 10)
    assert (split.whole().triples == graph.triples).all()
    assert str(split) == (
        f"{len(split.training)} training, {len(split.validation)} validation and "
        f"{len(split.testing)} test triples"
    )


def test_a_seed_makes_a_split():
    graph = dense_graph()
    tests = [label_parts(split_triples(graph, seed=seed))[2] for seed in (1, 1, 2)]
    assert tests[0] == tests[1]
    # Two independent draws of a tenth have a tenth in common.
    assert 0.02 < len(tests[0] & tests[2]) / len(tests[0]) < 0.25


def test_every_relation_and_the_rare_ones_are_drawn_alike():
    graph = dense_graph()
    shares = Counter(relation for _, relation, _ in label_parts(split_triples(graph, seed=3))[2])
    sizes = Counter(relation for _, relation, _ in graph.labels())
    assert all(0.05 < shares[relation] / sizes[relation] < 0.16 for relation in sizes)


def test_triples_that_training_needs_are_counted():
    # A star of which the only other triples are two parallel ones.
    rows = [("hub", "r", f"leaf {number}") for number in range(20)]
    rows += [("hub", "r", "twice"), ("hub", "s", "twice"), ("hub", "s", "other")]
    rows += [("hub", "r", "other")]
    split = split_triples(TripleSet.from_labels(rows), seed=1, ratios=(0.5, 0.25, 0.25))
    assert len(split.validation) + len(split.testing) == 2
    assert split.kept_in_training == 22
    assert "22 drawn ones stay in training" in str(split)


@pytest.mark.parametrize(
    "shares",
    [(0.8, 0.1), (0.8, 0.1, 0.2), (0.0, 0.5, 0.5), (1.2, -0.1, -0.1), (float("nan"), 0, 0)],
)
def test_ratios_that_split_nothing_are_refused(shares):
    with pytest.raises(SplitError, match="add up to 1"):
        split_triples(dense_graph(), seed=0, ratios=shares)


def test_groups_of_other_triples_are_refused():
    with pytest.raises(SplitError, match=r"groups of 3 triples"):
        split_triples(dense_graph(), seed=0, groups=np.arange(3))


def test_parts_with_different_labels_are_refused():
    one, two = TripleSet.from_labels([("a", "r", "b")]), TripleSet.from_labels([("a", "r", "c")])
    with pytest.raises(SplitError, match="different labels"):
        Split(one, two, one)
