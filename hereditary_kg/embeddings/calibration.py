"""Scores as probabilities: how likely a predicted link is to be true.

**What is calibrated.** A question is a head and a relation, or a relation and a tail. Its
*predicted links* are the best few candidates among all entities, without those that are known to be
answers. The event is that a predicted link is a held-out triple, where the question is one that
held-out triples ask: it has at least one answer that is not known yet. Of links that are given
30 %, three in ten are then found among triples that the model hasn't seen. For questions that may
have no further answer, a probability is an upper bound.

The probability of a candidate is::

    sigmoid(log softmax(scores / temperature)[candidate] + bias)

The softmax, over all candidates that are not known, says how far a candidate stands out among the
others of its question. The bias allows for several answers; it also bounds what is said, since even
the only candidate worth naming may be in no held-out triple. Both are fitted on validation triples
by the logarithmic loss (Guo et al. 2017, *On calibration of modern neural networks*; for links
Tabacof and Costabello 2020, *Probability calibration for knowledge graph embedding models*).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from torch import Tensor

from hereditary_kg.embeddings.errors import EvaluationError
from hereditary_kg.embeddings.ranking import (
    SIDES,
    LinkScorer,
    check_filters,
    known_answers,
    questions,
    score_questions,
)
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "Calibration",
    "HeldOutLinks",
    "Reliability",
    "draw_reliability",
    "fit_calibration",
    "measure_reliability",
    "predict_held_out",
]

_SCORES = 2**22
"""Scores that are held at once, 16 MiB."""
_TEMPERATURES = np.logspace(-2.5, 1.5, 33)
"""What is tried, in standard deviations of the scores; the loss changes little between two."""
_FARTHEST_BIAS = 50.0


@dataclass(frozen=True)
class Calibration:
    """Turns scores into probabilities.

    Attributes:
        temperature: what scores are divided by.
        bias: what is added to the logarithm of the softmax.
    """

    temperature: float
    bias: float

    def probabilities(self, scores: Tensor) -> Tensor:
        """Give the probability of each candidate.

        Args:
            scores: of all entities, one row a question; minus infinity for what is known. Shape
                ``[b, n]``.
        """
        shares = torch.log_softmax(scores / self.temperature, dim=1)
        return torch.sigmoid(
            torch.nan_to_num(shares, nan=-torch.inf, neginf=-torch.inf) + self.bias
        )


@dataclass(frozen=True, eq=False)
class HeldOutLinks:
    """Predicted links of the questions that held-out triples ask.

    Attributes:
        temperatures: those at which shares were computed, ascending, shape ``[t]``.
        log_shares: the logarithm of each link's part of the softmax at each temperature, shape
            ``[q, k, t]``, best candidates first; minus infinity where a question has fewer.
        right: whether the link is a held-out triple, shape ``[q, k]``.
    """

    temperatures: NDArray[np.float64]
    log_shares: NDArray[np.float32]
    right: NDArray[np.bool_]

    def best(self, links: int) -> "HeldOutLinks":
        """Keep fewer links a question."""
        return HeldOutLinks(self.temperatures, self.log_shares[:, :links], self.right[:, :links])


@dataclass(frozen=True, eq=False)
class Reliability:
    """What was said beside what came true, by bins of what was said.

    Attributes:
        expected: the mean probability in each bin that has a link.
        observed: the share of right links there.
        counts: how many links there are.
    """

    expected: NDArray[np.float64]
    observed: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def expected_calibration_error(self) -> float:
        """The mean distance between what was said and what came true, over the links."""
        distances = np.abs(self.expected - self.observed)
        return float(np.average(distances, weights=self.counts))


def predict_held_out(
    scorer: LinkScorer,
    held_out: TripleSet,
    filters: Sequence[TripleSet],
    *,
    links: int = 10,
    limit: int | None = 2000,
    seed: int = 0,
    calibration: Calibration | None = None,
    device: torch.device | str = "cpu",
) -> HeldOutLinks:
    """Predict links for the questions that held-out triples ask.

    Args:
        scorer: the model.
        held_out: triples that the model hasn't seen.
        filters: triples that are known, which are no candidates; with the same labels.
        links: how many candidates a question, the best ones.
        limit: at most how many questions a side, drawn by the seed; None for all.
        seed: what questions are drawn by.
        calibration: what the links are to be tested with; by default they are for fitting, and
            shares are computed at many temperatures.
        device: where the scorer wants its numbers.

    Raises:
        EvaluationError: a filter has other labels, there is no held-out triple, or a score is not
            a number.
    """
    check_filters(held_out, filters)
    drawn = np.random.default_rng(seed)
    temperatures = None if calibration is None else np.array([calibration.temperature])
    shares, right = [], []
    for side in SIDES:
        asked = questions(side, held_out)
        if limit is not None and len(asked) > limit:
            asked = asked[np.sort(drawn.choice(len(asked), limit, replace=False))]
        known = known_answers(side, asked, filters)
        answers = known_answers(side, asked, [held_out])
        step = max(1, _SCORES // len(held_out.entities))
        for first in range(0, len(asked), step):
            scores = score_questions(scorer, side, asked[first : first + step], device)
            if temperatures is None:
                spread = scores[torch.isfinite(scores)].std().nan_to_num()
                temperatures = _TEMPERATURES * max(float(spread), 1e-6)
            scores[known.within(first, first + step)] = -torch.inf
            truth = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
            truth[answers.within(first, first + step)] = True
            best = torch.topk(scores, min(links, scores.shape[1]), dim=1)
            shares.append(_log_shares(scores, best.values, temperatures))
            found = truth.gather(1, best.indices) & torch.isfinite(best.values)
            right.append(found.cpu().numpy())
    assert temperatures is not None  # noqa: S101 - there was a question
    return HeldOutLinks(temperatures, np.concatenate(shares), np.concatenate(right))


def fit_calibration(links: HeldOutLinks) -> Calibration:
    """Fit temperature and bias to predicted links, those of validation triples.

    Raises:
        EvaluationError: all links are right, or none, so that nothing can be told from them.
    """
    seen = np.isfinite(links.log_shares).all(axis=2)
    right = links.right[seen].astype(np.float64)
    if not 0 < right.sum() < len(right):
        raise EvaluationError(
            f"{int(right.sum())} of {len(right)} predicted links are right, so that no probability "
            "can be fitted. Give more validation triples, or more links a question."
        )
    fits = []
    for number, temperature in enumerate(links.temperatures.tolist()):
        shares = links.log_shares[:, :, number][seen].astype(np.float64)
        bias = _fit_bias(shares, float(right.mean()))
        odds = shares + bias
        loss = float(np.mean(np.logaddexp(0, odds) - right * odds))
        fits.append((loss, Calibration(temperature, bias)))
    return min(fits, key=lambda fit: fit[0])[1]


def measure_reliability(
    calibration: Calibration, links: HeldOutLinks, bins: int = 15
) -> Reliability:
    """Compare what is said of predicted links with what came true.

    Args:
        calibration: fitted on other triples.
        links: predicted for test triples, with this calibration.
        bins: how many of equal width.

    Raises:
        EvaluationError: the links were not predicted with this calibration.
    """
    if links.temperatures.tolist() != [calibration.temperature]:
        raise EvaluationError(
            "The links were predicted at other temperatures. Predict them with the calibration."
        )
    shares = links.log_shares[:, :, 0]
    seen = np.isfinite(shares)
    said, right = expit(shares[seen].astype(np.float64) + calibration.bias), links.right[seen]
    places = np.minimum((said * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    used = counts > 0
    return Reliability(
        np.bincount(places, said, bins)[used] / counts[used],
        np.bincount(places, right, bins)[used] / counts[used],
        counts[used],
    )


def draw_reliability(measured: Mapping[str, Reliability], path: Path) -> None:
    """Draw what came true over what was said, as SVG.

    Args:
        measured: by what the legend says.
        path: where the picture is written.
    """
    # Imported here: matplotlib takes half a second, and few draw.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
    for name, reliability in measured.items():
        error = reliability.expected_calibration_error
        axes.plot(
            reliability.expected,
            reliability.observed,
            marker="o",
            markersize=4,
            label=f"{name} (calibration error {error:.3f})",
        )
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="probability that was said", ylabel="share that was right"
    )
    if measured:
        axes.legend(loc="upper left")
    # Without a date and with fixed identifiers the same figures give the same file.
    with rc_context({"svg.hashsalt": "reliability"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _log_shares(
    scores: Tensor, best: Tensor, temperatures: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Give the logarithm of the best candidates' parts of the softmax, ``[q, k, t]``."""
    parts = []
    for temperature in temperatures.tolist():
        total = torch.logsumexp(scores / temperature, dim=1, keepdim=True)
        # Where all is known there is no candidate, and no total.
        parts.append(
            torch.nan_to_num(best / temperature - total, nan=-torch.inf, neginf=-torch.inf)
        )
    return torch.stack(parts, dim=2).cpu().numpy()


def _fit_bias(shares: NDArray[np.float64], wanted: float) -> float:
    """Find the bias of the least logarithmic loss: the one that gets the mean right."""

    def excess(bias: float) -> float:
        return float(expit(shares + bias).mean()) - wanted

    farthest = _FARTHEST_BIAS - float(shares.min())
    return float(brentq(excess, -farthest, farthest))
