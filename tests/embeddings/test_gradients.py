"""Gradients: what is written out is what autograd finds, and wrong answers are wrong."""

import pytest
import torch

from hereditary_kg.embeddings.gradients import batch_gradients
from hereditary_kg.embeddings.losses import SelfAdversarialLoss, SoftmaxLoss, make_loss
from hereditary_kg.embeddings.models import MODELS, EmbeddingModel
from tests.embeddings.random_graphs import random_triples

LOSSES = [SelfAdversarialLoss(2.0, 0.5), SelfAdversarialLoss(0.0, 0.0), SoftmaxLoss()]


def slow_loss(loss, positive, negative, allowed):
    """Write out the losses of one side from their papers, one example after the other."""
    total = torch.zeros((), dtype=positive.dtype)
    for right, row, kept in zip(positive, negative, allowed, strict=True):
        wrong = row[kept]
        if isinstance(loss, SoftmaxLoss):
            total = total - torch.log_softmax(torch.cat([right[None], wrong]), dim=0)[0]
        else:
            weights = torch.softmax(wrong * loss.temperature, dim=0).detach()
            total = total - torch.nn.functional.logsigmoid(loss.margin + right)
            total = total - (weights * torch.nn.functional.logsigmoid(-wrong - loss.margin)).sum()
    return total


@pytest.mark.parametrize("reciprocal", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("name", sorted(MODELS))
def test_gradients_are_those_of_autograd(name, loss, reciprocal):
    triples = torch.from_numpy(random_triples().triples[:40])
    model = EmbeddingModel.initialise(
        name, 30, 4, 6, reciprocal=reciprocal, scale=0.6, seed=1, device="cpu"
    )
    negatives = torch.tensor([0, 3, 4, 9, 14, 20])
    found = batch_gradients(model, triples, negatives, loss, n3=0.3)

    entities = model.entities.double().requires_grad_()
    relations = model.relations.double().requires_grad_()
    slow = EmbeddingModel(name, entities, relations, reciprocal=reciprocal)
    slow.relations = relations  # not normalised, so that its own gradient is seen
    heads, kinds, tails = triples.unbind(1)
    expected, cubes = torch.zeros((), dtype=torch.float64), []
    inverses = kinds + 4 * reciprocal
    for asked, answers, anchors, used in (
        (slow.tail_queries(heads, kinds), tails, heads, kinds),
        (slow.head_queries(kinds, tails), heads, tails, inverses),
    ):
        compare = {
            "TransE": lambda q, e: -(q - e).abs().sum(-1),
            "TransE-L2": lambda q, e: -(q - e).norm(dim=-1),
            "RotatE": lambda q, e: -(q - e).norm(dim=-1),
        }.get(name, lambda q, e: (q * e).sum(-1))
        positive = compare(asked, entities[answers])
        negative = compare(asked[:, None], entities[negatives][None])
        expected = expected + slow_loss(
            loss, positive, negative, negatives[None] != answers[:, None]
        )
        for rows in (entities[anchors], relations[used]):
            moduli = (
                torch.view_as_complex(rows.unflatten(1, (-1, 2))).abs()
                if model.scoring.complex
                else rows.abs()
            )
            cubes.append((moduli**3).sum() * 0.3 / 3)
    (expected + torch.stack(cubes).sum()).backward()

    torch.testing.assert_close(found.loss.double(), expected.detach(), rtol=1e-5, atol=1e-4)
    for part, parameter in ((found.entities, entities), (found.relations, relations)):
        dense = torch.zeros_like(parameter)
        dense[part.rows] = part.values.double()
        assert len(torch.unique(part.rows)) == len(part.rows)
        torch.testing.assert_close(dense, parameter.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_only_negative_being_the_answer_is_no_negative(loss):
    model = EmbeddingModel.initialise("DistMult", 5, 1, 4, scale=0.6, device="cpu")
    found = batch_gradients(model, torch.tensor([[2, 0, 2]]), torch.tensor([2]), loss)
    assert torch.isfinite(found.loss)
    assert torch.isfinite(found.entities.values).all()
    assert found.entities.rows.tolist() == [2]


def test_losses_have_names():
    assert make_loss("Softmax") == SoftmaxLoss()
    assert make_loss("self-adversarial", margin=3.0) == SelfAdversarialLoss(margin=3.0)
