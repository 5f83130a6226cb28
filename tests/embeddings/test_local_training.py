"""Local training: it learns, the same seed gives the same bits, and federation can reach in."""

import dataclasses

import numpy as np
import pytest
import torch

from hereditary_kg.embeddings.errors import ModelError, TrainingError, UnknownNameError
from hereditary_kg.embeddings.local_training import (
    LocalTraining,
    TrainingOptions,
    suggest_options,
)
from hereditary_kg.embeddings.losses import SelfAdversarialLoss, SoftmaxLoss
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel
from hereditary_kg.embeddings.ranking import rank_triples
from hereditary_kg.embeddings.triples import TripleSet
from tests.embeddings.random_graphs import random_triples

OPTIONS = TrainingOptions(
    loss=SoftmaxLoss(), negatives=10, batch_size=32, learning_rate=0.1, seed=4
)


def start(name="ComplEx", options=OPTIONS, triples=None, **settings):
    triples = triples or random_triples()
    model = EmbeddingModel.initialise(
        name, len(triples.entities), len(triples.relations), 8, device="cpu"
    )
    return LocalTraining(model, triples, options, **settings)


def chain(size=24):
    """Entities in a row, each with the next one and the one after that."""
    rows = [(n, step, n + step + 1) for step in (0, 1) for n in range(size - step - 1)]
    return TripleSet(tuple(f"e{n}" for n in range(size)), ("next", "after"), np.array(rows))


@pytest.mark.parametrize("optimiser", ["adagrad", "adam"])
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"DistMult"}))
def test_a_chain_is_learnt(name, optimiser):
    rate = 0.2 if optimiser == "adagrad" else 0.05
    options = dataclasses.replace(OPTIONS, optimiser=optimiser, learning_rate=rate)
    training = start(name, options, chain())
    training.model.entities.normal_(generator=torch.Generator().manual_seed(0))
    losses = training.train(120)
    assert losses[-1] < losses[0] * 0.7
    found = rank_triples(training.model, chain()).metrics()
    assert found.hits_at_3 > 0.8  # by chance an eighth


@pytest.mark.parametrize("loss", [SoftmaxLoss(), SelfAdversarialLoss(margin=2.0)], ids=str)
def test_distmult_learns_what_has_no_direction(loss):
    pairs = [(a, "with", b) for a, b in zip("abcdefgh", "badcfehg", strict=True)]
    triples = TripleSet.from_labels(pairs)
    options = dataclasses.replace(OPTIONS, loss=loss, negatives=None)
    training = start("DistMult", options, triples)
    training.train(100)
    assert rank_triples(training.model, triples).metrics().hits_at_1 > 0.9


@pytest.mark.parametrize("negatives", [10, None])
@pytest.mark.parametrize("optimiser", ["adagrad", "adam"])
def test_same_seed_same_bits(optimiser, negatives):
    options = dataclasses.replace(OPTIONS, optimiser=optimiser, negatives=negatives)
    one, two = start(options=options), start(options=options)
    assert one.train(3) == two.train(3)
    assert torch.equal(one.model.entities, two.model.entities)
    other = start(options=dataclasses.replace(options, seed=5))
    assert other.train(3) != one.train(3)


@pytest.mark.parametrize("optimiser", ["adagrad", "adam"])
def test_a_training_taken_up_again_goes_on_as_if_it_had_not_stopped(optimiser):
    options = dataclasses.replace(OPTIONS, optimiser=optimiser)
    whole, first, second = (start("RotatE", options) for _ in range(3))
    losses = whole.train(4)
    first.train(2)
    for name, values in (first.parameters() | first.optimiser_state()).items():
        second.assign(name, values)
    second.epoch = first.epoch
    assert second.train(2) == losses[2:]
    torch.testing.assert_close(second.model.relations, whole.model.relations)


def test_only_touched_rows_change():
    triples = random_triples(entities=400, triples=20)
    options = dataclasses.replace(OPTIONS, negatives=5)
    training = start(options=options, triples=triples)
    before = training.model.entities.clone()
    training.train(1)
    changed = (training.model.entities != before).any(1)
    state = training.optimiser_state()["entities/mean_squares"]
    assert state.shape == (400, 1)
    assert torch.equal(changed, state[:, 0] > 0)
    assert 0 < int(changed.sum()) < 60


