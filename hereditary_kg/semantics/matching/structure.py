"""Whether the hierarchies of both sides agree that two terms are the same.

Source of the idea: Melnik, Garcia-Molina and Rahm, Similarity Flooding, ICDE 2002; here what is
likely the same above and below a pair speaks for it, and what contradicts it against it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hereditary_kg.semantics.matching.lexicon import Lexicon

__all__ = ["Agreement", "Hierarchy", "Structure"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What hierarchies say of a pair.

    Attributes:
        above: the part of the mapped ancestors of both that are mapped to one another; None
            where none is mapped.
        below: the same of children.
        violated: whether something above the one is mapped to something below the other.
    """

    above: float | None
    below: float | None
    violated: bool


class Hierarchy:
    """A hierarchy with its ancestors.

    Args:
        lexicon: the terms.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._ancestors: dict[int, frozenset[int]] = {}

    def ancestors(self, term: int) -> frozenset[int]:
        """Give what is above a term, without it, also where the hierarchy has cycles."""
        found = self._ancestors.get(term)
        if found is None:
            seen: set[int] = set()
            open_ = list(self.lexicon.parents[term])
            while open_:
                place = open_.pop()
                if place not in seen:
                    seen.add(place)
                    known = self._ancestors.get(place)
                    if known is None:
                        open_ += self.lexicon.parents[place]
                    else:
                        seen |= known
            found = self._ancestors[term] = frozenset(seen - {term})
        return found

    @cached_property
    def information(self) -> Sequence[float]:
        """How much it tells to be below each term: little below a root."""
        counts = [1] * len(self.lexicon.ids)
        for term in range(len(counts)):
            for above in self.ancestors(term):
                counts[above] += 1
        return [math.log(len(counts) / count) + 0.05 for count in counts]


class Structure:
    """Two hierarchies, and pairs of them that are taken for the same.

    Args:
        one: the one side.
        other: the other side.
        anchors: terms of the one with their partners; each partner once.
    """

    def __init__(self, one: Hierarchy, other: Hierarchy, anchors: Mapping[int, int]) -> None:
        self._one = one
        self._other = other
        self._anchors = anchors
        self._partners = frozenset(anchors.values())

    def agreement(self, pair: tuple[int, int]) -> Agreement:
        """Ask both hierarchies about a pair."""
        term, partner = pair
        up = self._one.ancestors(term)
        images = {self._anchors[each] for each in up if each in self._anchors} - {partner}
        targets = (self._other.ancestors(partner) & self._partners) - {self._anchors.get(term, -1)}
        violated = any(partner in self._other.ancestors(each) for each in images)
        below = {
            self._anchors[each]
            for each in self._one.lexicon.children[term]
            if each in self._anchors
        }
        children = {
            each for each in self._other.lexicon.children[partner] if each in self._partners
        }
        return Agreement(
            self._overlap(images, targets),
            len(below & children) / len(below | children) if below | children else None,
            violated,
        )

    def _overlap(self, images: set[int], targets: set[int] | frozenset[int]) -> float | None:
        if not images or not targets:
            return None
        information = self._other.information
        whole = sum(information[each] for each in images | targets)
        return sum(information[each] for each in images & targets) / whole
