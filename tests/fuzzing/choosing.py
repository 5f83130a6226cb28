"""Choices by one cheap draw each.

Strategies made anew for every choice cost more than the case that they describe. These draw
from a few integer strategies that are made once. What comes first in a pool is what shrinking
ends at.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st

__all__ = ["Draw", "few", "one_in", "pick"]

Draw = Callable[[st.SearchStrategy[Any]], Any]
T = TypeVar("T")


@cache
def _below(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, size - 1)


def pick(draw: Draw, pool: Sequence[T]) -> T:
    """Draw one of a pool."""
    return pool[draw(_below(len(pool)))] if len(pool) > 1 else pool[0]


def one_in(draw: Draw, number: int) -> bool:
    """Draw True once in ``number`` times."""
    return draw(_below(number)) == number - 1


def few(draw: Draw, pool: Sequence[T], least: int, most: int) -> tuple[T, ...]:
    """Draw at least ``least`` and at most ``most`` different ones of a pool."""
    left = list(dict.fromkeys(pool))
    least, most = min(least, len(left)), min(most, len(left))
    count = least + draw(_below(most - least + 1)) if most > least else least
    return tuple(left.pop(left.index(pick(draw, left))) for _ in range(count))
