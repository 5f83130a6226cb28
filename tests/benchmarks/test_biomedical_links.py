"""The benchmark on biomedical data must not leak what it asks for; on small graphs made here."""

import json
import random
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from benchmarks.biomedical_graph import (
    ASSOCIATED,
    CAUSES,
    HAS_PHENOTYPE,
    SUBCLASS_OF,
    BiomedicalGraph,
    Hierarchy,
    _is_frequent,
    links_of,
)
from benchmarks.biomedical_links import PLAN, WAYS, Material, measure
from benchmarks.biomedical_ranking import (
    FusedAnswers,
    ModelAnswers,
    NeighbourAnswers,
    PopularAnswers,
    bootstrap,
    rank_answers,
)
from benchmarks.biomedical_report import (
    WayResult,
    write_calibration,
    write_graph,
    write_held_out,
    write_new_links,
)
from benchmarks.biomedical_splits import (
    NewLink,
    check_new_links,
    check_splits,
    group_pairs,
    select_new_links,
    split_links,
)
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.splitting import Split
from hereditary_kg.embeddings.triples import TripleSet

# disease -> heart -> (heart-1, heart-2 -> heart-2a); spine stands apart.
ABOVE = {
    "disease": {},
    "heart": {"disease": 1},
    "heart-1": {"heart": 1, "disease": 2},
    "heart-2": {"heart": 1, "disease": 2},
    "heart-2a": {"heart-2": 1, "heart": 2, "disease": 3},
    "spine": {"disease": 1},
}


def graph_of(*links, genes=("g1", "g2", "g3")):
    triples = frozenset((gene, CAUSES, disease) for gene, disease in links)
    return BiomedicalGraph({"registry": triples}, genes, Hierarchy(ABOVE), {})


@pytest.fixture(scope="module")
def world():
    """Eight groups of genes and diseases; each disease has a subtype with one of its genes."""
    drawn = random.Random(1)
    above, registry, clinic, associated, vocabulary = {}, set(), set(), set(), set()
    for number in range(80):
        group, disease, subtype = number % 8, f"d{number:02}", f"d{number:02}a"
        above |= {disease: {}, subtype: {disease: 1}}
        vocabulary.add((subtype, SUBCLASS_OF, disease))
        genes = [f"g{group}{each}" for each in drawn.sample(range(8), 4)]
        registry |= {(gene, CAUSES, disease) for gene in genes}
        clinic.add((genes[0], CAUSES, subtype))
        associated |= {(gene, ASSOCIATED, disease) for gene in genes[1:3]}
        for each in drawn.sample(range(10), 6):
            registry.add((disease, HAS_PHENOTYPE, f"p{group}{each}"))
            clinic.add((subtype, HAS_PHENOTYPE, f"p{group}{each}"))
    genes = tuple(f"g{group}{each}" for group in range(8) for each in range(8))
    vocabulary |= {(gene, "member of", f"family {gene[1]}") for gene in genes}
    sites = {
        "registry": frozenset(registry),
        "clinic": frozenset(clinic),
        "DISEASES": frozenset(associated),
        "vocabulary": frozenset(vocabulary),
    }
    return BiomedicalGraph(sites, genes, Hierarchy(above), {"registry": 3})


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("", True),
        ("HP:0040282", True),
        ("HP:0040283", False),
        ("3/10", True),
        ("2/10", False),
        ("30%", True),
        ("12.5%", False),
    ],
)
def test_phenotypes_of_three_in_ten_are_frequent(frequency, expected):
    assert _is_frequent(frequency) is expected


def test_what_is_above_and_below_is_related():
    hierarchy = Hierarchy(ABOVE)
    assert hierarchy.related("heart-2") == {"heart-2", "heart-2a", "heart", "disease"}
    assert hierarchy.nearest_above("heart-2a", {"disease", "heart"}) == ["heart"]
    assert hierarchy.nearest_above("heart-2a", {"heart-2a", "heart"}) == ["heart-2a"]
    assert hierarchy.nearest_above("heart-2a", {"spine"}) == []


