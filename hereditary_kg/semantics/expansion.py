"""From a code that somebody asks for to the codes that a site has for it.

What a site has is its *census*: the distinct codes in its data. A census is indexed once, by all
terms that exact mappings make the same as one of its codes; looking a code up is then a walk
through the hierarchy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from hereditary_kg.semantics.conversion import Conversion, Relation
from hereditary_kg.semantics.hub import Hub, Step

__all__ = ["Bound", "Census", "Expansion"]


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
        bound: what they make of the answer.
    """

    asked: str
    descendants: bool
    found: tuple[Conversion, ...]
    bound: Bound

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

    @cached_property
    def _meanings(self) -> Mapping[str, Mapping[str, tuple[Step, ...]]]:
        """Term -> the site's codes that are the same, with the way from the code to the term."""
        found: dict[str, dict[str, tuple[Step, ...]]] = {}
        for code in self.codes:
            for name, steps in self.hub.exact(code).items():
                found.setdefault(name, {})[code] = steps
        return found

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
        clique = self.hub.exact(asked)
        found = self._matching(asked, clique, Relation.EXACT, 0)
        if descendants:
            found.update(self._below(asked, clique, found))
        if found:
            return Expansion(
                asked, descendants, tuple(found[code] for code in sorted(found)), Bound.EXACT
            )
        above = self._above(asked, clique)
        bound = Bound.UPPER if above else Bound.EXACT
        return Expansion(asked, descendants, tuple(above[code] for code in sorted(above)), bound)

    def _matching(
        self, asked: str, names: Iterable[str], relation: Relation, distance: int
    ) -> dict[str, Conversion]:
        return {
            code: Conversion(code, asked, relation, distance, steps)
            for name in names
            for code, steps in self._meanings.get(name, {}).items()
        }

    def _below(
        self, asked: str, clique: Iterable[str], found: Mapping[str, Conversion]
    ) -> dict[str, Conversion]:
        below: dict[str, Conversion] = {}
        for distance, names in self._layers(clique, up=False):
            # What is broader for the code is narrower for whoever asks.
            for code, each in self._matching(asked, names, Relation.BROADER, distance).items():
                if code not in found:
                    below.setdefault(code, each)
        return below

    def _above(self, asked: str, clique: Iterable[str]) -> dict[str, Conversion]:
        for distance, names in self._layers(clique, up=True):
            found = self._matching(asked, names, Relation.NARROWER, distance)
            if found:
                return found
        return {}

    def _layers(self, clique: Iterable[str], *, up: bool) -> Iterable[tuple[int, set[str]]]:
        """Go up or down in steps, cliques at a time; nearest first, each term once."""
        seen = set(clique)
        front = set(seen)
        distance = 0
        while front:
            distance += 1
            reached: set[str] = set()
            for name in front:
                steps = self.hub.broader(name) if up else self.hub.narrower(name)
                for step in steps:
                    if step.end not in seen:
                        reached.update(self.hub.exact(step.end))
            front = reached - seen
            seen |= front
            if front:
                yield distance, front
