"""PyKEEN: our models are its models, our ranks its evaluator's, and its loop trains for us."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("pykeen", reason="the extra learn is not installed")
from pykeen.evaluation import RankBasedEvaluator

from hereditary_kg.embeddings.errors import ModelError, TrainingError, UnknownNameError
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel
from hereditary_kg.embeddings.pykeen_models import (
    PyKEENScorer,
    PyKEENTraining,
    _weights,
    to_pykeen,
    to_triples_factory,
)
from hereditary_kg.embeddings.ranking import rank_triples
from tests.embeddings.random_graphs import random_triples, split


def make(name, reciprocal=False):
    return EmbeddingModel.initialise(
        name, 30, 4, 8, reciprocal=reciprocal, scale=0.7, seed=2, device="cpu"
    )


@pytest.mark.parametrize("reciprocal", [False, True])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_pykeen_scores_the_same(name, reciprocal):
    model, triples = make(name, reciprocal), random_triples()
    theirs = PyKEENScorer(to_pykeen(model, triples))
    numbers = torch.arange(30)
    for relation in range(4):
        kinds = torch.full((30,), relation)
        for ours, found in (
            (model.score_tails(numbers, kinds), theirs.score_tails(numbers, kinds)),
            (model.score_heads(kinds, numbers), theirs.score_heads(kinds, numbers)),
        ):
            torch.testing.assert_close(ours, found, atol=1e-5, rtol=0)
    chosen = torch.tensor([3, 1])
    torch.testing.assert_close(
        theirs.score_tails(numbers, kinds, chosen),
        model.score_tails(numbers, kinds, chosen),
        atol=1e-5,
        rtol=0,
    )


@pytest.mark.parametrize("name", ["TransE", "DistMult", "RotatE"])
def test_metrics_are_those_of_pykeens_evaluator(name):
    train, test = split(random_triples(triples=300))
    model = make(name)
    if name == "DistMult":  # vectors of few values, so that there are many equal scores
        model.entities.sign_()
        model.relations.sign_()
    found = RankBasedEvaluator(filtered=True).evaluate(
        to_pykeen(model, train),
        mapped_triples=torch.from_numpy(test.triples),
        additional_filter_triples=[torch.from_numpy(train.triples)],
        batch_size=16,
        use_tqdm=False,
    )
    ranking = rank_triples(model, test, [train])
    for side in ("head", "tail", "both"):
        ours = ranking.metrics(None if side == "both" else side)
        for name_of_theirs, value in {
            "inverse_harmonic_mean_rank": ours.mean_reciprocal_rank,
            "hits_at_1": ours.hits_at_1,
            "hits_at_3": ours.hits_at_3,
            "hits_at_10": ours.hits_at_10,
            "arithmetic_mean_rank": ours.mean_rank,
            "adjusted_arithmetic_mean_rank": ours.adjusted_mean_rank,
            "adjusted_arithmetic_mean_rank_index": ours.adjusted_mean_rank_index,
        }.items():
            theirs = found.get_metric(f"{side}.realistic.{name_of_theirs}")
            assert value == pytest.approx(theirs, abs=1e-5), (side, name_of_theirs)


def test_numbers_stay_the_same():
    triples = random_triples()
    factory = to_triples_factory(triples)
    assert np.array_equal(factory.mapped_triples.numpy(), triples.triples)
    assert (factory.num_entities, factory.num_relations) == (30, 4)


def test_a_model_for_other_triples_is_refused():
    with pytest.raises(ModelError, match="other entities"):
        to_pykeen(make("TransE"), random_triples(entities=31))


def start(name="TransH", **settings):
    return PyKEENTraining(
        name,
        random_triples(),
        {"embedding_dim": 8},
        negatives=4,
        batch_size=32,
        device="cpu",
        **settings,
    )


@pytest.mark.parametrize("optimiser", ["adagrad", "adam"])
def test_pykeens_loop_goes_on_from_what_was_assigned(optimiser):
    told = []
    training = start(optimiser=optimiser, learning_rate=0.05, progress=told.append)
    assert set(training.parameters()) == {"entities", "relations", "relations.1"}
    values = torch.full((1, 8), 0.125)
    training.assign("entities", values, torch.tensor([29]))
    assert torch.allclose(training.parameters()["entities"][29], values[0])
    before = training.parameters()["entities"].clone()
    losses = training.train(1)
    first = training.parameters()["entities"].clone()
    assert float((first - before).norm()) < float(before.norm())  # not drawn anew
    losses += training.train(12)
    assert losses[-1] < losses[0]
    assert training.epoch == len(losses) == 13
    assert [step.epoch for step in told] == list(range(1, 14))
    for name, state in training.optimiser_state().items():
        assert len(state) == len(training.parameters()[name.split("/")[0]])
    assert len(rank_triples(training.scorer, random_triples()).ranks) == len(random_triples())


def test_pykeens_loop_is_pulled():
    def distance(weight):
        training = start("DistMult", learning_rate=0.05)
        anchor = training.parameters()["relations"].clone()
        training.pull_towards({"relations": anchor}, weight)
        training.train(5)
        return float((training.parameters()["relations"] - anchor).norm())

    assert distance(10.0) < distance(0.0)


def test_what_pykeen_cannot_do_is_said():
    with pytest.raises(UnknownNameError, match="transe"):
        start("transee")
    with pytest.raises(UnknownNameError, match="adagrad"):
        start(optimiser="adagard")
    with pytest.raises(ModelError, match="cannot be made"):
        PyKEENTraining("TransE", random_triples(), {"dimension": 8}, device="cpu")
    with pytest.raises(ModelError, match="inverse triples"):
        PyKEENTraining("NodePiece", random_triples(), device="cpu")
    with pytest.raises(TrainingError, match="no triple"):
        PyKEENTraining("TransE", random_triples().select(np.array([], dtype=np.int64)))
    training = start()
    for name, shape in (("entities", (3, 8)), ("entity", (30, 8))):
        with pytest.raises(ModelError):
            training.assign(name, torch.zeros(shape))
        with pytest.raises(ModelError):
            training.pull_towards({name: torch.zeros(shape)}, 1.0)
    training.assign("entities", torch.full((30, 8), torch.nan))
    with pytest.raises(TrainingError, match="not a number"):
        training.train(1)


def test_a_model_without_rows_is_refused():
    with pytest.raises(ModelError, match="no rows"):
        _weights(SimpleNamespace(entity_representations=(), relation_representations=()))
