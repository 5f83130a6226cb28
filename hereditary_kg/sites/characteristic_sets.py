"""Characteristic sets: which predicates subjects have together.

Source: Neumann and Moerkotte, Characteristic Sets: Accurate Cardinality Estimation for RDF
Queries with Multiple Joins, ICDE 2011.
"""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CharacteristicSet", "Link"]


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
