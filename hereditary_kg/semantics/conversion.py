"""From a code to the codes of another vocabulary: exact, broader, narrower, or none.

A code's *clique* are the terms that exact mappings make the same. What is looked for first is a
code of the wanted vocabulary in the clique; then the nearest one above it, along the hierarchies of
the clique's terms and broad mappings; then the nearest below it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain

from hereditary_kg.semantics.hub import Hub, Step

__all__ = ["Conversion", "Converter", "Relation"]

_Neighbours = Callable[[str], Iterable[Step]]


class Relation(StrEnum):
    """How the code that was found lies to the one that was looked for."""

    EXACT = "exact"
    BROADER = "broader"
    NARROWER = "narrower"
    NONE = "none"
    """The hub knows the code, and nothing of the wanted vocabulary near it."""
    UNKNOWN = "unknown"
    """The hub does not know the code, or knows it as obsolete and not what stands in its place."""


@dataclass(frozen=True)
class Conversion:
    """What a code becomes.

    Attributes:
        source: the code.
        target: the code of the wanted vocabulary; None for `Relation.NONE` and `UNKNOWN`.
        relation: how the target lies to the source.
        distance: steps up or down; 0 where it is exact.
        steps: the way from source to target.
    """

    source: str
    target: str | None
    relation: Relation
    distance: int = 0
    steps: tuple[Step, ...] = ()


class Converter:
    """Converts codes into one vocabulary.

    Args:
        hub: what is known.
        vocabulary: the name of the wanted vocabulary.
        narrower: whether a narrower code is looked for where there is no broader one.
    """

    def __init__(self, hub: Hub, vocabulary: str, *, narrower: bool = True) -> None:
        self.hub = hub
        self.vocabulary = vocabulary
        self._narrower = narrower
        self._start = vocabulary + ":"
        self.convert = cache(self._convert)

    def _convert(self, code: str) -> tuple[Conversion, ...]:
        """Convert one code.

        Args:
            code: a canonical CURIE.

        Returns:
            One conversion for each code that is as near as any other, in order of their names.
        """
        clique = self._clique(code)
        same = self._found(code, clique, Relation.EXACT, 0)
        if same or not self._is_known(code, clique):
            return same or (Conversion(code, None, Relation.UNKNOWN),)
        above = self._nearest(code, clique, self.hub.broader, Relation.BROADER)
        if above or not self._narrower:
            return above or (Conversion(code, None, Relation.NONE),)
        below = self._nearest(code, clique, self.hub.narrower, Relation.NARROWER)
        return below or (Conversion(code, None, Relation.NONE),)

    def _clique(self, code: str) -> Mapping[str, tuple[Step, ...]]:
        return self.hub.exact(code)

    def _is_known(self, code: str, clique: Mapping[str, tuple[Step, ...]]) -> bool:
        if code in self.hub.obsolete:
            return bool(self.hub.term(code).replaced_by)
        others = (name for name in clique if name not in self.hub.obsolete and name != code)
        near = chain(others, self.hub.broader(code), self.hub.narrower(code))
        return self.hub.is_current(code) or any(True for _ in near)

    def _found(
        self,
        code: str,
        reached: Mapping[str, tuple[Step, ...]],
        relation: Relation,
        distance: int,
    ) -> tuple[Conversion, ...]:
        return tuple(
            Conversion(code, name, relation, distance, steps)
            for name, steps in sorted(reached.items())
            if name.startswith(self._start) and name not in self.hub.obsolete
        )

    def _nearest(
        self,
        code: str,
        clique: Mapping[str, tuple[Step, ...]],
        neighbours: _Neighbours,
        relation: Relation,
    ) -> tuple[Conversion, ...]:
        """Go up, or down, until codes of the wanted vocabulary are reached."""
        seen = dict(clique)
        front: Mapping[str, tuple[Step, ...]] = clique
        distance = 0
        while front:
            distance += 1
            reached: dict[str, tuple[Step, ...]] = {}
            for name, steps in front.items():
                for step in neighbours(name):
                    if step.end in seen:
                        continue
                    for end, more in self.hub.exact(step.end).items():
                        if end not in seen:
                            seen[end] = reached[end] = (*steps, step, *more)
            found = self._found(code, reached, relation, distance)
            if found:
                return found
            front = reached
        return ()
