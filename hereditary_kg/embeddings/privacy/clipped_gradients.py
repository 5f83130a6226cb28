"""Gradients of a batch in which no unit has more than its share.

A unit's gradient is clipped to a norm, and the norm is computed without ever writing that gradient
down. With ``c`` the derivatives of a unit's questions by the scores of the negatives that all
share, the gradient of negative ``j`` is the sum of ``c_aj * q_a`` over its questions ``a`` for an
inner product, and the sum of ``s_aj * (n_j - q_a)``, ``s = c / score``, for the Euclidean distance.
So the sum of squares over all negatives is::

    sum over a, b of (c c^T)_ab (q q^T)_ab                                        inner product
    sum over a, b of (s s^T)_ab (q q^T)_ab - (x s^T)_ab - (s x^T)_ab + (s D s^T)_ab    distance

with ``x_aj = s_aj * <q_a, n_j>`` and ``D`` the negatives' squared lengths: products of matrices
with as many rows as the unit has questions. This is the idea of Goodfellow 2015 (*Efficient
per-example gradient computations*) and of ghost clipping (Li et al. 2022), for rows of embeddings
that a batch shares. The few other rows (heads, relations, tails) are summed as they are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hereditary_kg.embeddings.comparisons import EuclideanDistance, InnerProduct
from hereditary_kg.embeddings.errors import PrivacyError
from hereditary_kg.embeddings.gradients import ask_questions
from hereditary_kg.embeddings.losses import Loss
from hereditary_kg.embeddings.models import EmbeddingModel

__all__ = ["ClippedGradients", "clipped_gradients"]

_ROUNDING = 1 + 1e-4
"""Norms are taken for so much larger, which is more than rounding makes them smaller."""


class ClippedGradients(NamedTuple):
    """The sum over units of their clipped gradients.

    Attributes:
        loss: the sum of the batch's losses, a scalar; it is not private.
        norms: each unit's norm before clipping, shape ``[u]``; not private either.
        entities: shape ``[n, d]``, all rows.
        relations: shape ``[m, d]``, all rows.
    """

    loss: Tensor
    norms: Tensor
    entities: Tensor
    relations: Tensor


@dataclass(frozen=True)
class _Part:
    """Gradients of some rows, each by one unit."""

    units: Tensor
    rows: Tensor
    values: Tensor

    def squares(self, units: int) -> Tensor:
        """Give for each unit the sum of squares over its different rows."""
        width = int(self.rows.max()) + 1 if len(self.rows) else 1
        keys, places = torch.unique(self.units * width + self.rows, return_inverse=True)
        sums = self.values.new_zeros(len(keys), self.values.shape[1])
        sums.index_add_(0, places, self.values)
        found = self.values.new_zeros(units)
        return found.index_add_(0, keys.div(width, rounding_mode="floor"), sums.square().sum(1))

    def add_to(self, target: Tensor, scales: Tensor) -> None:
        """Add the values to a matrix, each scaled by its unit's scale."""
        target.index_add_(0, self.rows, self.values * scales[self.units, None])


