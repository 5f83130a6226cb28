"""From a code that somebody asks for to the codes that a site has for it.

What a site has is its *census*: the distinct codes in its data. A census is indexed once, by all
terms that exact mappings make the same as one of its codes, and by all terms above these. Looking a
code up is then a walk through the part of the hierarchy that leads to some of the site's codes,
however much there is below the code.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import TypeAlias

from hereditary_kg.semantics.conversion import Conversion, Relation
from hereditary_kg.semantics.hub import BROAD, NARROW, REPLACED, Hub, Step
from hereditary_kg.semantics.undecided import Place, Undecided

__all__ = ["Bound", "Census", "Expansion"]

Way: TypeAlias = tuple[Step, ...]


class Bound(StrEnum):
    """What codes that were found make of an answer."""

    EXACT = "exact"
    UPPER = "upper bound"
    """Broader codes were all there was: whoever has them may have something else."""
    LOWER = "lower bound"
    """Some that would count may be missing: only narrower codes, or codes that are not mapped."""
    MIXED = "mixed"

    def and_(self, other: "Bound") -> "Bound":
        """Give what two parts of one answer make of the whole."""
        if Bound.EXACT in (self, other):
            return other if self is Bound.EXACT else self
        return self if self is other else Bound.MIXED


@dataclass(frozen=True)
class Expansion:
    """The codes of one site for a code that somebody asks for.

    Attributes:
        asked: the code, as a canonical CURIE.
        descendants: whether what is narrower counts as well.
        found: a conversion of each of the site's codes that is asked instead: its ``source`` is
            the site's code, its ``target`` the code that was asked for. Exact ones, and narrower
            ones where descendants count; or broader ones, where there are no others.
        undecided: the site's codes that may be what was asked for, or narrower, although nothing
            says so (:mod:`hereditary_kg.semantics.undecided`).
    """

    asked: str
    descendants: bool
    found: tuple[Conversion, ...]
    undecided: tuple[str, ...] = ()

    @property
    def is_broader(self) -> bool:
        """Whether broader codes were all there was."""
        return any(each.relation is Relation.NARROWER for each in self.found)

    @property
    def bound(self) -> Bound:
        """What the codes make of the answer."""
        missing = Bound.LOWER if self.undecided else Bound.EXACT
        return missing.and_(Bound.UPPER if self.is_broader else Bound.EXACT)

    @property
    def codes(self) -> tuple[str, ...]:
        """The site's codes, each once, in order."""
        return tuple(sorted({each.source for each in self.found}))


class Census:
    """The codes that a site has, found by what they mean.

    Args:
        hub: what is known.
        codes: the site's distinct codes, as canonical CURIEs.
    """

    def __init__(self, hub: Hub, codes: Iterable[str]) -> None:
        self.hub = hub
        self.codes = tuple(sorted(set(codes)))
        # What is walked through is walked through again for other codes.
        self._exact = cache(hub.exact)

    @cached_property
    def _meanings(self) -> Mapping[str, Mapping[str, Way]]:
        """Term -> the site's codes that are the same, with the way from the code to the term."""
        found: dict[str, dict[str, Way]] = {}
        for code, names in self._names.items():
            for name, steps in names.items():
                found.setdefault(name, {})[code] = steps
        return found

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, Way]]:
        """Each of the site's codes -> what is the same, with the way there."""
        return {code: self._exact(code) for code in self.codes}

    @cached_property
    def _leading(self) -> AbstractSet[str]:
        """The terms from which steps down lead to one of the site's codes."""
        return self.hub.at_or_above(self._meanings)

    @cached_property
    def _undecided(self) -> Undecided:
        return Undecided(self.hub, self._names)

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The codes of which the hub knows nothing."""
        return tuple(code for code in self.codes if code not in self.hub)

    def expand(self, asked: str, *, descendants: bool = True) -> Expansion:
        """Find the codes for a code that somebody asks for.

        Args:
            asked: a canonical CURIE.
            descendants: whether what is narrower counts as well.
        """
        clique = self._exact(asked)
        above = tuple(self._layers(clique, up=True))
        found = self._matching(asked, clique, Relation.EXACT, 0)
        if descendants:
            found.update(self._below(asked, clique, found))
        if not found:
            found = self._above(asked, above)
        place = Place(asked, (clique, *(names for _, names in above)))
        undecided = self._undecided.codes(place, found)
        return Expansion(
            asked, descendants, tuple(found[code] for code in sorted(found)), undecided
        )

    def _matching(
        self, asked: str, ways: Mapping[str, Way], relation: Relation, distance: int
    ) -> dict[str, Conversion]:
        """Give the site's codes that are one of some terms.

        Args:
            asked: what was asked for.
            ways: the terms, each with the way to it from what was asked for.
            relation: how the one lies to the other, seen from the code.
            distance: how many steps up or down lie between them.
        """
        shortest: dict[str, tuple[Way, Way]] = {}
        for name, way in ways.items():
            for code, steps in self._meanings.get(name, {}).items():
                known = shortest.get(code)
                if known is None or len(steps) + len(way) < len(known[0]) + len(known[1]):
                    shortest[code] = (steps, way)
        return {
            code: Conversion(code, asked, relation, distance, (*steps, *_reversed(way)))
            for code, (steps, way) in shortest.items()
        }

    def _below(
        self, asked: str, clique: Mapping[str, Way], found: Mapping[str, Conversion]
    ) -> dict[str, Conversion]:
        below: dict[str, Conversion] = {}
        for distance, ways in self._layers(clique, up=False):
            # What is broader for the code is narrower for whoever asks.
            for code, each in self._matching(asked, ways, Relation.BROADER, distance).items():
                if code not in found:
                    below.setdefault(code, each)
        return below

    def _above(
        self, asked: str, layers: Iterable[tuple[int, Mapping[str, Way]]]
    ) -> dict[str, Conversion]:
        for distance, ways in layers:
            found = self._matching(asked, ways, Relation.NARROWER, distance)
            if found:
                return found
        return {}

    def _layers(
        self, clique: Mapping[str, Way], *, up: bool
    ) -> Iterable[tuple[int, Mapping[str, Way]]]:
        """Go up or down in steps, cliques at a time; nearest first, each term once.

        Down, only where that leads to one of the site's codes.
        """
        seen = set(clique)
        front = clique
        distance = 0
        while front:
            distance += 1
            reached: dict[str, Way] = {}
            for name, way in front.items():
                for step in self.hub.broader(name) if up else self.hub.narrower(name):
                    if step.end in seen or not (up or step.end in self._leading):
                        continue
                    for end, more in self._exact(step.end).items():
                        if end not in seen:
                            seen.add(end)
                            reached[end] = (*way, step, *more)
            front = reached
            if front:
                yield distance, front


_OPPOSITE = {
    BROAD: NARROW,
    NARROW: BROAD,
    "rdfs:subClassOf": "hkg:superClassOf",
    "hkg:superClassOf": "rdfs:subClassOf",
    REPLACED: "hkg:replaces",
}


def _reversed(way: Way) -> Iterable[Step]:
    """Give a way walked from its end to its start."""
    for step in reversed(way):
        predicate = _OPPOSITE.get(step.predicate, step.predicate)
        yield Step(step.end, predicate, step.start, step.mapping)
