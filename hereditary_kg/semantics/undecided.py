"""Which of a site's codes may be what somebody asks for, although nothing says so.

A code that no mapping leads from may mean anything, so that an answer without it may be too short.
But most codes without a mapping are something else, and the hub can tell. A code is *decided* where
one of these holds of it:

- It is what was asked for, narrower or broader: then an expansion knows what to do with it.
- A term that it is, or that is broader than it, is another one than was asked for, by a terminology
  that has both: the asked code is there, and is neither above nor below. Where the terminology has
  only something broader than the asked code, it must lie outside of that.
- Its vocabulary's codes show where they belong: ICD-10's C22.0 is in C22, and so not in G12.2.
- A mapping says that it is broader than something in a terminology that has the asked code: it was
  looked at, and not found to be narrower than what was asked for.

All others are *undecided*: codes that the hub does not know, terms of which it knows neither a
mapping nor an ancestor with one, terms of which it knows only that they are part of something that
what was asked for is part of too.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from hereditary_kg.semantics.hub import Hub
from hereditary_kg.semantics.identifiers import vocabulary_of

__all__ = ["Place", "Undecided", "is_below_by_text"]

_NESTED = frozenset({"ICD10", "ICD10CM", "ICD9CM"})
"""Vocabularies whose codes begin with the codes that they are part of."""


class Place:
    """Where a code that is asked for stands in the terminologies.

    Args:
        asked: the code, as a canonical CURIE.
        layers: what is the same, then what is broader by one step, and so on.
    """

    def __init__(self, asked: str, layers: Iterable[Collection[str]]) -> None:
        self.vocabulary = vocabulary_of(asked)
        self.above: set[str] = set()
        """What is the same or broader."""
        self.nearest: dict[str, tuple[str, ...]] = {}
        """By vocabulary the nearest of them."""
        self.exact: frozenset[str] = frozenset()
        """The vocabularies that have the code itself."""
        for distance, names in enumerate(layers):
            found: dict[str, list[str]] = defaultdict(list)
            for name in names:
                self.above.add(name)
                found[vocabulary_of(name)].append(name)
            for vocabulary, those in found.items():
                self.nearest.setdefault(vocabulary, tuple(those))
            if not distance:
                self.exact = frozenset(found)


class Undecided:
    """Tells codes that may be what is asked for from others.

    Args:
        hub: what is known.
        names: each code -> what is the same, itself among it.
    """

    def __init__(self, hub: Hub, names: Mapping[str, Collection[str]]) -> None:
        self._hub = hub
        self._names = names

    @cached_property
    def _hierarchies(self) -> frozenset[str]:
        known = self._hub.terminologies
        return frozenset(name for name, each in known.items() if each.edges.height)

    @cached_property
    def _terms(self) -> Mapping[str, frozenset[str]]:
        """Terminology -> the codes that are one of its terms."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for code, names in self._names.items():
            for name in names:
                if self._hub.is_current(name):
                    found[vocabulary_of(name)].add(code)
        return {vocabulary: frozenset(codes) for vocabulary, codes in found.items()}

    def codes(self, place: Place, found: Collection[str]) -> tuple[str, ...]:
        """Give the codes that may be what is asked for.

        Args:
            place: where that stands.
            found: the codes that are known to be it, or narrower.
        """
        # Without a hierarchy, a term may be narrower than another one of its own terminology;
        # but whoever asks with that terminology's code does not mean so.
        telling = self._hierarchies | {place.vocabulary}
        left = self._names.keys() - found
        for vocabulary in place.exact & telling & self._terms.keys():
            left -= self._terms[vocabulary]
        judge = _Judge(self._hub, place, telling)
        return tuple(sorted(code for code in left if not judge.decides(self._names[code])))


class _Judge:
    """Decides, for one code that is asked for; ``telling`` terminologies tell their terms apart."""

    def __init__(self, hub: Hub, place: Place, telling: Collection[str]) -> None:
        self._hub = hub
        self._place = place
        self._telling = telling
        self._within: dict[str, frozenset[str]] = {}

    def decides(self, names: Collection[str]) -> bool:
        """Say whether a code is known to be something else; ``names`` is what it is the same as."""
        if not self._place.above.isdisjoint(names) or any(map(self._is_other, names)):
            return True
        narrower = (step for name in names for step in self._hub.narrower(name))
        if any(step.mapping is not None and self._has_both(step.end) for step in narrower):
            return True
        return any(map(self._is_other, self._broader(names)))

    def _broader(self, names: Collection[str]) -> Iterator[str]:
        seen = set(names)
        front: Sequence[str] = tuple(names)
        while front:
            ends = {step.end for name in front for step in self._hub.broader(name)} - seen
            front = tuple({same for end in ends for same in self._hub.exact(end)} - seen)
            seen.update(front)
            yield from front

    def _has_both(self, name: str) -> bool:
        """Whether a term's terminology has a place for what is asked for."""
        vocabulary = vocabulary_of(name)
        has_place = vocabulary in self._telling and vocabulary in self._place.nearest
        return has_place and self._hub.is_current(name)

    def _is_other(self, name: str) -> bool:
        """Whether nothing that a term includes can be what is asked for."""
        # Without a vocabulary it is a symbol that no gene has, or several have.
        if name in self._place.above or ":" not in name:
            return False
        vocabulary = vocabulary_of(name)
        if self._has_both(name):
            return vocabulary in self._place.exact or name not in self._inside(vocabulary)
        nearest = self._place.nearest.get(vocabulary, ())
        return not all(is_below_by_text(name, each) for each in nearest)

    def _inside(self, vocabulary: str) -> frozenset[str]:
        """Give the terms that lie below all of the nearest that include what is asked for."""
        if vocabulary not in self._within:
            below = [{*self._hub.descendants(each)} for each in self._place.nearest[vocabulary]]
            self._within[vocabulary] = frozenset(set.intersection(*below))
        return self._within[vocabulary]


def is_below_by_text(code: str, other: str) -> bool:
    """Say whether a code may be part of another one, as far as their texts show.

    >>> is_below_by_text("ICD10:G12.2", "ICD10:G12"), is_below_by_text("ICD10:C22.0", "ICD10:G12")
    (True, False)
    >>> is_below_by_text("ICD10:G12.2", "ICD10:G10-G14"), is_below_by_text("OMIM:1", "OMIM:2")
    (True, True)
    """
    vocabulary = vocabulary_of(code)
    if vocabulary not in _NESTED or vocabulary != vocabulary_of(other):
        return True
    own, its = (each.partition(":")[2] for each in (code, other))
    first, dash, last = its.partition("-")
    if dash:
        category = own.partition(".")[0]
        return not len(category) == len(first) == len(last) or first <= category <= last
    # Chapters are numbered, and say nothing of their codes.
    return not any(letter.isdigit() for letter in its) or own.startswith(its)
