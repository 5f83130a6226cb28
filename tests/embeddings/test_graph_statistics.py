"""Statistics: as counted by hand and by sets, and the published cardinalities."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from graph_strategies import graphs
from hypothesis import given

from hereditary_kg.embeddings.graph_statistics import RELATION_COLUMNS, measure_graph
from hereditary_kg.embeddings.label_kinds import LabelKind
from hereditary_kg.embeddings.public_graphs import read_public_graph
from hereditary_kg.embeddings.triples import TripleSet

SHARED = Path(__file__).parents[3] / "shared" / "data" / "kge"

GRAPH = TripleSet.from_labels(
    [
        ("a", "has", "x"),
        ("a", "has", "y"),
        ("b", "has", "z"),
        ("b", "has", "u"),
        ("x", "of", "a"),
        ("y", "of", "a"),
        ("z", "near", "z"),
    ],
    entities=["in no triple"],
)


def test_counts_are_as_by_hand():
    found = measure_graph(GRAPH)
    assert (found.triples, found.entities) == (7, 6)
    assert vars_of(found.degrees) == (1, 2.0, 14 / 6, 4)
    assert found.relation_rows() == [
        ("has", 4, 2, 4, 2.0, 1.0, "1-n", 0.5),
        ("of", 2, 2, 1, 1.0, 2.0, "n-1", 1.0),
        ("near", 1, 1, 1, 1.0, 1.0, "1-1", 1.0),
    ]
    assert found.shared_entities is None
    assert str(found).startswith("7 triples, 6 entities, 3 relations; degrees from 1 to 4, 2 in")


def vars_of(degrees):
    return (degrees.smallest, degrees.median, degrees.mean, degrees.largest)


@given(graphs)
def test_relations_are_measured_as_sets_say(graph):
    tails, heads = defaultdict(set), defaultdict(set)
    for head, relation, tail in graph.labels():
        tails[relation, head].add(tail)
        heads[relation, tail].add(head)
    found = measure_graph(graph)
    assert sum(each.triples for each in found.relations) == found.triples == len(graph)
    for each in found.relations:
        of_heads = [len(ends) for (relation, _), ends in tails.items() if relation == each.relation]
        of_tails = [len(ends) for (relation, _), ends in heads.items() if relation == each.relation]
        assert (each.heads, each.tails) == (len(of_heads), len(of_tails))
        assert each.tails_per_head == pytest.approx(sum(of_heads) / len(of_heads))
        assert each.heads_per_tail == pytest.approx(sum(of_tails) / len(of_tails))


def test_kinds_are_counted_of_entities_that_are_in_triples():
    kinds = dict.fromkeys(GRAPH.entities, LabelKind.LOCAL)
    kinds |= {"x": LabelKind.SHARED, "z": LabelKind.SHARED, "in no triple": LabelKind.SHARED}
    kinds["u"] = LabelKind.PUBLIC
    found = measure_graph(GRAPH, [kinds[each] for each in GRAPH.entities])
    assert dict(found.entities_by_kind) == {"local": 3, "public": 1, "shared": 2}
    assert found.triples_by_shared_ends == (3, 3, 1)
    assert found.shared_entities == pytest.approx(1 / 3)
    assert "entities: 3 local, 1 public, 2 shared" in str(found)


def test_json_says_all_of_it():
    kinds = [LabelKind.SHARED] * len(GRAPH.entities)
    told = json.loads(measure_graph(GRAPH, kinds).to_json())
    assert told["entities_by_kind"] == {"local": 0, "public": 0, "shared": 6}
    assert told["shared_entities"] == 1
    assert tuple(told["relations"][0]) == RELATION_COLUMNS
    assert told["degrees"]["largest"] == 4


def test_no_triples_are_no_trouble():
    found = measure_graph(TripleSet.from_labels([]), [])
    assert (found.degrees, found.relations, found.shared_entities) == (None, (), None)
    assert json.loads(found.to_json())["triples"] == 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/kge is absent")
def test_fb15k_237_has_the_published_cardinalities():
    # 7.2 %, 11.0 %, 34.2 % and 47.7 % of 237 relations.
    found = measure_graph(read_public_graph(SHARED / "FB15k-237").whole())
    assert Counter(each.cardinality for each in found.relations) == {
        "1-1": 17,
        "1-n": 26,
        "n-1": 81,
        "n-n": 113,
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/kge is absent")
def test_wn18rr_has_the_published_cardinalities():
    found = measure_graph(read_public_graph(SHARED / "WN18RR").training)
    kinds = defaultdict(set)
    for each in found.relations:
        kinds[each.cardinality].add(each.relation)
    assert kinds == {
        "1-1": {"_similar_to", "_verb_group"},
        "1-n": {
            "_has_part",
            "_member_meronym",
            "_member_of_domain_region",
            "_member_of_domain_usage",
        },
        "n-1": {"_hypernym", "_instance_hypernym", "_synset_domain_topic_of"},
        "n-n": {"_also_see", "_derivationally_related_form"},
    }
