"""What sites exchange is the weighted mean of their rows, and of nothing else."""

import numpy as np
import pytest
import torch

from hereditary_kg.embeddings.errors import TrainingError
from hereditary_kg.embeddings.local_training import LocalTraining, TrainingOptions
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.shared_rows import SharedRows
from hereditary_kg.embeddings.site_learner import SiteLearner, mean_changes, weigh_rows
from hereditary_kg.embeddings.strategies import resolve_strategy
from hereditary_kg.embeddings.triples import TripleSet

DIMENSION = 4
TOTAL = 5
# Rows of three sites: (own, shared) of entities. Each has one entity of its own.
OWN = {
    "north": ([0, 1, 2], [0, 1, 2]),
    "south": ([3, 0, 1], [1, 2, 3]),
    "west": ([2, 1, 3], [0, 2, 4]),
}


def _triples(seed):
    drawn = np.random.default_rng(seed)
    rows = np.stack(
        [drawn.integers(0, 4, 20), drawn.integers(0, 2, 20), drawn.integers(0, 4, 20)], axis=1
    )
    return TripleSet(("a", "b", "c", "d"), ("r", "s"), rows)


def _learners(strategy, optimiser="adagrad"):
    start = EmbeddingModel.initialise("ComplEx", TOTAL, 2, DIMENSION, seed=7)
    learners = {}
    for number, (site, (own, shared)) in enumerate(OWN.items()):
        triples = _triples(number)
        model = EmbeddingModel.initialise("ComplEx", 4, 2, DIMENSION, seed=number)
        options = TrainingOptions(negatives=4, batch_size=8, optimiser=optimiser)
        learners[site] = SiteLearner(
            LocalTraining(model, triples, options),
            {
                "entities": SharedRows(np.array(own), np.array(shared), TOTAL),
                "relations": SharedRows(np.arange(2), np.arange(2), 2),
            },
            {"entities": start.entities, "relations": start.relations},
            weights=weigh_rows(strategy.weighting, triples.triples, 4, 2, reciprocal=False),
            strategy=strategy,
            seed=3,
        )
    return learners


def _exchange(learners, number, offsets):
    contributions = [learner.contribute(learner.rows(number)) for learner in learners.values()]
    names = contributions[0].tensors
    sums = {name: sum(c.tensors[name].astype(float) for c in contributions) for name in names}
    owners = {
        kind: sum(c.owned[kind].astype(int) for c in contributions)
        for kind in contributions[0].owned
    }
    means = mean_changes(sums, owners)
    one = next(iter(learners.values()))
    rows = one.rows(number)
    for name, values in means.items():
        kind = name.partition("/")[0]
        chosen = rows[kind]
        offsets.setdefault(name, np.zeros((one.sizes()[kind], values.shape[1])))
        offsets[name][chosen] += values
    sent = {name: values[rows[name.partition("/")[0]]] for name, values in offsets.items()}
    for learner in learners.values():
        learner.receive(rows, sent)


def _vectors(learner, site, kind="entities"):
    """The site's rows by their shared numbers."""
    own, shared = OWN[site] if kind == "entities" else ([0, 1], [0, 1])
    values = learner.training.parameters()[kind]
    return {number: values[row].clone() for row, number in zip(own, shared, strict=True)}


def test_all_start_alike_and_what_is_not_shared_stays():
    learners = _learners(resolve_strategy("both"))
    north, west = (_vectors(learners[site], site) for site in ("north", "west"))
    assert torch.equal(north[0], west[0])
    own = EmbeddingModel.initialise("ComplEx", 4, 2, DIMENSION, seed=0).entities[3]
    learners["north"].train(1)
    before = learners["north"].training.parameters()["entities"][3].clone()
    assert not torch.equal(before, own)
    _exchange(learners, 1, {})
    assert torch.equal(learners["north"].training.parameters()["entities"][3], before)