def test_rows_are_replaced_by_copies():
    training = start("RotatE")
    values, rows = torch.full((2, 8), 3.0), torch.tensor([5, 1])
    training.assign("entities", values, rows)
    training.assign("relations", values, rows % 4)
    values.zero_()
    assert (training.parameters()["entities"][rows] == 3.0).all()
    assert training.model.relations[1].square().sum() == pytest.approx(4.0)
    training.assign("entities/mean_squares", torch.tensor([[7.0]]), torch.tensor([2]))
    assert training.optimiser_state()["entities/mean_squares"][2] == 7.0
    for state in training.optimiser_state().values():
        assert len(state) in (30, 4)


@pytest.mark.parametrize(
    ("name", "shape"), [("entitys", (30, 8)), ("entities", (29, 8)), ("relations", (4, 6))]
)
def test_rows_that_do_not_fit_are_refused(name, shape):
    with pytest.raises(ModelError):
        start().assign(name, torch.zeros(shape))
    with pytest.raises(ModelError):
        start().pull_towards({name: torch.zeros(shape)}, 1.0)


def test_a_proximal_term_holds_vectors_near():
    def distance(weight):
        training = start()
        anchors = {name: values.clone() for name, values in training.parameters().items()}
        training.pull_towards(anchors, weight)
        training.train(20)
        return float((training.model.entities - anchors["entities"]).norm())

    assert distance(10.0) < distance(0.1) < distance(0.0)


def test_a_proximal_term_of_weight_zero_ends_it():
    plain, ended = start(), start()
    ended.pull_towards({"entities": torch.zeros(30, 8)}, 1.0)
    ended.pull_towards({"entities": torch.zeros(30, 8)}, 0.0)
    assert plain.train(2) == ended.train(2)


def test_progress_is_told_after_each_epoch():
    told = []
    losses = start(progress=told.append).train(3)
    assert [(step.epoch, step.loss) for step in told] == list(enumerate(losses, start=1))


def test_a_loss_that_is_not_a_number_says_what_to_do():
    training = start()
    training.model.entities[3] = float("nan")
    with pytest.raises(TrainingError, match="Lower the learning rate"):
        training.train(1)


def test_what_cannot_be_trained_is_refused():
    triples = random_triples()
    nothing = triples.select(np.array([], dtype=np.int64))
    with pytest.raises(TrainingError, match="no triple"):
        LocalTraining(EmbeddingModel.initialise("TransE", 30, 4, 4), nothing)
    with pytest.raises(TrainingError, match="Make the model for these"):
        LocalTraining(EmbeddingModel.initialise("TransE", 31, 4, 4), triples)
    with pytest.raises(UnknownNameError, match="adagrad"):
        start(options=TrainingOptions(optimiser="adagard"))


@pytest.mark.parametrize(
    "settings",
    [{"batch_size": 0}, {"negatives": 0}, {"learning_rate": 0.0}, {"n3": -1.0},
     {"relation_learning_rate": float("inf")}],
)  # fmt: skip
def test_options_without_sense_are_refused(settings):
    with pytest.raises(TrainingError):
        TrainingOptions(**settings)


def test_options_are_suggested_for_each_model():
    assert suggest_options("ComplEx").n3 > 0
    assert suggest_options("RotatE", seed=3) == TrainingOptions(seed=3)
    training = LocalTraining(
        EmbeddingModel.initialise("DistMult", 30, 4, 4, device="cpu"), random_triples()
    )
    assert training.options == suggest_options("distmult")
    with pytest.raises(UnknownNameError, match="RotatE"):
        suggest_options("Rotate2")


def test_threads_are_left_alone():
    threads = torch.get_num_threads()
    start().train(1)
    assert torch.get_num_threads() == threads


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_gpu_learns_the_same(name):
    losses = []
    for device in ("cpu", "cuda"):
        model = EmbeddingModel.initialise(name, 30, 4, 8, device=device)
        training = LocalTraining(model, random_triples(), OPTIONS)
        losses.append(training.train(3))
        metrics = rank_triples(model, random_triples(), device=device).metrics()
        assert metrics.mean_reciprocal_rank > 0
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
