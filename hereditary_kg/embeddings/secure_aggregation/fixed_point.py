"""Numbers as whole multiples of a unit, added modulo a power of two, without overflow."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import FixedPointError

__all__ = ["RESIDUE_TYPES", "FixedPoint", "count_bits"]

RESIDUE_TYPES: dict[int, np.dtype[Any]] = {
    8: np.dtype("u1"),
    16: np.dtype("<u2"),
    32: np.dtype("<u4"),
}


_PART = 1 << 15
"""Numbers that are coded together, few enough to stay in a core's cache."""


def count_bits(sites: int) -> int:
    """Give the bits of a residue in which every site can be counted once."""
    return next((bits for bits in RESIDUE_TYPES if sites < 1 << bits), 32)


@dataclass(frozen=True)
class FixedPoint:
    """How the numbers of one tensor are written as residues, so that sums of all sites are exact.

    Each site rounds to a unit of ``step / sites``, so that the sum over all of them is within half
    a step of the sum of the numbers themselves. A sum of as many numbers as there are sites, each
    within ``±limit``, stays below half of the modulus, and so is told from its negative.

    Args:
        limit: numbers are clipped to this size; in the tensor's own unit.
        step: how exact a sum is; in the tensor's own unit.
        sites: how many numbers are added at most.
        bits: 32, or 16 or 8 for coarser numbers in fewer bytes.

    Raises:
        FixedPointError: the largest sum could overflow, or a number here makes no sense.
    """

    limit: float
    step: float
    sites: int
    bits: int = 32

    def __post_init__(self) -> None:
        if self.bits not in RESIDUE_TYPES:
            raise FixedPointError(f"Residues have 8, 16 or 32 bits, not {self.bits}.")
        sound = math.isfinite(self.limit) and self.limit > 0 and self.sites >= 1
        if not (sound and math.isfinite(self.step) and self.step > 0):
            raise FixedPointError(
                f"Limit {self.limit:g} and step {self.step:g} of {self.sites} sites: each has to "
                "be a number above zero."
            )
        largest = self.sites * self.largest_residue
        if largest >= 1 << (self.bits - 1):
            finest = finest_step(self.limit, self.sites, self.bits)
            raise FixedPointError(
                f"{self.sites} numbers of up to {self.limit:g} in steps of {self.step:g} overflow "
                f"{self.bits} bits. Take a step of {finest:.3g} or more, or a smaller limit."
            )

    @classmethod
    def finest(cls, limit: float, sites: int, bits: int = 32) -> "FixedPoint":
        """Take the smallest step at which nothing overflows."""
        return cls(limit, finest_step(limit, sites, bits), sites, bits)

    @cached_property
    def unit(self) -> float:
        """What a residue of one stands for."""
        return self.step / self.sites

    @cached_property
    def largest_residue(self) -> int:
        """The largest whole number that a site contributes."""
        return math.ceil(self.limit / self.unit)

    def count_clipped(self, values: NDArray[np.floating[Any]]) -> int:
        """Count the numbers that are beyond the limit, and so are not added in full."""
        return int(np.count_nonzero(np.abs(values) > self.limit))

    def encode(self, values: NDArray[np.floating[Any]]) -> NDArray[np.unsignedinteger[Any]]:
        """Write numbers as residues, those beyond the limit as the limit.

        Args:
            values: any shape.

        Returns:
            The residues, flat, of an unsigned type with :attr:`bits` bits.

        Raises:
            FixedPointError: a value is infinite or no number.
        """
        flat = np.asarray(values).reshape(-1)
        residues = np.empty(len(flat), dtype=RESIDUE_TYPES[self.bits])
        for start in range(0, len(flat), _PART):
            scaled = flat[start : start + _PART].astype(np.float64)
            if not np.isfinite(scaled).all():
                raise FixedPointError(
                    "A value to be added is infinite or no number, as after a loss that diverged. "
                    "Nothing was sent; lower the learning rate."
                )
            scaled /= self.unit
            np.clip(scaled, -self.largest_residue, self.largest_residue, out=scaled)
            np.rint(scaled, out=scaled)
            # Through int64 the conversion of negative numbers is defined: modulo two to the bits.
            residues[start : start + _PART] = scaled.astype(np.int64)
        return residues

    def decode(self, residues: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.float64]:
        """Read the sum back from the sum of residues.

        Returns:
            The numbers, flat.
        """
        signed = residues.view(f"<i{self.bits // 8}")
        return signed.astype(np.float64) * self.unit


def finest_step(limit: float, sites: int, bits: int) -> float:
    """Give the smallest step at which a sum of ``sites`` numbers up to ``limit`` cannot overflow.

    Raises:
        FixedPointError: there are more sites than such residues can count.
    """
    most = ((1 << (bits - 1)) - 1) // sites
    if most < 1:
        raise FixedPointError(f"{sites} sites are too many for residues of {bits} bits.")
    # One part in 10^12 more, lest the division of limit by unit be rounded above the most.
    return limit * sites / most * (1 + 1e-12)
