"""A site's profile: what its default graph holds, without saying about whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from hereditary_kg.sites.characteristic_sets import CharacteristicSet, Link
from hereditary_kg.sites.term_filters import TermFilter

__all__ = ["PROFILE_FORMAT", "PredicateProfile", "Profile"]

StarSize: TypeAlias = tuple[float, float]

PROFILE_FORMAT = 2
"""The version of the JSON form; another version is refused rather than guessed at."""


@dataclass(frozen=True)
class PredicateProfile:
    """What stands around one predicate.

    Attributes:
        triples: how many triples have it.
        subjects: how many distinct subjects they have.
        objects: how many distinct objects.
        subject_namespaces: every subject IRI begins with one of these (`sites.namespaces`);
            empty where that is not known or there is none.
        object_namespaces: the same of object IRIs.
        datatypes: the datatypes of all literal objects.
        languages: the language tags of all language-tagged objects, in lower case.
        blank_subjects: whether any subject is a blank node.
        blank_objects: whether any object is.
        iri_objects: whether any object is an IRI.
        literal_objects: whether any object is a literal.
        subject_filter: the shared constants among the subjects; None where not known.
        object_filter: the shared constants among the objects; None where not known.
        number_range: two numbers between which every number among the objects lies, rounded
            outward so that neither is one of them; None where not known or there is none.
        date_range: two ``YYYY-01-01`` with every ``xsd:date`` and ``xsd:dateTime`` among the
            objects between them, whatever their time zone; None where not known or there is none.
        object_counts: canonical text of a constant that the object filter covers -> triples
            that have it, for the most frequent ones.
    """

    triples: int
    subjects: int
    objects: int
    subject_namespaces: tuple[str, ...]
    object_namespaces: tuple[str, ...]
    datatypes: tuple[str, ...]
    languages: tuple[str, ...]
    blank_subjects: bool
    blank_objects: bool
    iri_objects: bool
    literal_objects: bool
    subject_filter: TermFilter | None = None
    object_filter: TermFilter | None = None
    number_range: tuple[float, float] | None = None
    date_range: tuple[str, str] | None = None
    object_counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What a site's default graph holds.

    Attributes:
        stamp: the version of the data that it describes.
        triples: how many triples the default graph has.
        subjects: how many distinct subjects.
        predicates: per predicate IRI what stands around it; complete.
        classes: per class IRI (object of ``rdf:type``) the distinct instances; complete.
        named_graphs: the names of the named graphs, sorted.
        graph_triples: per named graph its triples.
        characteristic_sets: which predicates and classes subjects have together; every subject
            is in one of them, but for sites of fewer than three subjects, which publish none.
        links: triples from set to set; those of few triples are left out.
    """

    stamp: str
    triples: int
    subjects: int
    predicates: Mapping[str, PredicateProfile]
    classes: Mapping[str, int]
    named_graphs: tuple[str, ...] = ()
    graph_triples: Mapping[str, int] = field(default_factory=dict)
    characteristic_sets: tuple[CharacteristicSet, ...] = ()
    links: tuple[Link, ...] = ()

    @cached_property
    def stars(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], Mapping[int, StarSize]]:
        """Predicates and classes -> what `star_by_set` has found of them."""
        return {}

    @cached_property
    def subject_namespaces(self) -> tuple[str, ...] | None:
        """Every subject IRI begins with one of these; None where that is not known."""
        return _united([each.subject_namespaces for each in self.predicates.values()])

    @cached_property
    def object_namespaces(self) -> tuple[str, ...] | None:
        """Every object IRI begins with one of these; None where that is not known."""
        known = self.predicates.values()
        return _united([each.object_namespaces for each in known if each.iri_objects])

    @cached_property
    def links_by_predicate(self) -> Mapping[str, Sequence[Link]]:
        """The links by the predicate of their triples."""
        found: dict[str, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.predicate, []).append(link)
        return found

    def to_json(self) -> bytes:
        """Write the profile; the same profile always gives the same bytes."""
        from hereditary_kg.sites.profile_document import write_profile  # noqa: PLC0415 (circular)

        return write_profile(self)

    @classmethod
    def from_json(cls, document: bytes) -> "Profile":
        """Read what `to_json` wrote.

        Raises:
            SiteError: it is no profile, or one of another format.
        """
        from hereditary_kg.sites.profile_document import read_profile  # noqa: PLC0415 (circular)

        return read_profile(document)


def _united(known: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """Unite namespaces, of which none at all means that they are not known."""
    return tuple(sorted(set().union(*known))) if all(known) else None