@pytest.mark.parametrize("name", ["entities", "relations", "both", "by-triples"])
def test_shared_rows_become_the_weighted_mean_of_their_owners(name):
    strategy = resolve_strategy(name)
    learners = _learners(strategy)
    offsets = {}
    for number in (1, 2):
        for learner in learners.values():
            learner.train(2)
        before = {
            kind: {site: _vectors(learner, site, kind) for site, learner in learners.items()}
            for kind in ("entities", "relations")
        }
        _exchange(learners, number, offsets)
        for kind in ("entities", "relations"):
            for site, learner in learners.items():
                for row, found in _vectors(learner, site, kind).items():
                    owners = [s for s in learners if row in before[kind][s]]
                    if kind not in strategy.kinds:
                        expected = before[kind][site][row]
                    else:
                        weights = torch.tensor([_weight(strategy, s, kind, row) for s in owners])
                        stacked = torch.stack([before[kind][s][row] for s in owners])
                        expected = (weights[:, None] * stacked).sum(0) / weights.sum()
                    assert torch.allclose(found, expected, atol=1e-6)


def test_means_of_vectors_are_lengthened_by_their_owners_and_those_of_states_are_not():
    values = np.array([[4.0, 8.0], [6.0, 3.0], [5.0, 1.0], [0.0, 0.0]])
    owners = {"entities": np.array([4, 3, 1, 0])}
    sums = {"entities": values, "entities/squares": values}
    means = mean_changes(sums, owners)
    scaled = mean_changes(sums, owners, 0.5)
    assert means["entities"].tolist() == [[1, 2], [2, 1], [5, 1], [0, 0]]
    assert np.allclose(scaled["entities"], means["entities"] * [[2], [3**0.5], [1], [0]])
    assert np.array_equal(scaled["entities/squares"], means["entities/squares"])
    assert np.array_equal(mean_changes(sums, owners, 1)["entities"], values)


def _weight(strategy, site, kind, shared_row):
    if strategy.weighting == "existence":
        return 1.0
    triples = _triples(list(OWN).index(site)).triples
    if kind == "relations":
        return float((triples[:, 1] == shared_row).sum())
    own, shared = OWN[site]
    row = own[shared.index(shared_row)]
    return float(max(1, (triples[:, [0, 2]] == row).sum()))


@pytest.mark.parametrize("optimiser", ["adagrad", "adam"])
def test_the_state_of_the_optimiser_is_averaged_as_well(optimiser):
    learners = _learners(resolve_strategy("entities"), optimiser)
    for learner in learners.values():
        learner.train(1)
    name = next(n for n in learners["north"].training.optimiser_state() if n.startswith("ent"))
    before = {
        site: learner.training.optimiser_state()[name].clone() for site, learner in learners.items()
    }
    _exchange(learners, 1, {})
    # Shared row 0 is row 0 of north and row 2 of west.
    expected = (before["north"][0] + before["west"][2]) / 2
    if name.endswith("squares"):
        expected = ((before["north"][0].sqrt() + before["west"][2].sqrt()) / 2).square()
    for site, row in (("north", 0), ("west", 2)):
        found = learners[site].training.optimiser_state()[name][row]
        assert torch.allclose(found, expected, atol=1e-6)


def test_a_personalised_site_keeps_a_share_of_its_own():
    learners = _learners(resolve_strategy("personalised", own_share=0.25))
    for learner in learners.values():
        learner.train(2)
    before = {site: _vectors(learner, site) for site, learner in learners.items()}
    _exchange(learners, 1, {})
    common = (before["north"][0] + before["west"][0]) / 2
    for site in ("north", "west"):
        expected = 0.75 * common + 0.25 * before[site][0]
        assert torch.allclose(_vectors(learners[site], site)[0], expected, atol=1e-6)


