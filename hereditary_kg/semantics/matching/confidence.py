"""How sure a proposal is: fixed weights of features, and what their sum has proved to mean.

Weights and steps are fitted by ``python -m benchmarks.matching_fit`` on pairs of terminologies
that no benchmark of matching uses (DOID, EFO, NCIT and their mappings through Mondo; DOID and its
own cross-references). They are the same for whatever is matched.
"""

from bisect import bisect_right
from collections.abc import Sequence

__all__ = ["ANCHOR", "FIRST", "SECOND", "STEPS", "confidence", "first_score", "score_of",
           "second_score"]

ANCHOR = 0.0
"""The first score from which on two terms that are each other's best are taken for the same."""

FIRST: Sequence[float] = (0.0,) * 19
"""The weights of `features.BASE`."""

SECOND: Sequence[float] = (0.0,) * 9
"""The weights of `features.FULL`."""

STEPS: Sequence[tuple[float, float]] = ((-8.0, 0.01), (8.0, 0.99))
"""Second scores, rising, with the share of right proposals that had about this score."""


def first_score(features: Sequence[float]) -> float:
    """Sum up what speaks for a pair alone, as a logit."""
    return sum(weight * value for weight, value in zip(FIRST, features, strict=True))


def second_score(features: Sequence[float]) -> float:
    """Sum up what speaks for a pair among its rivals and in the hierarchies, as a logit."""
    return sum(weight * value for weight, value in zip(SECOND, features, strict=True))


def confidence(score: float) -> float:
    """Give the confidence that a score stands for: straight lines between `STEPS`."""
    return _between(score, [step[0] for step in STEPS], [step[1] for step in STEPS])


def score_of(sure: float) -> float:
    """Give the least score whose confidence is as given."""
    return _between(sure, [step[1] for step in STEPS], [step[0] for step in STEPS])


def _between(value: float, known: Sequence[float], results: Sequence[float]) -> float:
    place = bisect_right(known, value)
    if place == 0:
        return results[0]
    if place == len(known):
        return results[-1]
    low, high = known[place - 1], known[place]
    part = (value - low) / (high - low)
    return results[place - 1] + part * (results[place] - results[place - 1])
