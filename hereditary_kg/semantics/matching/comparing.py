"""How alike two names are, word by word."""

from collections.abc import Mapping
from dataclasses import dataclass

from hereditary_kg.semantics.matching.lexicon import Name, WordWeights
from hereditary_kg.semantics.matching.relations import Relations, are_opposite

__all__ = ["Likeness", "compare"]

_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two names are.

    Attributes:
        one: the one.
        other: the other.
        equal: whether their words are the same.
        score: the weight of what they share as a part of the weight of both.
        covered: the weight of what they share as a part of the weight of the smaller.
        opposite: how many words contradict one another.
        numbered: whether only one of them has a number left over.
        common: the words of the one that the other has as well, or something alike, or need
            not have.
        common_other: those of the other.
    """

    one: Name
    other: Name
    equal: bool
    score: float
    covered: float
    opposite: int
    numbered: bool
    common: frozenset[str]
    common_other: frozenset[str]

    @property
    def weight(self) -> float:
        """How far both names can be relied on."""
        return self.one.weight * self.other.weight

    @property
    def value(self) -> float:
        """One figure for all, to find the best of a term's names."""
        value = 1.0 if self.equal else 0.98 * self.score
        return self.weight * value * 0.4**self.opposite * (0.7 if self.numbered else 1.0)


def compare(one: Name, other: Name, weights: WordWeights, relations: Relations) -> Likeness:
    """Compare two names: equal words, then those that mean about the same, the likest first."""
    if one.bag == other.bag or one.joined == other.joined:
        whole = frozenset(one.bag), frozenset(other.bag)
        return Likeness(one, other, True, 1.0, 1.0, 0, False, *whole)
    values = weights.values
    mine, theirs, shared = [], list(other.bag), 0.0
    for word in one.bag:
        if word in theirs:
            theirs.remove(word)
            shared += values[word]
        else:
            mine.append(word)
    # What is only alike counts less in what is shared, and as much in the whole.
    matched = shared
    if mine and theirs:
        for strength, x, y in relations.strengths(mine, theirs):
            if x in mine and y in theirs:
                mine.remove(x)
                theirs.remove(y)
                weight = (values[x] + values[y]) / 2
                shared -= strength * weight
                matched += weight
    left = _weight(mine, values, relations)
    right = _weight(theirs, values, relations)
    if not matched:
        none: frozenset[str] = frozenset()
        return Likeness(one, other, False, 0.0, 0.0, 0, False, none, none)
    return Likeness(
        one,
        other,
        False,
        shared / (matched + (left + right) / 2),
        shared / (matched + min(left, right)),
        sum(any(are_opposite(x, y) for y in theirs) for x in mine) if theirs else 0,
        _has_number(mine) != _has_number(theirs),
        _without(one.bag, mine, relations),
        _without(other.bag, theirs, relations),
    )


def _without(bag: tuple[str, ...], left: list[str], relations: Relations) -> frozenset[str]:
    return frozenset(bag).difference(word for word in left if relations.omissible(word) < _MOSTLY)


def _weight(words: list[str], values: Mapping[str, float], relations: Relations) -> float:
    return sum(values[word] * (1 - relations.omissible(word)) for word in words)


def _has_number(words: list[str]) -> bool:
    return any(len(word) == 1 or word[0].isdigit() for word in words)