def test_what_another_hierarchy_has_above_counts_as_well():
    other = Hierarchy({"heart": {"recessive": 1, "heart-1": 1}, "spine": {"spine": 1}})
    joined = Hierarchy(ABOVE).joined(other)
    assert joined.above["heart-2a"] == {**ABOVE["heart-2a"], "recessive": 3, "heart-1": 3}
    assert joined.above["spine"] == {"disease": 1}
    assert "heart-1" not in joined.above["heart-1"]


def test_pairs_of_a_gene_and_related_diseases_are_one_group():
    pairs = [("g1", "heart"), ("g1", "heart-1"), ("g1", "spine"), ("g2", "heart-1")]
    assert sorted(group_pairs(pairs, Hierarchy(ABOVE))) == [
        (("g1", "heart"), ("g1", "heart-1")),
        (("g1", "spine"),),
        (("g2", "heart-1"),),
    ]


def test_a_held_out_pair_is_held_out_everywhere(world):
    splits = split_links(world, 0)
    check_splits(world, splits)
    held = {
        part: {
            pair for split in splits.values() for pair in links_of(getattr(split, part).labels())
        }
        for part in ("validation", "testing")
    }
    links = sum(map(len, world.links.values()))
    for pairs in held.values():
        assert links * 0.05 < len(pairs)
    # Registry and DISEASES have these in common, and the clinic has them of a subtype.
    for gene, disease in held["testing"]:
        for split in splits.values():
            trained = links_of(split.training.labels())
            assert {(gene, disease), (gene, f"{disease}a")}.isdisjoint(trained)
    for split in splits.values():
        used = set(split.training.used_only().entities)
        for part in (split.validation, split.testing):
            assert {end for pair in links_of(part.labels()) for end in pair} <= used


def test_a_leak_by_a_related_disease_is_found(world):
    splits = split_links(world, 0)
    gene, disease = next(
        pair for pair in links_of(splits["registry"].testing.labels()) if len(pair[1]) == 3
    )
    leaked = TripleSet.from_labels([(gene, CAUSES, f"{disease}a")])
    nothing = leaked.select(np.zeros(1, dtype=np.bool_))
    with pytest.raises(SystemExit, match="is known before testing"):
        check_splits(world, {**splits, "another": Split(leaked, nothing, nothing)})


LATER = Hierarchy(
    {**ABOVE, "heart-3": {"heart": 1, "disease": 2}, "spine-1a": {"spine-1": 1, "spine": 3}}
)


@pytest.mark.parametrize(
    ("pair", "asked"),
    [
        pytest.param(("g1", "spine"), "spine", id="a known disease"),
        pytest.param(("g1", "heart-1"), None, id="known"),
        pytest.param(("g1", "heart"), None, id="known below"),
        pytest.param(("g2", "heart-2a"), None, id="known above"),
        pytest.param(("g1", "heart-2"), "heart-2", id="known beside"),
        pytest.param(("g3", "heart-3"), "heart", id="a disease that came later"),
        pytest.param(("g1", "heart-3"), None, id="its group has the gene already"),
        pytest.param(("g3", "spine-1a"), None, id="too far above"),
        pytest.param(("g4", "spine"), None, id="no gene of the graph"),
        pytest.param(("g1", "lung"), None, id="no disease of Mondo"),
    ],
)
def test_new_is_what_no_site_has_in_any_form(pair, asked):
    graph = graph_of(("g1", "heart-1"), ("g2", "heart-2"))
    expected = [] if asked is None else [NewLink(*pair, asked)]
    found = select_new_links(graph, [pair], LATER)
    assert found == expected
    check_new_links(graph, found)


@pytest.mark.parametrize("asked", ["heart-1", "heart", "heart-2a"])
def test_a_new_link_that_is_known_ends_the_run(asked):
    graph = graph_of(("g1", "heart-1"), ("g1", "heart-2"))
    with pytest.raises(SystemExit, match="known already"):
        check_new_links(graph, [NewLink("g1", asked, asked)])


