"""Characteristic sets: which predicates subjects have together.

Source: Neumann and Moerkotte, Characteristic Sets: Accurate Cardinality Estimation for RDF
Queries with Multiple Joins, ICDE 2011.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hereditary_kg.rdf.terms import RDF_TYPE

if TYPE_CHECKING:
    from hereditary_kg.sites.profile import PredicateProfile, Profile

__all__ = [
    "CharacteristicSet",
    "Link",
    "constant_share",
    "linked_rows",
    "narrowed_star",
    "star_by_set",
    "star_cardinality",
]


_MOST_STARS = 1024


@dataclass(frozen=True)
class CharacteristicSet:
    """Subjects that have the same predicates, and the same classes.

    Rare sets are merged. A merged set has every predicate and class that some of its subjects
    has, so that no set is missing from the profile whose predicates a star asks for.

    Attributes:
        predicates: the IRIs of the predicates, sorted.
        classes: the IRIs of the classes, sorted.
        subjects: how many distinct subjects there are; never fewer than three.
        occurrences: per predicate, in how many triples the subjects have it. Fewer than there
            are subjects where sets were merged.
    """

    predicates: tuple[str, ...]
    classes: tuple[str, ...]
    subjects: int
    occurrences: Mapping[str, int]


@dataclass(frozen=True)
class Link:
    """Triples from the subjects of one characteristic set to those of another.

    Attributes:
        source: the position of the subjects' set in the profile.
        predicate: the IRI of the triples' predicate.
        target: the position of the objects' set.
        triples: how many triples there are.
    """

    source: int
    predicate: str
    target: int
    triples: int


def star_cardinality(
    profile: "Profile",
    predicates: Sequence[str],
    bound_objects: Mapping[str, str],
    classes: Sequence[str] = (),
) -> tuple[float, float]:
    """Estimate how many solutions a star has: triple patterns with one subject, a variable.

    Over the sets that have all predicates and classes, the sum of the subjects times, for each
    predicate, the triples a subject has (Neumann and Moerkotte, section 4). Of a predicate with a
    constant as object, a triple matches with the constant's share in the predicate's triples,
    as `PredicateProfile.object_counts` gives it, or else as if all objects were as frequent.

    With predicates alone and sets that were not merged, the subjects are exact, and the rows are
    where each predicate but one has as many triples for all subjects of a set.

    Args:
        profile: the site's.
        predicates: the IRIs of the star's predicates; one of several patterns stands several
            times.
        bound_objects: predicate IRI -> canonical text of a constant object; for one of the
            patterns that have the predicate.
        classes: the IRIs of classes that the subjects must have; their patterns are not among
            the predicates.

    Returns:
        The number of rows, and that of distinct subjects among them.
    """
    return narrowed_star(profile, star_by_set(profile, predicates, classes), bound_objects)


def narrowed_star(
    profile: "Profile",
    by_set: Mapping[int, tuple[float, float]],
    bound_objects: Mapping[str, str],
) -> tuple[float, float]:
    """Estimate what constants leave of the solutions of a star.

    Args:
        profile: the site's.
        by_set: the solutions of the star without constants (`star_by_set`).
        bound_objects: predicate IRI -> canonical text of a constant object.

    Returns:
        The number of rows, and that of distinct subjects among them.
    """
    rows = subjects = 0.0
    shares = {
        iri: constant_share(profile.predicates[iri], term)
        for iri, term in (bound_objects.items() if by_set else ())
    }
    for position, (set_rows, set_subjects) in by_set.items():
        each = profile.characteristic_sets[position]
        for iri, share in shares.items():
            multiplicity = each.occurrences[iri] / each.subjects
            set_rows *= share  # noqa: PLW2901 (narrowed down)
            set_subjects *= min(1.0, multiplicity * share) / min(1.0, multiplicity)  # noqa: PLW2901
        rows += set_rows
        subjects += set_subjects
    return rows, subjects


def star_by_set(
    profile: "Profile", predicates: Sequence[str], classes: Sequence[str] = ()
) -> Mapping[int, tuple[float, float]]:
    """Estimate the solutions of a star without constants, set by set.

    Args:
        profile: the site's; it keeps what is found.
        predicates: the IRIs of the star's predicates.
        classes: the IRIs of classes that the subjects must have.

    Returns:
        Position of a characteristic set -> the rows of its subjects, and the distinct subjects
        among them; for those sets alone that have all predicates and classes.
    """
    asked = tuple(sorted(predicates)), tuple(sorted(classes))
    known = profile.stars.get(asked)
    if known is None:
        if len(profile.stars) >= _MOST_STARS:
            profile.stars.clear()
        known = profile.stars[asked] = dict(_find_sets(profile, predicates, classes))
    return known


def _find_sets(
    profile: "Profile", predicates: Sequence[str], classes: Sequence[str]
) -> Iterator[tuple[int, tuple[float, float]]]:
    wanted = set(predicates) | ({RDF_TYPE} if classes else set())
    listed = {iri for each in profile.characteristic_sets for iri in each.classes}
    told = listed.intersection(classes)
    shares = [_class_share(profile, iri, listed) for iri in classes]
    if 0.0 in shares:
        return
    for position, each in enumerate(profile.characteristic_sets):
        if not (wanted <= each.occurrences.keys() and told.issubset(each.classes)):
            continue
        found = float(each.subjects)
        for share in shares:
            found *= share
        rows = subjects = found
        for iri in predicates:
            multiplicity = each.occurrences[iri] / each.subjects
            rows *= multiplicity
            subjects *= min(1.0, multiplicity)
        yield position, (rows, subjects)


def linked_rows(
    profile: "Profile",
    first: Mapping[int, tuple[float, float]],
    predicate: str,
    second: Mapping[int, tuple[float, float]],
) -> float | None:
    """Estimate the join of two stars, where the subject of one is an object of the other.

    For each pair of sets, the triples that lead from one to the other, times the rows of the
    first star a triple, times the rows of the second a subject.

    Source: Gubichev and Neumann, Exploiting the Query Structure for Efficient Join Ordering in
    SPARQL Queries, EDBT 2014, section 3 (characteristic pairs).

    Args:
        profile: the site's.
        first: the star whose object the other's subject is, by set (`star_by_set`).
        predicate: the IRI of the predicate with that object, one of the first star's.
        second: the star whose subject it is.

    Returns:
        The number of rows; None where the profile has no links.
    """
    if not profile.links:
        return None
    rows = 0.0
    for link in profile.links_by_predicate.get(predicate, ()):
        if link.source in first and link.target in second:
            occurrences = profile.characteristic_sets[link.source].occurrences[predicate]
            subjects = profile.characteristic_sets[link.target].subjects
            a_triple = first[link.source][0] / occurrences
            a_subject = second[link.target][0] / subjects
            rows += link.triples * a_triple * a_subject
    return rows


def _class_share(profile: "Profile", iri: str, listed: set[str]) -> float:
    """How many of the subjects in the sets that a class may be in are its instances."""
    instances = profile.instances(iri)
    in_sets = sum(
        each.subjects
        for each in profile.characteristic_sets
        if (iri in each.classes if iri in listed else RDF_TYPE in each.occurrences)
    )
    return min(1.0, instances / in_sets) if in_sets else 0.0


def constant_share(known: "PredicateProfile", term: str) -> float:
    """Which part of a predicate's triples has a constant as object."""
    if known.object_filter is not None and known.object_filter.excludes(term):
        return 0.0
    counted = known.object_counts.get(term)
    if counted is not None:
        return counted / known.triples
    return 1 / max(1, known.objects)
