"""Ranking: each rank is the one found by looking at every candidate."""

import math

import numpy as np
import pytest
import torch

from hereditary_kg.embeddings.errors import EvaluationError
from hereditary_kg.embeddings.models import EmbeddingModel
from hereditary_kg.embeddings.ranking import (
    RankingMetrics,
    confidence_interval,
    rank_triples,
)
from hereditary_kg.embeddings.triples import TripleSet
from tests.embeddings.random_graphs import random_triples, split


class TableScorer:
    """Scores from a table [heads, relations, tails]."""

    def __init__(self, scores):
        self.scores = torch.as_tensor(scores, dtype=torch.float32)

    def score_tails(self, heads, relations):
        return self.scores[heads, relations]

    def score_heads(self, relations, tails):
        return self.scores[:, relations, tails].T


def slow_ranks(scores, test, filters):
    known = {tuple(row) for triples in [test, *filters] for row in triples.triples.tolist()}
    ranks, candidates = [], []
    for h, r, t in test.triples.tolist():
        row = []
        for side in (0, 2):
            right = scores[h, r, t]
            others = []
            for entity in range(len(test.entities)):
                triple = (entity, r, t) if side == 0 else (h, r, entity)
                if triple not in known:
                    others.append(scores[triple])
            above = sum(score > right for score in others)
            same = sum(score == right for score in others)
            row.append((1 + above + same / 2, len(others) + 1))
        ranks.append([rank for rank, _ in row])
        candidates.append([count for _, count in row])
    return np.array(ranks), np.array(candidates)


@pytest.mark.parametrize("levels", [3, 1000])
@pytest.mark.parametrize("filtered", [True, False])
def test_ranks_are_those_of_looking_at_each(levels, filtered, monkeypatch):
    train, test = split(random_triples(triples=300))
    filters = [train] if filtered else []
    scores = np.random.default_rng(1).integers(levels, size=(30, 4, 30))
    expected, candidates = slow_ranks(scores, test, filters)
    for held in (7, 100, 10**6):
        monkeypatch.setattr("hereditary_kg.embeddings.ranking._SCORES", held)
        found = rank_triples(TableScorer(scores), test, filters)
        assert np.array_equal(found.ranks, expected)
        assert np.array_equal(found.candidates, candidates)


def test_scoring_all_alike_gains_nothing():
    test = random_triples()
    found = rank_triples(TableScorer(np.zeros((30, 4, 30))), test).metrics()
    assert found.adjusted_mean_rank == pytest.approx(1.0)
    assert found.adjusted_mean_rank_index == pytest.approx(0.0)
    assert found.hits_at_1 == 0.0


def test_metrics_are_their_formulas():
    found = RankingMetrics.of(np.array([1.0, 3.0, 20.0]), np.array([21, 21, 21]))
    assert found.count == 3
    assert found.mean_reciprocal_rank == pytest.approx((1 + 1 / 3 + 1 / 20) / 3)
    assert (found.hits_at_1, found.hits_at_3, found.hits_at_10) == pytest.approx(
        (1 / 3, 2 / 3, 2 / 3)
    )
    assert found.mean_rank == 8
    assert found.adjusted_mean_rank == pytest.approx(8 / 11)
    assert found.adjusted_mean_rank_index == pytest.approx(1 - 7 / 10)
    assert math.isnan(RankingMetrics.of(np.empty(0), np.empty(0, dtype=int)).mean_rank)


def test_relations_and_sides_add_up():
    train, test = split(random_triples())
    model = EmbeddingModel.initialise("TransE", 30, 4, 8, device="cpu")
    ranking = rank_triples(model, test, [train])
    whole, parts = ranking.metrics(), ranking.per_relation()
    assert set(parts) <= set(test.relations)
    assert sum(part.count for part in parts.values()) == whole.count == 2 * len(test)
    weighted = sum(part.count * part.mean_reciprocal_rank for part in parts.values()) / whole.count
    assert weighted == pytest.approx(whole.mean_reciprocal_rank)
    sides = [ranking.metrics(side).mean_rank for side in ("head", "tail")]
    assert whole.mean_rank == pytest.approx(sum(sides) / 2)
    assert ranking.per_relation("tail")["r0"].count * 2 == parts["r0"].count


def test_bad_questions_are_refused():
    train, test = split(random_triples())
    scorer = TableScorer(np.zeros((30, 4, 30)))
    with pytest.raises(EvaluationError, match="no triple"):
        rank_triples(scorer, test.select(np.array([], dtype=np.int64)))
    with pytest.raises(EvaluationError, match="labels"):
        rank_triples(scorer, test, [train.used_only(), TripleSet(("x",), ("y",), test.triples[:0])])
    with pytest.raises(EvaluationError, match="not a number"):
        rank_triples(TableScorer(np.full((30, 4, 30), np.nan)), test)


def test_confidence_intervals_are_students():
    found = confidence_interval([0.30, 0.31, 0.35])
    # The quantile of t with two degrees of freedom is 4.3027 (any table).
    assert found.mean == pytest.approx(0.32)
    assert found.half_width == pytest.approx(
        4.3027 * np.std([0.30, 0.31, 0.35], ddof=1) / 3**0.5, 1e-4
    )
    assert str(found) == "0.320 ± 0.066"
    assert math.isnan(confidence_interval([1.0]).half_width)
    with pytest.raises(EvaluationError):
        confidence_interval([])
