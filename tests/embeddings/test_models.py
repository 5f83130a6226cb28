"""Models: each scores as its formula says, for any number of candidates, and far and near."""

import pytest
import torch

from hereditary_kg.embeddings.comparisons import EuclideanDistance, ManhattanDistance
from hereditary_kg.embeddings.errors import ModelError, UnknownNameError
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel, choose_device

ENTITIES, RELATIONS, DIMENSION = 23, 3, 8


def as_complex(rows):
    return torch.view_as_complex(rows.double().unflatten(-1, (-1, 2)).contiguous())


FORMULAS = {
    "TransE": lambda h, r, t: -(h.double() + r.double() - t.double()).abs().sum(-1),
    "TransE-L2": lambda h, r, t: -(h.double() + r.double() - t.double()).norm(dim=-1),
    "DistMult": lambda h, r, t: (h.double() * r.double() * t.double()).sum(-1),
    "ComplEx": lambda h, r, t: (as_complex(h) * as_complex(r) * as_complex(t).conj()).sum(-1).real,
    "RotatE": lambda h, r, t: -(as_complex(h) * as_complex(r) - as_complex(t)).norm(dim=-1),
}


@pytest.fixture(params=sorted(MODELS))
def model(request):
    return EmbeddingModel.initialise(
        request.param, ENTITIES, RELATIONS, DIMENSION, seed=3, scale=0.7, device="cpu"
    )


def score_all(model, relations):
    """Score every triple by the formula: [heads, relations, tails]."""
    formula = FORMULAS[model.scoring.name]
    h = model.entities[:, None, None]
    return formula(h, relations[None, :, None], model.entities[None, None, :])


def test_every_model_has_a_formula():
    assert set(FORMULAS) == set(MODELS)


def test_both_sides_score_as_the_formula(model):
    expected = score_all(model, model.relations)
    for relation in range(RELATIONS):
        numbers = torch.arange(ENTITIES)
        kinds = torch.full((ENTITIES,), relation)
        tails = model.score_tails(numbers, kinds).double()
        heads = model.score_heads(kinds, numbers).double()
        torch.testing.assert_close(tails, expected[:, relation], atol=1e-5, rtol=0)
        torch.testing.assert_close(heads, expected[:, relation].T, atol=1e-5, rtol=0)


def test_chosen_candidates_score_as_among_all(model):
    numbers, kinds = torch.tensor([0, 5]), torch.tensor([2, 1])
    chosen = torch.tensor([7, 3, 7])
    torch.testing.assert_close(
        model.score_tails(numbers, kinds, chosen), model.score_tails(numbers, kinds)[:, chosen]
    )
    torch.testing.assert_close(
        model.score_heads(kinds, numbers, chosen), model.score_heads(kinds, numbers)[:, chosen]
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_reciprocal_model_scores_heads_by_the_inverse_relation(name):
    model = EmbeddingModel.initialise(
        name, ENTITIES, RELATIONS, DIMENSION, reciprocal=True, scale=0.7, device="cpu"
    )
    assert model.relation_count == RELATIONS
    expected = score_all(model, model.relations[RELATIONS:])
    numbers, kinds = torch.arange(ENTITIES), torch.full((ENTITIES,), 1)
    torch.testing.assert_close(
        model.score_heads(kinds, numbers).double(), expected[:, 1], atol=1e-5, rtol=0
    )


def test_rotations_have_unit_modulus_whatever_is_given():
    given = torch.randn(RELATIONS, DIMENSION)
    given[0, :2] = 0
    model = EmbeddingModel("RotatE", torch.randn(ENTITIES, DIMENSION), given.clone())
    torch.testing.assert_close(as_complex(model.relations).abs(), torch.ones(3, 4).double())
    assert model.relations[0, :2].tolist() == [1, 0]
    model.relations[2] = 5.0
    model.constrain_relations(torch.tensor([2]))
    torch.testing.assert_close(as_complex(model.relations).abs(), torch.ones(3, 4).double())


def test_a_distance_that_nearly_vanishes_is_exact():
    queries = torch.randn(6, 64) * 10
    candidates = torch.cat([queries + 1e-4, torch.randn(5, 64) * 10])
    expected = -(queries[:, None].double() - candidates[None].double()).norm(dim=-1)
    found = EuclideanDistance().exact_scores(queries, candidates).double()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found.diagonal(), expected.diagonal(), atol=1e-6, rtol=0)


def test_blocks_of_the_manhattan_distance_fit_together():
    queries, candidates = torch.randn(37, 50), torch.randn(2100, 50)
    expected = -torch.cdist(queries.double(), candidates.double(), p=1.0)
    found = ManhattanDistance().scores(queries, candidates)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)


def test_same_seed_same_vectors():
    one, two, other = (
        EmbeddingModel.initialise("ComplEx", 5, 2, 4, seed=seed, device="cpu") for seed in (1, 1, 2)
    )
    assert torch.equal(one.entities, two.entities)
    assert not torch.equal(one.entities, other.entities)


def test_entities_may_begin_smaller_than_relations():
    usual, small = (
        EmbeddingModel.initialise("TransE-L2", 50, 5, 16, entity_scale=scale, device="cpu")
        for scale in (None, 0.01)
    )
    assert small.entities.std() == pytest.approx(0.01, rel=0.1)
    assert torch.equal(small.relations, usual.relations)


def test_an_unknown_name_lists_the_nearest():
    assert EmbeddingModel.initialise("rotate", 2, 1, 2, device="cpu").scoring.name == "RotatE"
    with pytest.raises(UnknownNameError, match="DistMult"):
        EmbeddingModel.initialise("dismult", 2, 1, 4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ModelError, match="even"):
        EmbeddingModel.initialise("RotatE", 2, 1, 5)
    with pytest.raises(ModelError, match="do not fit"):
        EmbeddingModel("TransE", torch.zeros(2, 4), torch.zeros(1, 3))
    with pytest.raises(ModelError, match="two rows"):
        EmbeddingModel("TransE", torch.zeros(2, 4), torch.zeros(3, 4), reciprocal=True)


def test_a_device_that_is_asked_for_is_taken():
    assert choose_device("cpu").type == "cpu"
    assert choose_device().type in {"cpu", "cuda"}
