"""Filtered ranking: where a model puts the right answer among all entities.

Ranks are *realistic* ones: the mean of the best and of the worst place among answers of the same
score (Berrendorf et al. 2020, *On the ambiguity of rank-based evaluation of entity alignment or
link prediction methods*), so that a model which scores all alike gains nothing.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from hereditary_kg.embeddings.errors import EvaluationError
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "SIDES",
    "ConfidenceInterval",
    "KnownAnswers",
    "LinkScorer",
    "Ranking",
    "RankingMetrics",
    "Side",
    "check_filters",
    "confidence_interval",
    "known_answers",
    "questions",
    "rank_triples",
    "score_questions",
]

Side = Literal["head", "tail"]
SIDES: tuple[Side, Side] = ("head", "tail")
_SCORES = 2**22
"""Scores that are held at once, 16 MiB."""


class LinkScorer(Protocol):
    """What scores all entities as the missing end of triples."""

    def score_tails(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Score all entities as tails: ``[b]`` and ``[b]`` to ``[b, n]``."""

    def score_heads(self, relations: Tensor, tails: Tensor) -> Tensor:
        """Score all entities as heads: ``[b]`` and ``[b]`` to ``[b, n]``."""


@dataclass(frozen=True)
class RankingMetrics:
    """What ranks are summed up to.

    Attributes:
        count: how many ranks there are; the metrics are not numbers if there are none.
        mean_reciprocal_rank: the mean of ``1 / rank``.
        hits_at_1: the share of ranks of at most 1.
        hits_at_3: the share of ranks of at most 3.
        hits_at_10: the share of ranks of at most 10.
        mean_rank: the mean rank.
        adjusted_mean_rank: the mean rank as a share of what random scores would have.
        adjusted_mean_rank_index: 1 for a perfect model, 0 for random scores, -1 for the worst.
    """

    count: int
    mean_reciprocal_rank: float
    hits_at_1: float
    hits_at_3: float
    hits_at_10: float
    mean_rank: float
    adjusted_mean_rank: float
    adjusted_mean_rank_index: float

    @classmethod
    def of(cls, ranks: NDArray[np.float64], candidates: NDArray[np.int64]) -> "RankingMetrics":
        """Sum up ranks.

        Args:
            ranks: any shape.
            candidates: how many answers each was ranked among, itself counted; the same shape.
        """
        if not ranks.size:
            return cls(0, *[float("nan")] * 7)
        mean, expected = float(ranks.mean()), float((candidates.mean() + 1) / 2)
        return cls(
            count=ranks.size,
            mean_reciprocal_rank=float((1 / ranks).mean()),
            hits_at_1=float((ranks <= 1).mean()),
            hits_at_3=float((ranks <= 3).mean()),
            hits_at_10=float((ranks <= 10).mean()),
            mean_rank=mean,
            adjusted_mean_rank=mean / expected,
            adjusted_mean_rank_index=1 - (mean - 1) / (expected - 1) if expected > 1 else 0.0,
        )


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ranks of triples, for both sides.

    Attributes:
        triples: what was ranked.
        ranks: shape ``[n, 2]``: of the head among heads, of the tail among tails.
        candidates: among how many, shape ``[n, 2]``.
    """

    triples: TripleSet
    ranks: NDArray[np.float64]
    candidates: NDArray[np.int64]

    def metrics(self, side: Side | None = None) -> RankingMetrics:
        """Sum up the ranks of one side, by default of both."""
        chosen = slice(None) if side is None else SIDES.index(side)
        return RankingMetrics.of(self.ranks[:, chosen], self.candidates[:, chosen])

    def per_relation(self, side: Side | None = None) -> dict[str, RankingMetrics]:
        """Sum up the ranks for each relation that is in the triples, by its label."""
        chosen = slice(None) if side is None else SIDES.index(side)
        found = {}
        for number in np.unique(self.triples.triples[:, 1]).tolist():
            rows = self.triples.triples[:, 1] == number
            found[self.triples.relations[number]] = RankingMetrics.of(
                self.ranks[rows][:, chosen], self.candidates[rows][:, chosen]
            )
        return found


class KnownAnswers(NamedTuple):
    """The known answers of queries, one after the other.

    Attributes:
        query: the number of the query that each answer is of, ascending, shape ``[k]``.
        answer: the entity, shape ``[k]``.
    """

    query: NDArray[np.int64]
    answer: NDArray[np.int64]

    def within(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the answers to queries from ``first`` to before ``last``, these numbered from 0."""
        begin, end = np.searchsorted(self.query, [first, last])
        return self.query[begin:end] - first, self.answer[begin:end]


