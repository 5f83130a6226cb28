"""Norms in closed form are those of gradients that were written out, one for each unit."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import PrivacyError
from hereditary_kg.embeddings.losses import SelfAdversarialLoss, SoftmaxLoss
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.privacy.clipped_gradients import clipped_gradients

LOSSES = [SelfAdversarialLoss(margin=1.0), SelfAdversarialLoss(3.0, 0.0), SoftmaxLoss()]


def model_of(name, entities=9, relations=3, dimension=6, seed=0, reciprocal=False):
    model = EmbeddingModel.initialise(
        name, entities, relations, dimension, seed=seed, scale=0.7, reciprocal=reciprocal
    )
    model.entities = model.entities.double()
    model.relations = model.relations.double()
    return model


def scores_of(model, entities, relations, triple, candidates):
    """Score candidates as tails and as heads of a triple, from the definitions."""
    scoring = model.scoring
    head, kind, tail = triple
    inverse = kind + model.relation_count if model.reciprocal else kind
    for_tail = scoring.tail_query(entities[head][None], relations[kind][None])
    if model.reciprocal:
        for_head = scoring.tail_query(entities[tail][None], relations[inverse][None])
    else:
        for_head = scoring.head_query(relations[inverse][None], entities[tail][None])
    found = []
    for query in (for_tail, for_head):
        rows = entities[candidates]
        if scoring.comparison.is_distance:
            found.append(-(query - rows).square().sum(1).sqrt())
        else:
            found.append((query * rows).sum(1))
    return found


def loss_of(loss, positive, negative):
    if isinstance(loss, SoftmaxLoss):
        return torch.logsumexp(torch.cat([positive[None], negative]), 0) - positive
    weights = torch.softmax(negative.detach() * loss.temperature, 0)
    log_sigmoid = torch.nn.functional.logsigmoid
    against = (weights * log_sigmoid(-negative - loss.margin)).sum() if len(negative) else 0
    return -log_sigmoid(positive + loss.margin) - against


def written_out(model, triples, units, negatives, loss):
    """Differentiate each unit's loss by automatic differentiation over all rows."""
    gradients = []
    for unit in range(int(units.max()) + 1):
        entities = model.entities.clone().requires_grad_()
        relations = model.relations.clone().requires_grad_()
        own = triples[units == unit]
        ends = set(own[:, 0].tolist()) | set(own[:, 2].tolist())
        others = [entity for entity in negatives.tolist() if entity not in ends]
        total = 0
        for head, kind, tail in own.tolist():
            asked = scores_of(model, entities, relations, (head, kind, tail), [tail, *others])[0]
            total = total + loss_of(loss, asked[0], asked[1:])
            asked = scores_of(model, entities, relations, (head, kind, tail), [head, *others])[1]
            total = total + loss_of(loss, asked[0], asked[1:])
        gradients.append(torch.autograd.grad(total, (entities, relations), allow_unused=True))
    return gradients


@settings(max_examples=25)
@given(
    name=st.sampled_from(["DistMult", "ComplEx", "TransE-L2", "RotatE"]),
    loss=st.sampled_from(LOSSES),
    seed=st.integers(0, 10_000),
    size=st.integers(1, 12),
    unit_count=st.integers(1, 12),
    reciprocal=st.booleans(),
)
def test_norms_and_sums_are_those_of_gradients_written_out(
    name, loss, seed, size, unit_count, reciprocal
):
    """Units of one triple and of many, loops, repeated rows, negatives that are in the unit."""
    drawn = torch.Generator().manual_seed(seed)
    model = model_of(name, seed=seed, reciprocal=reciprocal)
    ends = torch.randint(9, (size, 2), generator=drawn)
    kinds = torch.randint(3, (size,), generator=drawn)
    triples = torch.stack([ends[:, 0], kinds, ends[:, 1]], 1)
    units = torch.unique(torch.randint(unit_count, (size,), generator=drawn), return_inverse=True)[
        1
    ]
    negatives = torch.unique(torch.randint(9, (6,), generator=drawn))
    expected = written_out(model, triples, units, negatives, loss)
    norms = torch.stack(
        [(by_e.square().sum() + by_r.square().sum()).sqrt() for by_e, by_r in expected]
    )
    bound = max(1e-3, float(norms.median()))
    found = clipped_gradients(model, triples, units, negatives, loss, clipping_norm=bound)
    assert torch.allclose(found.norms, norms, rtol=1e-6, atol=1e-9)
    scales = (bound / norms.clamp_min(1e-9)).clamp_max(1)
    for place, got in ((0, found.entities), (1, found.relations)):
        total = sum(scale * parts[place] for scale, parts in zip(scales, expected, strict=True))
        assert torch.allclose(got, total, rtol=2e-3, atol=1e-4 * bound)


@pytest.mark.parametrize("name", ["DistMult", "ComplEx", "TransE-L2", "RotatE"])
def test_no_unit_exceeds_the_clipping_norm_in_single_precision(name):
    """Also where queries lie next to negatives, whose distances cancel."""
    drawn = torch.Generator().manual_seed(4)
    model = EmbeddingModel.initialise(name, 50, 4, 64, seed=1)
    model.entities[10:20] = model.entities[:10] + 1e-4
    model.relations *= 0.01
    ends = torch.randint(50, (15, 2), generator=drawn)
    triples = torch.stack([ends[:, 0], torch.randint(4, (15,), generator=drawn), ends[:, 1]], 1)
    negatives = torch.arange(0, 50, 2)
    loss = SelfAdversarialLoss(margin=1.0)
    for triple in triples:
        found = clipped_gradients(
            model,
            triple[None],
            torch.zeros(1, dtype=torch.long),
            negatives,
            loss,
            clipping_norm=1e-3,
        )
        squares = found.entities.square().sum() + found.relations.square().sum()
        assert float(squares.sqrt()) <= 1e-3


def test_one_unit_changes_the_sum_by_no_more_than_the_clipping_norm():
    drawn = torch.Generator().manual_seed(7)
    model = model_of("ComplEx", entities=30)
    ends = torch.randint(30, (60, 2), generator=drawn)
    triples = torch.stack([ends[:, 0], torch.randint(3, (60,), generator=drawn), ends[:, 1]], 1)
    units = torch.arange(60) // 5
    negatives = torch.arange(0, 30, 3)
    bound = 0.2
    everybody = clipped_gradients(model, triples, units, negatives, LOSSES[0], clipping_norm=bound)
    assert (everybody.norms > bound).any()
    for gone in range(12):
        stays = units != gone
        rest = torch.unique(units[stays], return_inverse=True)[1]
        without = clipped_gradients(
            model, triples[stays], rest, negatives, LOSSES[0], clipping_norm=bound
        )
        change = (everybody.entities - without.entities).square().sum()
        change += (everybody.relations - without.relations).square().sum()
        assert float(change.sqrt()) <= bound


def test_an_empty_sample_gives_zeros():
    model = model_of("DistMult")
    nothing = torch.zeros(0, dtype=torch.long)
    found = clipped_gradients(
        model, nothing.reshape(0, 3), nothing, torch.arange(4), LOSSES[0], clipping_norm=1.0
    )
    assert float(found.loss) == 0
    assert len(found.norms) == 0
    assert not found.entities.any()
    assert not found.relations.any()


def test_a_model_without_a_closed_form_is_refused():
    model = model_of("TransE")
    one = torch.tensor([[0, 0, 1]])
    with pytest.raises(PrivacyError, match="TransE has no closed form for clipping"):
        clipped_gradients(
            model, one, torch.tensor([0]), torch.arange(4), LOSSES[0], clipping_norm=1.0
        )
