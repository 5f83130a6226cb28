"""The gradients of a batch of triples that share their negatives."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hereditary_kg.embeddings.losses import Loss
from hereditary_kg.embeddings.models import EmbeddingModel

__all__ = ["BatchGradients", "Questions", "RowGradients", "ask_questions", "batch_gradients"]


class RowGradients(NamedTuple):
    """Gradients of some rows of a matrix.

    Attributes:
        rows: different numbers, ascending, shape ``[k]``.
        values: shape ``[k, d]``.
    """

    rows: Tensor
    values: Tensor


class BatchGradients(NamedTuple):
    """What a batch says: the sum of its losses and the gradients of that.

    Attributes:
        loss: the sum over the triples of both sides' losses; a scalar.
        entities: gradients of entities' rows.
        relations: gradients of relations' rows.
    """

    loss: Tensor
    entities: RowGradients
    relations: RowGradients


@dataclass(frozen=True)
class Questions:
    """A batch's questions for one side, and the rows that they were made of.

    Attributes:
        relations: the numbers of the relations' rows, shape ``[b]``.
        anchor_rows: the vectors of the ends that are given, shape ``[b, d]``.
        relation_rows: the vectors of relations, shape ``[b, d]``.
        queries: what was made of both, shape ``[b, d]``.
    """

    relations: Tensor
    anchor_rows: Tensor
    relation_rows: Tensor
    queries: Tensor

    def gradients(self, by_queries: Tensor) -> tuple[Tensor, Tensor]:
        """Give the derivatives by the rows of anchors and of relations."""
        by_anchors, by_relations = torch.autograd.grad(
            self.queries, (self.anchor_rows, self.relation_rows), by_queries
        )
        return by_anchors, by_relations


def batch_gradients(
    model: EmbeddingModel,
    triples: Tensor,
    negatives: Tensor,
    loss: Loss,
    *,
    n3: float = 0.0,
) -> BatchGradients:
    """Differentiate the loss of triples, each as a question for its tail and for its head.

    A negative that is the right answer itself is left out for that triple.

    Args:
        model: the model.
        triples: numbers of head, relation and tail, shape ``[b, 3]``.
        negatives: different numbers of entities, ascending, shape ``[n]``; all triples share them,
            as wrong heads and as wrong tails.
        loss: the loss.
        n3: the weight of a third of the cubed moduli of what each question is made of (Lacroix et
            al. 2018, equation 7).
    """
    comparison = model.scoring.comparison
    heads, relations, tails = triples.unbind(1)
    head_rows = model.entities.index_select(0, heads)
    tail_rows = model.entities.index_select(0, tails)
    wrong = model.entities.index_select(0, negatives)
    for_tails, for_heads = ask_questions(model, head_rows, relations, tail_rows)

    queries = torch.cat([for_tails.queries, for_heads.queries]).detach()
    answers = torch.cat([tail_rows, head_rows])
    positive = comparison.pair_scores(queries, answers)
    negative = comparison.scores(queries, wrong)
    _leave_out(negative, negatives, torch.cat([tails, heads]))
    derived = loss.derive(positive, negative)
    by_queries, by_wrong = comparison.gradients(derived.negative, queries, wrong, negative)
    more, by_answers = comparison.pair_gradients(derived.positive, queries, answers, positive)
    by_queries += more

    to_tails, to_heads = by_queries.chunk(2)
    by_heads, by_relations = for_tails.gradients(to_tails)
    by_tails, by_inverses = for_heads.gradients(to_heads)
    if n3:  # not in place: autograd may give one matrix for both rows of a sum
        by_heads = by_heads + _n3_gradients(model, head_rows, n3)
        by_tails = by_tails + _n3_gradients(model, tail_rows, n3)
        by_relations = by_relations + _n3_gradients(model, for_tails.relation_rows.detach(), n3)
        by_inverses = by_inverses + _n3_gradients(model, for_heads.relation_rows.detach(), n3)
    # The tails answer the first half of the questions, the heads the second.
    ends = torch.cat([by_tails, by_heads]).add_(by_answers)
    return BatchGradients(
        derived.losses.sum(),
        _sum_rows([tails, heads, negatives], [ends, by_wrong]),
        _sum_rows([for_tails.relations, for_heads.relations], [by_relations, by_inverses]),
    )


def ask_questions(
    model: EmbeddingModel, head_rows: Tensor, relations: Tensor, tail_rows: Tensor
) -> tuple[Questions, Questions]:
    """Ask for the tails and for the heads of triples.

    Args:
        model: the model.
        head_rows: vectors, shape ``[b, d]``.
        relations: numbers, shape ``[b]``.
        tail_rows: vectors, shape ``[b, d]``.
    """
    scoring = model.scoring
    inverses = relations + model.relation_count if model.reciprocal else relations
    with torch.enable_grad():
        heads = head_rows.detach().requires_grad_()
        tails = tail_rows.detach().requires_grad_()
        kinds = model.relations.index_select(0, relations).requires_grad_()
        asked = scoring.tail_query(heads, kinds)
        for_tails = Questions(relations, heads, kinds, asked)
        kinds = model.relations.index_select(0, inverses).requires_grad_()
        if model.reciprocal:
            asked = scoring.tail_query(tails, kinds)
        else:
            asked = scoring.head_query(kinds, tails)
    return for_tails, Questions(inverses, tails, kinds, asked)


def _leave_out(scores: Tensor, negatives: Tensor, answers: Tensor) -> None:
    """Set the scores of negatives that are the right answer to minus infinity."""
    places = torch.searchsorted(negatives, answers).clamp_max_(len(negatives) - 1)
    rows = torch.nonzero(negatives[places] == answers)[:, 0]
    scores[rows, places[rows]] = -torch.inf


def _n3_gradients(model: EmbeddingModel, rows: Tensor, weight: float) -> Tensor:
    """Differentiate ``weight / 3`` times the sum of cubed moduli."""
    if not model.scoring.complex:
        return rows * rows.abs() * weight
    pairs = torch.view_as_complex(rows.view(len(rows), -1, 2))
    return torch.view_as_real(pairs * pairs.abs() * weight).flatten(1)


def _sum_rows(numbers: list[Tensor], values: list[Tensor]) -> RowGradients:
    """Sum the values of each number."""
    rows, places = torch.unique(torch.cat(numbers), return_inverse=True)
    sums = values[0].new_zeros(len(rows), values[0].shape[1])
    first = 0
    for part in values:
        sums.index_add_(0, places[first : first + len(part)], part)
        first += len(part)
    return RowGradients(rows, sums)