def questions(side: Side, triples: TripleSet) -> NDArray[np.int64]:
    """Give the different questions that triples ask for one side, ascending.

    Returns:
        rows of head and relation (for tails), or of relation and tail (for heads).
    """
    return np.unique(_split(side, triples.triples)[0], axis=0)


def check_filters(triples: TripleSet, filters: Sequence[TripleSet]) -> None:
    """Check that there are triples, and that filters have their labels.

    Raises:
        EvaluationError: it is not so.
    """
    if not len(triples):
        raise EvaluationError("There is no triple to rank. Give at least one.")
    for known in filters:
        if known.entities != triples.entities or known.relations != triples.relations:
            raise EvaluationError(
                "A filter's labels are not those of the triples to rank. Give sets that share "
                "their labels, in the same order."
            )


def score_questions(
    scorer: LinkScorer, side: Side, queries: NDArray[np.int64], device: torch.device | str = "cpu"
) -> Tensor:
    """Score all entities as answers to questions.

    Args:
        scorer: the model.
        side: what is asked for.
        queries: rows of head and relation, or of relation and tail, shape ``[b, 2]``.
        device: where the scorer wants its numbers.

    Returns:
        shape ``[b, n]``.

    Raises:
        EvaluationError: a score is not a number.
    """
    first, second = torch.from_numpy(queries).to(device).unbind(1)
    if side == "tail":
        scores = scorer.score_tails(first, second)
    else:
        scores = scorer.score_heads(first, second)
    if not bool(torch.isfinite(scores.sum())) and bool(torch.isnan(scores).any()):
        raise EvaluationError(
            "A score is not a number, so nothing can be ranked. Look at the model's vectors: "
            "training has gone astray, or they were damaged."
        )
    return scores


def known_answers(
    side: Side, queries: NDArray[np.int64], filters: Sequence[TripleSet]
) -> KnownAnswers:
    """Look up the answers to queries in triples.

    Args:
        side: what is asked for.
        queries: different rows of head and relation, or of relation and tail, ascending.
        filters: the triples.
    """
    known = np.concatenate([queries[:0, [0, 0, 0]], *(triples.triples for triples in filters)])
    keys, answers = _split(side, known)
    everything, numbers = np.unique(np.concatenate([queries, keys]), axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    places = np.full(len(everything), -1, dtype=np.int64)
    places[numbers[: len(queries)]] = np.arange(len(queries))
    query = places[numbers[len(queries) :]]
    pairs = np.unique(np.stack([query, answers], axis=1)[query >= 0], axis=0)
    return KnownAnswers(pairs[:, 0], pairs[:, 1])


@torch.no_grad()
def rank_triples(
    scorer: LinkScorer,
    triples: TripleSet,
    filters: Sequence[TripleSet] = (),
    *,
    device: torch.device | str = "cpu",
) -> Ranking:
    """Rank each triple's head and tail among all entities.

    Other answers that are known, from the filters or from the triples themselves, don't count.

    Args:
        scorer: the model.
        triples: what is ranked.
        filters: triples that are known to be true, with the same labels: a site's own, or (in
            benchmarks) all there are.
        device: where the scorer wants its numbers.

    Raises:
        EvaluationError: a filter has other labels, there is nothing to rank, or a score is not a
            number.
    """
    check_filters(triples, filters)
    ranked = [_rank_side(scorer, side, triples, filters, device) for side in SIDES]
    return Ranking(
        triples,
        np.stack([ranks for ranks, _ in ranked], axis=1),
        np.stack([candidates for _, candidates in ranked], axis=1),
    )


@dataclass(frozen=True)
class ConfidenceInterval:
    """A mean over seeds, and where the true one is.

    Attributes:
        mean: the mean.
        half_width: the interval is the mean plus and minus this; not a number for one value.
    """

    mean: float
    half_width: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half_width:.3f}"


