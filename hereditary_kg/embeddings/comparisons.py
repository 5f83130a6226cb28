"""How a query's vector is compared with candidates' vectors, and the gradients of that.

A model turns two parts of a triple into the vector of a *query*, and scores an entity by how well
its own vector fits. There are three ways to compare; each does many pairs at once, by matrix
products where the algebra allows it. Gradients are written out, since they are sums over the pairs
with one weight a pair: an example is clipped or left out by scaling its weights.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor

__all__ = ["Comparison", "EuclideanDistance", "InnerProduct", "ManhattanDistance"]

_NEAR = 1e-2
"""Squared distance, as a share of the squared norms, below which cancellation would show."""
_SMALLEST = 1e-12
_BUFFER = 2**19
"""Numbers in a block of pairs that stays in a core's cache."""
_COLUMNS = 256
"""Columns of a block of pairs."""


class Comparison(Protocol):
    """Scores of queries against candidates, and their gradients."""

    is_distance: bool
    """Whether a score is a negative distance."""

    def scores(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score each query against each candidate.

        Args:
            queries: shape ``[b, d]``.
            candidates: shape ``[n, d]``.

        Returns:
            shape ``[b, n]``; the higher the better.
        """

    def pair_scores(self, queries: Tensor, answers: Tensor) -> Tensor:
        """Score each query against one answer of its own: ``[b, d]`` and ``[b, d]`` to ``[b]``."""

    def exact_scores(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score as ``scores`` does, also where its rounding would be felt."""

    def gradients(
        self, weights: Tensor, queries: Tensor, candidates: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of scores.

        Args:
            weights: the derivative by each score, shape ``[b, n]``.
            queries: shape ``[b, d]``.
            candidates: shape ``[n, d]``.
            scores: what ``scores`` gave, shape ``[b, n]``.

        Returns:
            the derivatives by queries, ``[b, d]``, and by candidates, ``[n, d]``.
        """

    def pair_gradients(
        self, weights: Tensor, queries: Tensor, answers: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of pair scores.

        Args:
            weights: the derivative by each score, shape ``[b]``.
            queries: shape ``[b, d]``.
            answers: shape ``[b, d]``.
            scores: what ``pair_scores`` gave, shape ``[b]``.

        Returns:
            the derivatives by queries and by answers, ``[b, d]`` each.
        """


class InnerProduct:
    """The inner product, as in DistMult and ComplEx."""

    is_distance = False

    def scores(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score each query against each candidate."""
        return queries @ candidates.T

    exact_scores = scores

    def pair_scores(self, queries: Tensor, answers: Tensor) -> Tensor:
        """Score each query against one answer of its own."""
        return (queries * answers).sum(1)

    def gradients(
        self,
        weights: Tensor,
        queries: Tensor,
        candidates: Tensor,
        scores: Tensor,  # noqa: ARG002 - other comparisons need it
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of scores."""
        return weights @ candidates, weights.T @ queries

    def pair_gradients(
        self,
        weights: Tensor,
        queries: Tensor,
        answers: Tensor,
        scores: Tensor,  # noqa: ARG002 - other comparisons need it
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of pair scores."""
        return weights[:, None] * answers, weights[:, None] * queries


class EuclideanDistance:
    """The negative Euclidean distance, as in TransE and RotatE; by a matrix product."""

    is_distance = True

    def scores(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score each query against each candidate.

        The squares are expanded into a product. Where a query nearly is a candidate, that rounds a
        distance of 0 to about a thousandth of the vectors' length, which training never notices.
        """
        return _squares(queries, candidates).clamp_min_(_SMALLEST).sqrt_().neg_()

    def exact_scores(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score as ``scores`` does; pairs that are near each other by their difference."""
        squares = _squares(queries, candidates)
        lengths = queries.square().sum(1)[:, None] + candidates.square().sum(1)
        near = torch.nonzero(squares < _NEAR * lengths)
        rows, columns = near[:, 0], near[:, 1]
        scores = squares.clamp_min_(_SMALLEST).sqrt_().neg_()
        scores[rows, columns] = self.pair_scores(queries[rows], candidates[columns])
        return scores

    def pair_scores(self, queries: Tensor, answers: Tensor) -> Tensor:
        """Score each query against one answer of its own."""
        squares = (queries - answers).square_().sum(1)
        return squares.clamp_min_(_SMALLEST).sqrt_().neg_()

    def gradients(
        self, weights: Tensor, queries: Tensor, candidates: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of scores."""
        scaled = weights / scores  # negative: the derivative of minus the distance
        by_queries = torch.addcmul(-(scaled @ candidates), scaled.sum(1, keepdim=True), queries)
        by_candidates = torch.addcmul(-(scaled.T @ queries), scaled.sum(0)[:, None], candidates)
        return by_queries, by_candidates

    def pair_gradients(
        self, weights: Tensor, queries: Tensor, answers: Tensor, scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of pair scores."""
        by_queries = (queries - answers).mul_((weights / scores)[:, None])
        return by_queries, -by_queries


class ManhattanDistance:
    """The negative Manhattan distance, as in TransE's first form."""

    is_distance = True

    def scores(self, queries: Tensor, candidates: Tensor) -> Tensor:
        """Score each query against each candidate."""
        if queries.is_cuda:
            return torch.cdist(queries, candidates, p=1.0).neg_()
        found = queries.new_empty(len(queries), len(candidates))
        for block in _blocks(queries, candidates):
            differences = torch.sub(block.rows, block.columns, out=block.buffer)
            found[block.place] = differences.abs_().sum(-1)
        return found.neg_()

    exact_scores = scores

    def pair_scores(self, queries: Tensor, answers: Tensor) -> Tensor:
        """Score each query against one answer of its own."""
        return (queries - answers).abs_().sum(1).neg_()

    def gradients(
        self,
        weights: Tensor,
        queries: Tensor,
        candidates: Tensor,
        scores: Tensor,  # noqa: ARG002 - other comparisons need it
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of scores.

        Where two numbers are equal any slope from -1 to 1 will do.
        """
        return (
            -_sum_signs(weights, queries, candidates),
            -_sum_signs(weights.T.contiguous(), candidates, queries),
        )

    def pair_gradients(
        self,
        weights: Tensor,
        queries: Tensor,
        answers: Tensor,
        scores: Tensor,  # noqa: ARG002 - other comparisons need it
    ) -> tuple[Tensor, Tensor]:
        """Differentiate a weighted sum of pair scores."""
        by_queries = (queries - answers).sign_().mul_(-weights[:, None])
        return by_queries, -by_queries


def _squares(queries: Tensor, candidates: Tensor) -> Tensor:
    lengths = queries.square().sum(1)[:, None] + candidates.square().sum(1)
    return lengths.addmm_(queries, candidates.T, alpha=-2.0)


class _Block(NamedTuple):
    """Some rows against some columns of a matrix of pairs."""

    place: tuple[slice, slice]
    rows: Tensor
    columns: Tensor
    buffer: Tensor


def _blocks(rows: Tensor, columns: Tensor) -> Iterator[_Block]:
    """Cut all pairs of rows ``[b, 1, d]`` and columns ``[n, d]`` into blocks that fit the cache.

    A block is worked on while it is still in a core's cache, which makes it twice as fast as cdist,
    and its gradients as well.
    """
    width = max(1, rows.shape[1])
    wide = max(1, min(len(columns), _COLUMNS))
    high = max(1, min(len(rows), _BUFFER // (width * wide)))
    buffer = rows.new_empty(high * wide * width)
    for top in range(0, len(rows), high):
        some = rows[top : top + high, None]
        for left in range(0, len(columns), wide):
            others = columns[left : left + wide]
            shape = (len(some), len(others), width)
            yield _Block(
                (slice(top, top + high), slice(left, left + wide)),
                some,
                others,
                buffer[: shape[0] * shape[1] * width].view(shape),
            )


def _sum_signs(weights: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sum over columns the weighted signs of ``row - column``: ``[b, n]`` to ``[b, d]``."""
    if rows.is_cuda:
        backward = torch.ops.aten._cdist_backward  # noqa: SLF001 - what autograd calls as well
        distances = torch.ones_like(weights)  # not looked at for this norm
        return cast("Tensor", backward(weights, rows.contiguous(), columns, 1.0, distances))
    # A sign is twice whether it is above, less one; comparing is one pass instead of two.
    above = torch.zeros_like(rows)
    for block in _blocks(rows, columns):
        signs = torch.gt(block.rows, block.columns, out=block.buffer)
        sums = above[block.place[0], None]
        torch.baddbmm(sums, weights[block.place][:, None], signs, out=sums)
    return above.mul_(2).sub_(weights.sum(1, keepdim=True))