def clipped_gradients(
    model: EmbeddingModel,
    triples: Tensor,
    units: Tensor,
    negatives: Tensor,
    loss: Loss,
    *,
    clipping_norm: float,
) -> ClippedGradients:
    """Differentiate the loss of triples, with the gradient of each unit clipped.

    A unit's gradient is over entities and relations together. Negatives that are entities of the
    unit itself are left out for it.

    Args:
        model: the model; its comparison is an inner product or the Euclidean distance.
        triples: numbers of head, relation and tail, shape ``[b, 3]``; maybe none.
        units: numbers of units from 0 on, shape ``[b]``.
        negatives: different numbers of entities, ascending, shape ``[n]``, drawn without a look at
            the triples.
        loss: the loss.
        clipping_norm: what a unit's gradient is scaled down to.

    Raises:
        PrivacyError: there is no closed form for the model.
    """
    comparison = model.scoring.comparison
    if not isinstance(comparison, InnerProduct | EuclideanDistance):
        raise PrivacyError(
            f"{model.scoring.name} has no closed form for clipping. Take TransE-L2, RotatE, "
            "DistMult or ComplEx."
        )
    count = int(units.max()) + 1 if len(units) else 0
    heads, relations, tails = triples.T.contiguous()
    head_rows = model.entities.index_select(0, heads)
    tail_rows = model.entities.index_select(0, tails)
    wrong = model.entities.index_select(0, negatives)
    for_tails, for_heads = ask_questions(model, head_rows, relations, tail_rows)

    asking = torch.cat([units, units])
    queries = torch.cat([for_tails.queries, for_heads.queries]).detach()
    answers = torch.cat([tail_rows, head_rows])
    positive = comparison.pair_scores(queries, answers)
    negative = comparison.scores(queries, wrong)
    negative.masked_fill_(_own_negatives(negatives, heads, tails, units, count)[asking], -torch.inf)
    derived = loss.derive(positive, negative)
    by_queries, _ = comparison.gradients(derived.negative, queries, wrong, negative)
    more, by_answers = comparison.pair_gradients(derived.positive, queries, answers, positive)
    by_queries += more

    to_tails, to_heads = by_queries.chunk(2)
    by_heads, by_relations = for_tails.gradients(to_tails)
    by_tails, by_inverses = for_heads.gradients(to_heads)
    entities = _Part(
        torch.cat([asking, asking]),
        torch.cat([heads, tails, tails, heads]),
        torch.cat([by_heads, by_tails, by_answers]),
    )
    kinds = _Part(
        asking,
        torch.cat([for_tails.relations, for_heads.relations]),
        torch.cat([by_relations, by_inverses]),
    )
    squares = entities.squares(count) + kinds.squares(count)
    squares += _negative_squares(
        comparison, derived.negative, negative, queries, wrong, asking=asking
    )
    norms = squares.clamp_min_(0).sqrt_()
    scales = (clipping_norm / (norms * _ROUNDING).clamp_min_(1e-30)).clamp_max_(1)

    clipped = ClippedGradients(
        derived.losses.sum(),
        norms,
        torch.zeros_like(model.entities),
        torch.zeros_like(model.relations),
    )
    entities.add_to(clipped.entities, scales)
    kinds.add_to(clipped.relations, scales)
    weights = derived.negative * scales[asking, None]
    clipped.entities.index_add_(
        0, negatives, comparison.gradients(weights, queries, wrong, negative)[1]
    )
    return clipped


def _own_negatives(
    negatives: Tensor, heads: Tensor, tails: Tensor, units: Tensor, count: int
) -> Tensor:
    """Tell which negatives are entities of a unit's own triples; shape ``[u, n]``."""
    own = torch.zeros(count, len(negatives), dtype=torch.bool, device=negatives.device)
    if len(negatives):
        for ends in (heads, tails):
            places = torch.searchsorted(negatives, ends).clamp_max_(len(negatives) - 1)
            hits = negatives[places] == ends
            own[units[hits], places[hits]] = True
    return own


def _negative_squares(
    comparison: InnerProduct | EuclideanDistance,
    weights: Tensor,
    scores: Tensor,
    queries: Tensor,
    wrong: Tensor,
    *,
    asking: Tensor,
) -> Tensor:
    """Give for each unit the sum of squares of its gradients by the negatives' rows.

    Units are padded to the next power of two of questions, and units of one size done at once.
    """
    sizes = torch.bincount(asking)
    order = torch.argsort(asking, stable=True)
    firsts = torch.cumsum(sizes, 0) - sizes
    found = weights.new_zeros(len(sizes))
    padded = torch.ceil(torch.log2(sizes.clamp_min(1).double())).long()
    for exponent in torch.unique(padded).tolist():
        chosen = torch.nonzero(padded == exponent)[:, 0]
        steps = torch.arange(1 << exponent, device=asking.device)
        there = steps < sizes[chosen, None]
        places = order[(firsts[chosen, None] + steps).clamp_max_(len(order) - 1)]
        vectors = queries[places]
        factors = weights[places] * there[..., None]
        products = vectors @ vectors.mT
        if isinstance(comparison, InnerProduct):
            pairs = (factors @ factors.mT) * products
        else:
            pairs = _distance_pairs(factors, factors / scores[places], vectors, wrong, products)
        found[chosen] = pairs.sum((1, 2))
    return found


def _distance_pairs(
    weights: Tensor, scaled: Tensor, vectors: Tensor, wrong: Tensor, products: Tensor
) -> Tensor:
    """Give the inner product of each two questions' gradients by the negatives, ``[u, a, a]``."""
    across = (scaled * (vectors @ wrong.T)) @ scaled.mT
    lengths = (scaled * wrong.square().sum(1)) @ scaled.mT
    pairs = (scaled @ scaled.mT) * products - across - across.mT + lengths
    # A question's own gradients are weights times unit vectors, which need no subtraction.
    pairs.diagonal(dim1=1, dim2=2).copy_(weights.square().sum(2))
    return pairs