def confidence_interval(values: Sequence[float], level: float = 0.95) -> ConfidenceInterval:
    """Give the mean of values and its confidence interval by Student's t distribution.

    Args:
        values: one for each seed.
        level: how surely the interval holds the mean over all seeds.

    Raises:
        EvaluationError: there is no value.
    """
    if not values:
        raise EvaluationError("There is no value to take the mean of. Give one for each seed.")
    if len(values) == 1:
        return ConfidenceInterval(values[0], float("nan"))
    quantile = float(stats.t.ppf((1 + level) / 2, len(values) - 1))
    deviation = statistics.stdev(values) / len(values) ** 0.5
    return ConfidenceInterval(statistics.fmean(values), quantile * deviation)


def _split(side: Side, triples: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give what is asked with and what is asked for."""
    if side == "tail":
        return triples[:, :2], triples[:, 2]
    return triples[:, 1:], triples[:, 0]


def _rank_side(
    scorer: LinkScorer,
    side: Side,
    triples: TripleSet,
    filters: Sequence[TripleSet],
    device: torch.device | str,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    keys, answers = _split(side, triples.triples)
    # A question that several triples ask is scored once.
    queries, asking = np.unique(keys, axis=0, return_inverse=True)
    asking = asking.reshape(-1)
    order = np.argsort(asking, kind="stable")
    known = known_answers(side, queries, [triples, *filters])
    entities = len(triples.entities)
    ranks = np.empty(len(triples))
    candidates = np.empty(len(triples), dtype=np.int64)
    step = max(1, _SCORES // max(1, entities))
    for first in range(0, len(queries), step):
        last = min(first + step, len(queries))
        begin, end = np.searchsorted(asking, [first, last], sorter=order)
        scores = score_questions(scorer, side, queries[first:last], device)
        rows = order[begin:end]
        ranks[rows], candidates[rows] = _rank_rows(
            scores,
            asking[rows] - first,
            answers[rows],
            *known.within(first, last),
        )
    return ranks, candidates


def _rank_rows(
    scores: Tensor,
    asking: NDArray[np.int64],
    answers: NDArray[np.int64],
    known_query: NDArray[np.int64],
    known_answer: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rank the answers of triples whose questions have these rows of scores."""
    places = torch.from_numpy(asking).to(scores.device)
    rights = scores[places, torch.from_numpy(answers).to(scores.device)]
    # What is known is compared on its own, then taken off what all entities give.
    counts = np.bincount(known_query, minlength=len(scores))
    starts = np.cumsum(counts) - counts
    lengths = counts[asking]
    triple = np.repeat(np.arange(len(asking)), lengths)
    within = np.arange(len(triple)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = torch.from_numpy(starts[asking][triple] + within).to(scores.device)
    values = scores[
        torch.from_numpy(known_query).to(scores.device),
        torch.from_numpy(known_answer).to(scores.device),
    ][entry]
    owner = torch.from_numpy(triple).to(scores.device)
    right = rights[owner]
    above, same = _compare(scores, places, rights)
    above -= torch.bincount(owner[values > right], minlength=len(rights))
    same -= torch.bincount(owner[values == right], minlength=len(rights))
    ranks = 1 + above.double() + same.double() / 2
    return ranks.cpu().numpy(), scores.shape[1] - lengths + 1


def _compare(scores: Tensor, places: Tensor, rights: Tensor) -> tuple[Tensor, Tensor]:
    """Count the scores above each right one, and those equal to it."""
    above, same = [], []
    step = max(1, _SCORES // scores.shape[1])
    for some, value in zip(torch.split(places, step), torch.split(rights, step), strict=True):
        # Counting in 32 bits is vectorised, in 64 it is not.
        rows, limit = scores[some], value[:, None]
        above.append((rows > limit).sum(1, dtype=torch.int32))
        same.append((rows == limit).sum(1, dtype=torch.int32))
    return torch.cat(above).long(), torch.cat(same).long()