class Fixed:
    """The same scores for all questions."""

    def __init__(self, *scores):
        self.scores = np.array(scores, dtype=np.float32)

    def score(self, side, asked, candidates):
        return np.tile(self.scores, (len(asked), 1))


@pytest.mark.parametrize(
    ("scores", "right", "known", "rank"),
    [
        ((3, 2, 1, 0), "c", (), 3),
        ((3, 2, 1, 0), "c", ("a", "c"), 2),
        ((3, 2, 2, 2), "c", (), 3),
        ((3, -np.inf, -np.inf, -np.inf), "c", (), 3),
        ((3, -np.inf, -np.inf, -np.inf), "c", ("b",), 2.5),
    ],
)
def test_ranks_are_realistic_and_filtered(scores, right, known, rank):
    found = rank_answers(Fixed(*scores), "head", [("q", right)], "abcd", {"q": known})
    assert found.tolist() == [rank]


def test_models_answer_for_what_they_know():
    triples = TripleSet.from_labels([("g1", CAUSES, "d1"), ("g2", CAUSES, "d2")])
    model = EmbeddingModel.initialise("TransE-L2", 4, 1, 4, device="cpu")
    answers = ModelAnswers(model, triples, CAUSES)
    heads = answers.score("head", ["d2", "d9"], ["g2", "g9", "g1"])
    assert np.isneginf(heads[1]).all()
    assert np.isneginf(heads[0]).tolist() == [False, True, False]
    numbers = triples.entity_numbers
    expected = model.score_heads(torch.tensor([0]), torch.tensor([numbers["d2"]]))[0]
    assert heads[0, 0] == pytest.approx(float(expected[numbers["g2"]]))
    tails = answers.score("tail", ["g1"], ["d1"])
    expected = model.score_tails(torch.tensor([numbers["g1"]]), torch.tensor([0]))[0]
    assert tails[0, 0] == pytest.approx(float(expected[numbers["d1"]]))


def test_a_site_that_knows_nothing_changes_no_fused_order():
    fused = FusedAnswers([Fixed(3, 1, 2), Fixed(*[-np.inf] * 3)]).score("head", ["q"], "abc")
    assert np.argsort(-fused[0]).tolist() == [0, 2, 1]


def test_neighbours_by_phenotypes_come_before_popular_genes(world):
    pairs = {pair for pairs in world.links.values() for pair in pairs}
    known = {pair for pair in pairs if not pair[1].startswith("d00")}
    popular = PopularAnswers(known).score("head", ["d00"], world.genes)[0]
    near = NeighbourAnswers(world, known).score("head", ["d00"], world.genes)[0]
    right = {gene for gene, disease in pairs if disease == "d00"}
    best = [world.genes[place] for place in np.argsort(-near)[:8]]
    assert right <= set(best)
    assert {world.genes[place] for place in np.argsort(-popular)[:8]} != set(best)


def test_the_interval_of_a_mean_covers_it():
    mean, low, high = bootstrap(np.array([0.0, 1.0] * 50))
    assert mean == 0.5
    assert 0.38 < low < 0.45 < 0.55 < high < 0.62


def test_a_seed_is_measured_and_reported(world):
    splits = split_links(world, 0)
    plan = replace(PLAN, dimension=16, rounds=12, negatives=64, batch_size=64)
    new = {"Mondo": [NewLink("g00", "d01", "d01")], "phenopackets": [NewLink("g11", "d0", "d00")]}
    flat = [link for links in new.values() for link in links]
    found = {way: measure(Material(world, splits, plan), way, flat) for way in WAYS}
    alone, federated, popular = (
        np.mean(1 / np.array(found[way].held_out["registry"][0]))
        for way in ("alone", "federated", "popularity")
    )
    assert min(alone, federated) > popular
    assert all(len(ranks) == 2 for each in found.values() for ranks in each.new.values())
    kept = {way: WayResult(**json.loads(json.dumps(asdict(each)))) for way, each in found.items()}
    assert "| federated " in write_held_out([kept, kept])
    assert "| federated, all sites " in write_new_links(new, [kept])
    assert "| registry " in write_calibration([kept], draw=False)
    assert write_graph(world, new).count("registry") == 1