def test_a_sparsified_exchange_leaves_other_rows_as_they_are():
    strategy = resolve_strategy("sparsified", exchanged_share=0.4)
    learners = _learners(strategy)
    offsets = {}
    for number in (1, 2, 3):
        for learner in learners.values():
            learner.train(1)
        before = {site: _vectors(learner, site) for site, learner in learners.items()}
        _exchange(learners, number, offsets)
        chosen = set(learners["north"].rows(number)["entities"].tolist())
        assert 0 < len(chosen) < TOTAL
        for site, learner in learners.items():
            for row, found in _vectors(learner, site).items():
                owners = [s for s in learners if row in before[s]]
                mean = torch.stack([before[s][row] for s in owners]).mean(0)
                expected = mean if row in chosen else before[site][row]
                assert torch.allclose(found, expected, atol=1e-6)


def test_alone_nothing_is_exchanged():
    learners = _learners(resolve_strategy("alone"))
    contribution = learners["north"].contribute(learners["north"].rows(1))
    assert contribution.tensors == contribution.owned == {}
    assert learners["north"].columns() == {}


@pytest.mark.parametrize("damage", [lambda m: m[:-1], lambda m: m * np.nan])
def test_a_damaged_mean_is_refused(damage):
    learners = _learners(resolve_strategy("entities"))
    learner = learners["north"]
    before = learner.training.parameters()["entities"].clone()
    sent = {name: np.zeros((TOTAL, columns)) for name, columns in learner.columns().items()}
    last = list(sent)[-1]
    sent[last] = damage(sent[last])
    with pytest.raises(TrainingError, match="Nothing of it was taken"):
        learner.receive(learner.rows(1), sent)
    assert torch.equal(learner.training.parameters()["entities"], before)


def test_a_site_that_is_restored_goes_on_as_before():
    strategy = resolve_strategy("entities")
    one, two = _learners(strategy), _learners(strategy)
    agreed = {}
    for learners in (one, two):
        agreed[id(learners)] = {}
        for learner in learners.values():
            learner.train(1)
        _exchange(learners, 1, agreed[id(learners)])
    fresh = _learners(strategy)
    for site, learner in fresh.items():
        source = two[site]
        for name, values in (
            source.training.parameters() | source.training.optimiser_state()
        ).items():
            learner.training.assign(name, values)
        learner.training.epoch = source.training.epoch
        learner.restore({name: values.clone() for name, values in source.state().items()})
    for learners, source in ((one, one), (fresh, two)):
        for learner in learners.values():
            learner.train(1)
        _exchange(learners, 2, agreed[id(source)])
    for site in OWN:
        left, right = (learners[site].training.parameters() for learners in (one, fresh))
        assert all(torch.equal(left[kind], right[kind]) for kind in left)


@pytest.mark.parametrize(
    ("own", "shared"), [([0, 0], [0, 1]), ([0, 1], [1, 0]), ([0], [0, 1]), ([0, 1], [0, 5])]
)
def test_rows_that_do_not_belong_together_are_refused(own, shared):
    with pytest.raises(TrainingError, match="Align anew"):
        SharedRows(np.array(own), np.array(shared), TOTAL)


def test_a_model_with_inverses_shares_both_rows_of_a_relation():
    rows = SharedRows(np.array([1]), np.array([2]), 4).with_inverses(3)
    assert rows.own.tolist() == [1, 4]
    assert rows.shared.tolist() == [2, 6]
    assert rows.total == 8


def test_a_site_that_missed_a_round_catches_up():
    strategy = resolve_strategy("entities")
    learners, offsets = _learners(strategy), {}
    late = learners["west"]
    others = {site: learner for site, learner in learners.items() if site != "west"}
    for learner in others.values():
        learner.train(1)
    _exchange(others, 1, offsets)
    late.receive({"entities": np.arange(TOTAL)}, offsets)
    # Shared row 2 is row 2 of north, row 0 of south and row 1 of west.
    there = learners["north"].training.parameters()["entities"][2]
    assert torch.allclose(late.training.parameters()["entities"][1], there, atol=1e-6)
    # What nobody else has is where it was.
    start = EmbeddingModel.initialise("ComplEx", TOTAL, 2, DIMENSION, seed=7).entities[4]
    assert torch.allclose(late.training.parameters()["entities"][3], start, atol=1e-6)
