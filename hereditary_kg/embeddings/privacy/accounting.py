"""How much privacy training has spent.

Two data sets are neighbours if one has one unit more than the other. Each step draws each unit
with the same probability, by itself, and adds Gaussian noise to the sum of clipped gradients. What
many steps tell together is composed by the distribution of the privacy loss (Koskela et al. 2020;
Doroshenko et al. 2022, *Connect the dots*), which is tighter than bounds by Rényi divergence. The
arithmetic is that of Google's ``dp-accounting``, and always rounds towards more privacy spent.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hereditary_kg.embeddings.errors import PrivacyError

__all__ = ["PrivacyAccountant", "PrivacyBudget", "SampledGaussian", "calibrate_noise"]

_INTERVAL = 1e-3
"""How finely privacy losses are told apart."""
_LEAST_NOISE = 0.2
_MOST_STEPS = 1 << 30


@dataclass(frozen=True)
class SampledGaussian:
    """One step: Poisson sampling and Gaussian noise.

    Args:
        sampling_rate: the probability of each unit to be in the step's sample.
        noise_multiplier: the noise's standard deviation, in clipping norms.

    Raises:
        PrivacyError: a number is out of its range, or so little noise protects nothing.
    """

    sampling_rate: float
    noise_multiplier: float

    def __post_init__(self) -> None:
        if not 0 < self.sampling_rate <= 1:
            raise PrivacyError(
                f"A sampling rate is above 0 and at most 1, not {self.sampling_rate:g}."
            )
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= _LEAST_NOISE):
            raise PrivacyError(
                f"A noise multiplier of {self.noise_multiplier:g} protects nothing. Take "
                f"{_LEAST_NOISE:g} or more; calibrate_noise finds the one for an epsilon."
            )


@dataclass(frozen=True)
class PrivacyBudget:
    """What may be spent.

    Args:
        epsilon: above 0.
        delta: above 0 and below 1; below one over the number of units to mean anything.

    Raises:
        PrivacyError: a number is out of its range.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0 and 0 < self.delta < 1):
            raise PrivacyError(
                f"A budget has an epsilon above 0 and a delta between 0 and 1, not "
                f"{self.epsilon:g} and {self.delta:g}."
            )


class PrivacyAccountant:
    """Adds up what steps have spent."""

    def __init__(self) -> None:
        self._steps: Counter[SampledGaussian] = Counter()

    def spend(self, mechanism: SampledGaussian, steps: int) -> None:
        """Count steps as taken."""
        self._steps[mechanism] += steps

    def epsilon(self, delta: float, more: Mapping[SampledGaussian, int] | None = None) -> float:
        """Give the epsilon of all steps at a delta.

        Args:
            delta: above 0 and below 1.
            more: steps that are counted for this answer only.
        """
        steps = self._steps + Counter(more or {})
        composed: Any = None
        for mechanism, count in sorted(steps.items(), key=repr):
            losses = _losses(mechanism, count)
            composed = losses if composed is None else composed.compose(losses)
        return 0.0 if composed is None else float(composed.get_epsilon_for_delta(delta))

    def steps_left(self, mechanism: SampledGaussian, budget: PrivacyBudget) -> int:
        """Give how many more steps of a kind the budget has room for."""
        fits, breaks = 0, 1
        while breaks < _MOST_STEPS and self._fits(mechanism, breaks, budget):
            fits, breaks = breaks, 2 * breaks
        while breaks - fits > 1:
            middle = (fits + breaks) // 2
            if self._fits(mechanism, middle, budget):
                fits = middle
            else:
                breaks = middle
        return fits

    def _fits(self, mechanism: SampledGaussian, steps: int, budget: PrivacyBudget) -> bool:
        return self.epsilon(budget.delta, {mechanism: steps}) <= budget.epsilon


def calibrate_noise(budget: PrivacyBudget, sampling_rate: float, steps: int) -> float:
    """Find the least noise with which so many steps keep to a budget.

    Returns:
        The noise multiplier, at most a thousandth above the least one.

    Raises:
        PrivacyError: there are no steps, or no noise is enough.
    """
    if steps < 1:
        raise PrivacyError(f"Noise is for one step or more, not for {steps}.")

    def spent(multiplier: float) -> float:
        mechanism = SampledGaussian(sampling_rate, multiplier)
        return PrivacyAccountant().epsilon(budget.delta, {mechanism: steps})

    low, high = _LEAST_NOISE, 1.0
    while spent(high) > budget.epsilon:
        low, high = high, 2 * high
        if high > 1e6:
            raise PrivacyError(
                f"No noise keeps {steps} steps to an epsilon of {budget.epsilon:g}. Take fewer "
                "steps, a smaller sampling rate or a larger budget."
            )
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        if spent(middle) > budget.epsilon:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=32)
def _losses(mechanism: SampledGaussian, steps: int) -> Any:
    """Give the distribution of the privacy loss of so many steps."""
    # Imported here because it brings SciPy along, which only private training needs.
    from dp_accounting.pld.privacy_loss_distribution import (  # noqa: PLC0415
        from_gaussian_mechanism,
    )

    if steps > 1:
        return _losses(mechanism, 1).self_compose(steps)
    return from_gaussian_mechanism(
        mechanism.noise_multiplier,
        sampling_prob=mechanism.sampling_rate,
        value_discretization_interval=_INTERVAL,
    )
