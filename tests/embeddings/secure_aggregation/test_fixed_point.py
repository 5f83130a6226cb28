"""Sums of residues are sums of numbers, to within the step, and never overflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.embeddings.errors import FixedPointError
from hereditary_kg.embeddings.secure_aggregation.fixed_point import (
    RESIDUE_TYPES,
    FixedPoint,
    count_bits,
)

limits = st.floats(1e-6, 1e6)


@given(
    sites=st.integers(1, 100),
    bits=st.sampled_from([16, 32]),
    limit=limits,
    seed=st.integers(0, 2**32 - 1),
)
def test_a_sum_is_within_half_a_step(sites, bits, limit, seed):
    coding = FixedPoint.finest(limit, sites, bits)
    values = np.random.default_rng(seed).uniform(-limit, limit, (sites, 20))
    values[:, 0], values[:, 1], values[:, 2] = limit, -limit, 0
    total = np.zeros(20, dtype=RESIDUE_TYPES[bits])
    for row in values:
        total += coding.encode(row)
    error = np.abs(coding.decode(total) - values.sum(axis=0)).max()
    assert error <= coding.step / 2 * (1 + 1e-6)


@given(sites=st.integers(1, 127), bits=st.sampled_from([8, 16, 32]), limit=limits)
def test_the_finest_step_is_the_finest(sites, bits, limit):
    coding = FixedPoint.finest(limit, sites, bits)
    assert sites * coding.largest_residue < 1 << (bits - 1)
    with pytest.raises(FixedPointError, match="overflow"):
        FixedPoint(limit, coding.step * limit / (limit + coding.unit) / 1.0001, sites, bits)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_overflow_is_refused_before_anything_is_added(bits):
    with pytest.raises(FixedPointError, match=f"overflow {bits} bits. Take a step of"):
        FixedPoint(limit=1.0, step=2.0**-bits, sites=3, bits=bits)


def test_numbers_beyond_the_limit_are_clipped_and_counted():
    coding = FixedPoint(limit=0.5, step=2**-10, sites=2)
    values = np.array([-7.0, -0.5, 0.25, 0.5, 3.0], dtype=np.float32)
    assert coding.count_clipped(values) == 2
    assert coding.decode(coding.encode(values)).tolist() == [-0.5, -0.5, 0.25, 0.5, 0.5]


def test_long_tensors_are_coded_as_their_parts_are():
    coding = FixedPoint(limit=1.0, step=2**-20, sites=3)
    values = np.random.default_rng(1).uniform(-2, 2, 1_000_003).astype(np.float32)
    expected = np.rint(np.clip(values.astype(np.float64), -1, 1) * 3 * 2**20).astype(np.int64)
    assert (coding.encode(values).astype(np.int64) == expected % 2**32).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_not_sent(value):
    with pytest.raises(FixedPointError, match="infinite or no number"):
        FixedPoint(1.0, 2**-10, 2).encode(np.array([0.0, value]))


@pytest.mark.parametrize(
    ("limit", "step", "sites", "bits"),
    [(0.0, 1, 2, 32), (1, 0.0, 2, 32), (1, np.inf, 2, 32), (np.nan, 1, 2, 32), (1, 1, 0, 32)],
)
def test_settings_that_make_no_sense(limit, step, sites, bits):
    with pytest.raises(FixedPointError, match="above zero"):
        FixedPoint(limit, step, sites, bits)
    with pytest.raises(FixedPointError, match="8, 16 or 32 bits, not 12"):
        FixedPoint(1.0, 1.0, 2, 12)


def test_too_many_sites_for_a_byte():
    with pytest.raises(FixedPointError, match="128 sites are too many for residues of 8 bits"):
        FixedPoint.finest(1.0, 128, 8)


def test_counts_take_as_few_bits_as_hold_all_sites():
    assert [count_bits(sites) for sites in (2, 255, 256, 65535, 65536)] == [8, 8, 16, 16, 32]
