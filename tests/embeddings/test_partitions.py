"""Partitions: each triple at one site, dealt as was asked, and recognised from counts."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from graph_strategies import graphs
from hypothesis import assume, given
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import PartitionError
from hereditary_kg.embeddings.partition_recognition import count_common, recognise_partition
from hereditary_kg.embeddings.partitions import (
    partition_as_published,
    partition_by_entity,
    partition_by_relation,
    partition_by_triple,
    read_relation_sites,
)
from hereditary_kg.embeddings.public_graphs import read_public_graph
from hereditary_kg.embeddings.triples import TripleSet

FB15K_237 = Path(__file__).parents[3] / "shared" / "data" / "kge" / "FB15k-237"
WAYS = {
    "relation": partition_by_relation,
    "triple": partition_by_triple,
    "entity": partition_by_entity,
}


@given(graphs, st.sampled_from(sorted(WAYS)), st.integers(2, 3), st.integers(0, 99))
def test_each_triple_is_at_one_site(graph, way, sites, seed):
    keys = {"relation": 1, "entity": 0}
    rows = graph.labels()
    dealt = [row[keys[way]] if way in keys else row for row in rows]
    assume(len(set(dealt)) >= sites)
    parts = WAYS[way](graph, sites, seed=seed)
    assert len(parts) == sites
    assert sorted(row for part in parts for row in part.labels()) == sorted(rows)
    if way in keys:
        owners = [{row[keys[way]] for row in part.labels()} for part in parts]
        assert sum(map(len, owners)) == len(set(dealt))
    else:
        owners = [part.labels() for part in parts]
    assert max(map(len, owners)) - min(map(len, owners)) <= 1
    assert all(part.used_only().entities == part.entities for part in parts)
    renumbered = TripleSet.from_labels(
        rows, entities=graph.entities[::-1], relations=graph.relations[::-1]
    )
    again = WAYS[way](renumbered, sites, seed=seed)
    assert [part.labels() for part in again] == [part.labels() for part in parts]


@pytest.fixture(scope="module")
def fb15k_237() -> TripleSet:
    if not FB15K_237.is_dir():
        pytest.skip("../shared/data/kge/FB15k-237 is absent")
    return read_public_graph(FB15K_237).whole()


def recognised(parts):
    return recognise_partition(
        count_common([set(part.entities) for part in parts]),
        count_common([set(part.relations) for part in parts]),
    )


def test_the_published_partition_is_vertical(fb15k_237):
    sites = read_relation_sites(FB15K_237 / "r10_relation_sites.tsv")
    assert Counter(Counter(sites.values()).values()) == {23: 9, 30: 1}
    parts = partition_as_published(fb15k_237, sites)
    assert sum(map(len, parts)) == len(fb15k_237)
    assert [len(part.relations) for part in parts] == [23] * 9 + [30]
    found = recognised(parts)
    assert found.kind == "vertical"
    assert found.relation_overlap == 0
    assert found.entity_overlap > 0.3


@pytest.mark.parametrize(
    ("way", "kind"), [("relation", "vertical"), ("triple", "horizontal"), ("entity", "horizontal")]
)
def test_a_dealt_graph_is_recognised(fb15k_237, way, kind):
    parts = WAYS[way](fb15k_237, 3, seed=1)
    assert recognised(parts).kind == kind
    if way == "relation":
        assert [len(part.relations) for part in parts] == [79, 79, 79]


def test_neither_one_nor_the_other_is_mixed_and_nothing_is_unrelated():
    entities = np.array([[100, 80], [80, 90]])
    assert recognise_partition(entities, np.array([[10, 3], [3, 10]])).kind == "mixed"
    assert recognise_partition(entities, np.array([[10, 0], [0, 10]])).kind == "vertical"
    assert recognise_partition(entities, np.array([[40, 4], [4, 5]])).kind == "horizontal"
    nothing = np.array([[4, 0], [0, 0]])
    assert recognise_partition(nothing, nothing).kind == "unrelated"
    assert str(recognise_partition(entities, np.array([[10, 3], [3, 10]]))) == (
        "The federation is mixed: two sites have 30% of their relations and 89% of their "
        "entities in common, of the smaller's, on average."
    )


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([[3]], "at least two sites"),
        ([[3, 1, 1], [1, 3, 1]], "at least two sites"),
        ([[3, 4], [4, 5]], "no more in common"),
        ([[3, 1], [2, 3]], "in both directions"),
        ([[3, -1], [-1, 3]], "no more in common"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts, told):
    right = np.array([[3, 1], [1, 3]])
    with pytest.raises(PartitionError, match=told):
        recognise_partition(np.array(counts), right)
    with pytest.raises(PartitionError, match="Count both at all sites"):
        recognise_partition(right, np.full((3, 3), 2))


GRAPH = TripleSet.from_labels([("a", "r", "b"), ("b", "s", "c"), ("a", "t", "c")])


def test_a_partition_for_another_graph_is_told():
    with pytest.raises(
        PartitionError, match="no site to 1 of the graph's 3 relations, such as 't'"
    ):
        partition_as_published(GRAPH, {"r": 0, "s": 1})
    with pytest.raises(PartitionError, match="Site 1 of the partition has no triple"):
        partition_as_published(GRAPH, {"r": 0, "s": 0, "t": 2})
    parts = partition_as_published(GRAPH, {"r": 0, "s": 1, "t": 0, "of another graph": 1})
    assert [part.relations for part in parts] == [("r", "t"), ("s",)]


@pytest.mark.parametrize("way", sorted(WAYS))
def test_too_many_or_too_few_sites_are_refused(way):
    with pytest.raises(PartitionError, match="cannot be dealt over 4 sites"):
        WAYS[way](GRAPH, 4, seed=0)
    with pytest.raises(PartitionError, match="no federation"):
        WAYS[way](GRAPH, 1, seed=0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0\tr\n1\n", r"sites\.tsv:2: a line has"),
        ("x\tr\n", r"sites\.tsv:1: a line has"),
        ("0\tr\n1\tr\n", r"sites\.tsv:2: 'r' is at site 0 and at site 1"),
    ],
)
def test_a_broken_file_of_sites_is_told(tmp_path, text, told):
    path = tmp_path / "sites.tsv"
    path.write_text(text)
    with pytest.raises(PartitionError, match=told):
        read_relation_sites(path)
    with pytest.raises(PartitionError, match="cannot be read"):
        read_relation_sites(tmp_path / "absent.tsv")
