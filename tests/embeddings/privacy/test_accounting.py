"""What is spent, by three other ways of counting it."""

import math

import dp_accounting
import numpy as np
import pytest
from dp_accounting.pld import PLDAccountant
from scipy.special import erfc
from scipy.stats import norm

from hereditary_kg.embeddings.errors import PrivacyError
from hereditary_kg.embeddings.privacy.accounting import (
    PrivacyAccountant,
    PrivacyBudget,
    SampledGaussian,
    calibrate_noise,
)

DELTA = 1e-5
CASES = [(0.01, 1.0, 1000), (0.1, 2.0, 200), (0.004, 0.8, 2500), (0.01, 0.7, 5000)]


def spent(rate, noise, steps, delta=DELTA):
    return PrivacyAccountant().epsilon(delta, {SampledGaussian(rate, noise): steps})


def by_fourier_transform(rate, noise, steps, delta):
    """Compose the privacy loss on a grid by a Fourier transform (Koskela et al. 2020).

    Ours, with nothing of dp-accounting: losses are rounded to the grid's nearest, both directions
    of neighbourhood are taken, and the larger epsilon counts.
    """
    width, places = 40.0, 1 << 20
    step = 2 * width / places
    outputs = np.linspace(-20 * noise, 20 * noise + 1, 1 << 20)
    cell = outputs[1] - outputs[0]
    without = norm.pdf(outputs, 0, noise) * cell
    mixed = (1 - rate) * without + rate * norm.pdf(outputs, 1, noise) * cell
    losses = np.log1p(rate * np.expm1((2 * outputs - 1) / (2 * noise**2)))
    found = []
    for loss, weights in ((losses, mixed), (-losses, without)):
        # Between two points of the grid, so that the mean loss is kept.
        place = (loss + width) / step
        lower = np.floor(place).astype(int)
        inside = (lower >= 0) & (lower < places - 1)
        share = (place - lower)[inside]
        grid = np.bincount(lower[inside], weights[inside] * (1 - share), places)
        grid += np.bincount(lower[inside] + 1, weights[inside] * share, places)
        composed = np.fft.irfft(np.fft.rfft(np.roll(grid, -places // 2)) ** steps, places)
        composed = np.roll(composed, places // 2).clip(0)
        values = (np.arange(places) - places // 2) * step

        def excess(epsilon, values=values, composed=composed):
            above = values > epsilon
            return (composed[above] * -np.expm1(epsilon - values[above])).sum()

        low, high = 0.0, width
        while high - low > 1e-5:
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) > delta else (low, middle)
        found.append(high)
    return max(found)


def by_renyi_divergence(rate, noise, steps, delta):
    """Bound epsilon by Rényi divergences of whole orders (Mironov, Talwar and Zhang 2019)."""
    best = math.inf
    for order in range(2, 200):
        terms = [
            math.lgamma(order + 1)
            - math.lgamma(k + 1)
            - math.lgamma(order - k + 1)
            + k * math.log(rate)
            + (order - k) * math.log1p(-rate)
            + k * (k - 1) / (2 * noise**2)
            for k in range(order + 1)
        ]
        divergence = steps * np.logaddexp.reduce(terms) / (order - 1)
        # Canonne, Kamath and Steinke 2020, proposition 12.
        shift = math.log1p(-1 / order) - math.log(delta * order) / (order - 1)
        best = min(best, divergence + shift)
    return best


def of_the_gaussian_mechanism(noise, delta):
    """The exact epsilon of one release (Balle and Wang 2018, theorem 8)."""

    def tail(x):
        return erfc(x / math.sqrt(2)) / 2

    low, high = 0.0, 100.0
    while high - low > 1e-9:
        e = (low + high) / 2
        excess = tail(e * noise - 1 / (2 * noise))
        excess -= math.exp(e) * tail(e * noise + 1 / (2 * noise))
        low, high = (e, high) if excess > delta else (low, e)
    return high


@pytest.mark.parametrize(("rate", "noise", "steps"), CASES)
def test_an_accountant_of_our_own_agrees_to_one_per_cent(rate, noise, steps):
    assert spent(rate, noise, steps) == pytest.approx(
        by_fourier_transform(rate, noise, steps, DELTA), rel=0.01
    )


@pytest.mark.parametrize(("rate", "noise", "steps"), CASES)
def test_the_bound_by_renyi_divergence_is_above_and_not_far(rate, noise, steps):
    bound = by_renyi_divergence(rate, noise, steps, DELTA)
    assert spent(rate, noise, steps) <= bound <= 1.35 * spent(rate, noise, steps)


@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (4.0, 1), (10.0, 25)])
def test_without_sampling_it_is_the_gaussian_mechanism(noise, steps):
    """Which composes exactly: many releases are one with less noise."""
    exact = of_the_gaussian_mechanism(noise / math.sqrt(steps), DELTA)
    assert spent(1.0, noise, steps) == pytest.approx(exact, rel=0.002)
    assert spent(1.0, noise, steps) >= exact


def test_different_mechanisms_add_up():
    accountant = PrivacyAccountant()
    one, other = SampledGaussian(0.02, 1.0), SampledGaussian(0.05, 2.0)
    assert accountant.epsilon(DELTA) == 0
    accountant.spend(one, 100)
    alone = accountant.epsilon(DELTA)
    both = accountant.epsilon(DELTA, {other: 100})
    assert accountant.epsilon(DELTA) == alone
    accountant.spend(other, 100)
    assert accountant.epsilon(DELTA) == both > alone
    accountant.spend(one, 1)
    assert accountant.epsilon(DELTA) > both


def test_steps_left_are_the_most_that_fit():
    accountant = PrivacyAccountant()
    mechanism, budget = SampledGaussian(0.02, 1.0), PrivacyBudget(2.0, DELTA)
    accountant.spend(mechanism, 50)
    left = accountant.steps_left(mechanism, budget)
    assert accountant.epsilon(DELTA, {mechanism: left}) <= 2.0
    assert accountant.epsilon(DELTA, {mechanism: left + 1}) > 2.0


def test_calibrated_noise_is_the_least():
    noise = calibrate_noise(PrivacyBudget(2.0, DELTA), 0.02, 300)
    assert spent(0.02, noise, 300) <= 2.0
    assert spent(0.02, noise / 1.002, 300) > 2.0


@pytest.mark.parametrize("epsilon", [1.0, 4.0, 16.0])
def test_calibrated_noise_is_what_dp_accounting_finds(epsilon):
    """By its own search, over its own words for what a training does, on a finer grid."""
    theirs = dp_accounting.calibrate_dp_mechanism(
        lambda: PLDAccountant(value_discretization_interval=5e-4),
        lambda noise: dp_accounting.SelfComposedDpEvent(
            dp_accounting.PoissonSampledDpEvent(0.25, dp_accounting.GaussianDpEvent(noise)), 40
        ),
        epsilon,
        DELTA,
        dp_accounting.ExplicitBracketInterval(0.3, 20.0),
        tol=1e-3,
    )
    ours = calibrate_noise(PrivacyBudget(epsilon, DELTA), 0.25, 40)
    assert ours == pytest.approx(theirs, rel=0.01)


@pytest.mark.parametrize(("rate", "noise"), [(0, 1), (1.1, 1), (math.nan, 1), (0.1, 0), (0.1, 0.1)])
def test_mechanisms_that_cannot_be(rate, noise):
    with pytest.raises(PrivacyError):
        SampledGaussian(rate, noise)


@pytest.mark.parametrize(("epsilon", "delta"), [(0, 0.1), (1, 0), (1, 1), (math.inf, 0.1)])
def test_budgets_that_cannot_be(epsilon, delta):
    with pytest.raises(PrivacyError, match="A budget has an epsilon above 0"):
        PrivacyBudget(epsilon, delta)
    with pytest.raises(PrivacyError, match="one step or more"):
        calibrate_noise(PrivacyBudget(1, 0.1), 0.1, 0)
