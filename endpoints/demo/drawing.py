"""Random draws that come out the same on every machine and under every Python version.

Python promises the same sequence for ``random.Random(text).random()`` alone; ``choice``,
``shuffle`` and the rest may change. So every draw here is made of that one method. Each person
has a stream of his own, named by the seed and his number: a smaller demo holds the first persons
of the full one, unchanged.
"""

import hashlib
import random
from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["SEED", "Draw", "make_pseudonym"]

SEED = "hereditary-demo-1"

Item = TypeVar("Item")


class Draw:
    """A stream of random draws."""

    def __init__(self, *key: object) -> None:
        """Start the stream of this name."""
        # Simulated data wants reproducible numbers, not secret ones.
        self._random = random.Random("/".join((SEED, *map(str, key)))).random  # noqa: S311

    def chance(self, probability: float) -> bool:
        """Say yes with a probability: never at 0, always at 1."""
        return self._random() < probability

    def between(self, low: int, high: int) -> int:
        """Draw a whole number from ``low`` to ``high``, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """Draw one item, each as likely as the next."""
        return items[int(self._random() * len(items))]

    def pick_weighted(self, items: Sequence[Item], cumulative: Sequence[int]) -> Item:
        """Draw one item by weight.

        Args:
            items: what to draw from.
            cumulative: running sums of the items' weights.
        """
        return items[bisect_right(cumulative, int(self._random() * cumulative[-1]))]


def make_pseudonym(*key: object) -> str:
    """Make an opaque identifier of twelve hexadecimal digits."""
    return hashlib.sha256("/".join((SEED, *map(str, key))).encode()).hexdigest()[:12]
