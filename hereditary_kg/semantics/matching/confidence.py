"""How sure a proposal is: fixed weights of features, and what their sum has proved to mean.

Weights and steps are fitted by ``python -m benchmarks.matching_fit`` on pairs of terminologies
that no benchmark of matching uses: Mondo and DOID, DOID and NCIT, DOID and ORDO, and for the steps
DOID and OMIM as well. They are the same for whatever is matched.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

__all__ = [
    "ANCHOR",
    "FIRST",
    "SECOND",
    "STEPS",
    "confidence",
    "first_score",
    "score_of",
    "second_score",
]

ANCHOR = 0.0
"""The first score from which on two terms that are each other's best are taken for the same."""

FIRST: Sequence[float] = (
    -6.234,  # constant
    2.447,  # equal
    2.634,  # score
    0.377,  # high
    1.462,  # nearly
    -0.048,  # covered
    -0.743,  # opposite
    -0.225,  # numbered
    0.064,  # weight
    1.280,  # labels
    -0.382,  # more
    0.583,  # telling
    -0.941,  # rivals
    7.106,  # gene
    -2.140,  # genes differ
    -6.585,  # gene and names
    -0.484,  # only gene
    5.120,  # phenotype
    -1.063,  # phenotypes differ
)
"""The weights of `features.BASE`."""

SECOND: Sequence[float] = (
    -0.690,  # constant
    -0.014,  # base
    0.767,  # margin one
    0.810,  # margin other
    0.888,  # above
    -0.656,  # above differs
    3.305,  # below
    -0.676,  # below differs
    -1.337,  # violated
)
"""The weights of `features.FULL`."""

STEPS: Sequence[tuple[float, float]] = (
    (-5.16, 0.018),
    (-3.51, 0.102),
    (-2.5, 0.186),
    (-1.75, 0.285),
    (-1.24, 0.407),
    (-0.75, 0.501),
    (-0.26, 0.63),
    (0.25, 0.718),
    (0.74, 0.751),
    (1.49, 0.802),
    (2.55, 0.858),
    (4.0, 0.979),
    (6.79, 0.989),
)
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
    """Give the score from which on the confidence is as given; infinite where none has it."""
    if sure > STEPS[-1][1]:
        return math.inf
    if sure <= STEPS[0][1]:
        return -math.inf
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
