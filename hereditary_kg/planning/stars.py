"""Stars: the triple patterns with one subject, and how many solutions they have at a member.

Source: Neumann and Moerkotte, Characteristic Sets, ICDE 2011; Gubichev and Neumann, Exploiting
the Query Structure for Efficient Join Ordering in SPARQL Queries, EDBT 2014.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.planning.members import Members, remembered_by_member
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sites.characteristic_sets import linked_rows, narrowed_star, star_by_set
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import Variable, VariableOrTerm

__all__ = ["Star", "StarPattern", "group_by_subject", "link_factor", "read_stars"]

_FEWEST = 1.0
# Stars of which it is kept what members have.
_MOST_STARS = 64


@dataclass(frozen=True)
class Star:
    """What a member's profile says of a star.

    Attributes:
        subject: the variable.
        rows: expected rows.
        subjects: expected distinct subjects.
        by_set: characteristic set -> rows and distinct subjects, as if there were variables in
            place of constant objects.
        objects: distinct objects of each variable in an object's place.
        predicates: the predicates that lead to it.
    """

    subject: Variable
    rows: float = 0.0
    subjects: float = 0.0
    by_set: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    objects: Mapping[Variable, float] = field(default_factory=dict)
    predicates: Mapping[Variable, tuple[str, ...]] = field(default_factory=dict)

    @property
    def distinct(self) -> dict[Variable, float]:
        """Expected distinct terms of each variable."""
        found = {**self.objects, self.subject: self.subjects}
        return {v: max(1.0, min(count, self.rows)) for v, count in found.items()}


@dataclass(frozen=True)
class StarPattern:
    """Leaves with one subject.

    Attributes:
        subject: the subject.
        leaves: the leaves.
    """

    subject: VariableOrTerm
    leaves: tuple[Leaf, ...]

    @cached_property
    def is_plain(self) -> bool:
        """Whether these are triples of the default graph, with predicates and one variable."""
        return isinstance(self.subject, Variable) and all(
            isinstance(leaf.triple.predicate, IRI) and leaf.graph is None for leaf in self.leaves
        )

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The IRIs of the classes that are asked for."""
        targets = (leaf.triple.object for leaf in self.leaves if _asks_for_class(leaf))
        return tuple(target.value for target in targets if isinstance(target, IRI))

    @cached_property
    def predicates(self) -> tuple[str, ...]:
        """The predicates, but for those of classes."""
        return tuple(predicate for predicate, _ in self._edges)

    @cached_property
    def constants(self) -> Mapping[str, str]:
        """Predicate -> canonical text of a constant object."""
        return {p: target.text for p, target in self._edges if not isinstance(target, Variable)}

    @cached_property
    def objects(self) -> Mapping[Variable, tuple[str, ...]]:
        """Variable in an object's place -> the predicates that lead to it."""
        found: dict[Variable, tuple[str, ...]] = {}
        for predicate, target in self._edges:
            if isinstance(target, Variable):
                found[target] = (*found.get(target, ()), predicate)
        return found

    @property
    def _edges(self) -> Iterator[tuple[str, VariableOrTerm]]:
        for leaf in self.leaves:
            predicate = leaf.triple.predicate
            if isinstance(predicate, IRI) and not _asks_for_class(leaf):
                yield predicate.value, leaf.triple.object


def _asks_for_class(leaf: Leaf) -> bool:
    return leaf.triple.predicate == IRI(RDF_TYPE) and isinstance(leaf.triple.object, IRI)


@lru_cache(maxsize=_MOST_STARS)
def group_by_subject(leaves: tuple[Leaf, ...]) -> tuple[StarPattern, ...]:
    """Group leaves by their subjects."""
    stars: dict[VariableOrTerm, list[Leaf]] = {}
    for leaf in leaves:
        stars.setdefault(leaf.triple.subject, []).append(leaf)
    return tuple(StarPattern(subject, tuple(found)) for subject, found in stars.items())


@remembered_by_member(most=_MOST_STARS)
def read_stars(
    members: Members, pattern: StarPattern, names: Iterable[str]
) -> Sequence[Star | None]:
    """Look up a star in the default graphs of members.

    Returns:
        Of each member the star, without rows where it has no such subject; None where its profile
        says nothing of the star.
    """
    return [_read_star(pattern, members[name].profile) for name in names]


def _read_star(pattern: StarPattern, profile: Profile | None) -> Star | None:
    subject = pattern.subject
    if not isinstance(subject, Variable) or not pattern.is_plain:
        return None
    if profile is None or not profile.characteristic_sets:
        return None
    held = profile.predicates
    unknown = [iri for iri in pattern.predicates if iri not in held]
    if unknown:
        # Of predicates that are not listed, sets say nothing.
        is_absent = any(profile.predicate(iri) is None for iri in unknown)
        return Star(subject) if is_absent else None
    by_set = star_by_set(profile, pattern.predicates, pattern.classes)
    if pattern.constants:
        rows, subjects = narrowed_star(profile, by_set, pattern.constants)
    else:
        rows = sum(rows for rows, _ in by_set.values())
        subjects = sum(subjects for _, subjects in by_set.values())
    objects = {
        variable: float(min(held[iri].objects for iri in leading))
        for variable, leading in pattern.objects.items()
    }
    return Star(subject, rows, subjects, by_set, objects, pattern.objects)


def link_factor(stars: Mapping[Variable, Star], profile: Profile) -> float:
    """Say how many times as many rows stars have together as they would by chance.

    Stars are linked where the subject of one is an object of another. Links count the triples
    between characteristic sets; by chance, each of the fewer distinct terms is one of the more.
    In which set a constant's subject is cannot be told, so constants play no part. Several links
    count as if they were independent of each other.
    """
    factor = 1.0
    for first, predicate, second in _linked(stars):
        linked = linked_rows(profile, first.by_set, predicate, second.by_set)
        if linked is None:
            continue
        first_rows = sum(rows for rows, _ in first.by_set.values())
        second_rows = sum(rows for rows, _ in second.by_set.values())
        expected = first_rows * second_rows
        if not expected:
            continue
        objects = min(first.objects[second.subject], first_rows)
        subjects = sum(subjects for _, subjects in second.by_set.values())
        expected /= max(objects, subjects, 1.0)
        # Links of few triples are not listed.
        factor *= max(linked, min(expected, _FEWEST)) / expected
    return factor


def _linked(stars: Mapping[Variable, Star]) -> Iterator[tuple[Star, str, Star]]:
    for first in stars.values():
        for variable, (predicate, *_) in first.predicates.items():
            if variable in stars and variable != first.subject:
                yield first, predicate, stars[variable]
