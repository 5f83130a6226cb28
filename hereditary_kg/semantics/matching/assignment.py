"""Which candidate pairs are taken: a stable one-to-one assignment.

Both sides rank their partners by the same score. So the assignment that Gale and Shapley's
algorithm finds is the only stable one, and taking pairs from the best on, as long as both their
terms are free, finds it too. Pairs with equal scores are taken in the order of their names, which
is the same whichever side is called the first.

Source: Gale and Shapley, College Admissions and the Stability of Marriage, 1962.
"""

from collections.abc import Iterable, Mapping

__all__ = ["assign"]

_DIGITS = 9
Names = tuple[str, str]


def assign(scores: Mapping[Names, float], least: float) -> dict[str, str]:
    """Assign terms of the one side to terms of the other, one to one.

    Args:
        scores: pairs of terms with their scores.
        least: the score from which on a pair is taken at all.
    """
    partners: dict[str, str] = {}
    taken: set[str] = set()
    for one, other in _ordered(scores, least):
        if one not in partners and other not in taken:
            partners[one] = other
            taken.add(other)
    return partners


def _ordered(scores: Mapping[Names, float], least: float) -> Iterable[Names]:
    return sorted(
        (pair for pair, score in scores.items() if score >= least),
        key=lambda pair: (-round(scores[pair], _DIGITS), *sorted(pair)),
    )
