"""Stars: the triple patterns with one subject, and how many solutions they have at a member.

Source: Neumann and Moerkotte, Characteristic Sets, ICDE 2011; Gubichev and Neumann, Exploiting
the Query Structure for Efficient Join Ordering in SPARQL Queries, EDBT 2014.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hereditary_kg.planning.leaves import Leaf
from hereditary_kg.rdf.terms import IRI, RDF_TYPE
from hereditary_kg.sites.characteristic_sets import linked_rows, star_by_set, star_cardinality
from hereditary_kg.sites.profile import Profile
from hereditary_kg.sparql.algebra import Variable, VariableOrTerm

__all__ = ["Star", "StarPattern", "group_by_subject", "link_factor", "read_star"]

_FEWEST = 1.0


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


@dataclass
class StarPattern:
    """Leaves with one subject.

    Attributes:
        subject: the subject.
        leaves: the leaves.
        predicates: the predicates, but for those of classes.
        classes: the IRIs of the classes that are asked for.
        constants: predicate -> canonical text of a constant object.
        objects: variable in an object's place -> the predicates that lead to it.
        plain: whether it is made of triple patterns over the default graph, each with a
            predicate, and a variable for subject.
    """

    subject: VariableOrTerm
    leaves: list[Leaf] = field(default_factory=list)
    predicates: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    objects: dict[Variable, tuple[str, ...]] = field(default_factory=dict)
    plain: bool = True

    def add(self, leaf: Leaf) -> None:
        """Take one more leaf."""
        self.leaves.append(leaf)
        predicate, target = leaf.triple.predicate, leaf.triple.object
        if not isinstance(predicate, IRI) or leaf.graph is not None:
            self.plain = False
        elif predicate.value == RDF_TYPE and isinstance(target, IRI):
            self.classes.append(target.value)
        else:
            self.predicates.append(predicate.value)
            if isinstance(target, Variable):
                self.objects[target] = (*self.objects.get(target, ()), predicate.value)
            else:
                self.constants[predicate.value] = target.text


def group_by_subject(leaves: Iterable[Leaf]) -> tuple[StarPattern, ...]:
    """Group leaves by their subjects."""
    stars: dict[VariableOrTerm, StarPattern] = {}
    for leaf in leaves:
        subject = leaf.triple.subject
        if subject not in stars:
            stars[subject] = StarPattern(subject, plain=isinstance(subject, Variable))
        stars[subject].add(leaf)
    return tuple(stars.values())


def read_star(pattern: StarPattern, profile: Profile | None) -> Star | None:
    """Look up a star in the default graph of a member.

    Returns:
        The star, without rows where the member has no such subject; None where the profile says
        nothing of it.
    """
    subject = pattern.subject
    if not isinstance(subject, Variable) or not pattern.plain:
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
        rows, subjects = star_cardinality(
            profile, pattern.predicates, pattern.constants, pattern.classes
        )
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
