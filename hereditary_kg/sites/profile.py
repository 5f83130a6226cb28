"""A site's profile: what its default graph holds, without saying about whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from hereditary_kg.sites.adaptive_namespaces import choose_namespaces
from hereditary_kg.sites.characteristic_sets import CharacteristicSet, Link
from hereditary_kg.sites.code_censuses import CodeCensus
from hereditary_kg.sites.namespaces import admits
from hereditary_kg.sites.term_filters import TermFilter

__all__ = ["PROFILE_FORMAT", "PredicateProfile", "Profile", "Unlisted"]

StarSize: TypeAlias = tuple[float, float]

PROFILE_FORMAT = 4
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
        codes: the codes of public vocabularies among the objects; None where they are not listed.
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
    codes: CodeCensus | None = None


@dataclass(frozen=True)
class Unlisted:
    """Names that a profile does not list, because they may tell of persons or are too many.

    Attributes:
        count: how many they are; 0 where the list is complete.
        uses: in how many triples they are used.
        namespaces: every one begins with one of these; empty where that is not known.
    """

    count: int = 0
    uses: int = 0
    namespaces: tuple[str, ...] = ()

    def admits(self, iri: str) -> bool:
        """Say whether a name that is not listed may be in use all the same.

        >>> Unlisted(2, 5, ("http://a/",)).admits("http://a/x"), Unlisted().admits("http://a/x")
        (True, False)
        """
        return self.count > 0 and admits(self.namespaces, iri)

    def united(self, other: "Unlisted") -> "Unlisted":
        """Give the names of both, which have none in common."""
        if not self.count or not other.count:
            return self if self.count else other
        namespaces: tuple[str, ...] = ()
        if self.namespaces and other.namespaces:
            namespaces = choose_namespaces(dict.fromkeys(self.namespaces + other.namespaces, 1))
        return Unlisted(self.count + other.count, self.uses + other.uses, namespaces)


@dataclass(frozen=True)
class Profile:
    """What a site's default graph holds.

    Attributes:
        stamp: the version of the data that it describes.
        triples: how many triples the default graph has.
        subjects: how many distinct subjects.
        predicates: per predicate IRI what stands around it.
        classes: per class IRI (object of ``rdf:type``) the distinct instances.
        named_graphs: names of named graphs, sorted.
        graph_triples: per named graph its triples.
        characteristic_sets: which predicates and classes subjects have together; every subject
            is in one of them, but for sites of fewer than three subjects, which publish none.
        links: triples from set to set; those of few triples are left out.
        unlisted_predicates: the predicates that ``predicates`` leaves out.
        unlisted_classes: the classes that ``classes`` leaves out.
        unlisted_graphs: the named graphs that ``named_graphs`` leaves out.
        unlisted_predicate: what stands around any predicate that is left out; its numbers are
            means. None where the list is complete.
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
    unlisted_predicates: Unlisted = Unlisted()
    unlisted_classes: Unlisted = Unlisted()
    unlisted_graphs: Unlisted = Unlisted()
    unlisted_predicate: PredicateProfile | None = None

    def predicate(self, iri: str) -> PredicateProfile | None:
        """Give what stands around a predicate; None where it is certainly not in use."""
        known = self.predicates.get(iri)
        if known is None and self.unlisted_predicates.admits(iri):
            return self.unlisted_predicate
        return known

    @cached_property
    def every_predicate(self) -> Collection[PredicateProfile]:
        """What stands around the predicates, with those that are not listed."""
        rest = () if self.unlisted_predicate is None else (self.unlisted_predicate,)
        return (*self.predicates.values(), *rest)

    def instances(self, iri: str) -> float:
        """Give the instances of a class; of one that is not listed, how many it has on average."""
        known = self.classes.get(iri)
        if known is not None:
            return float(known)
        rest = self.unlisted_classes
        return rest.uses / rest.count if rest.admits(iri) else 0.0

    def may_have_class(self, iri: str) -> bool:
        """Say whether there may be an instance of a class."""
        return iri in self.classes or self.unlisted_classes.admits(iri)

    def may_have_graph(self, iri: str) -> bool:
        """Say whether there may be a named graph of a name."""
        return iri in self.graph_triples or self.unlisted_graphs.admits(iri)

    @property
    def all_predicates(self) -> int:
        """How many predicates there are, with those that are not listed."""
        return len(self.predicates) + self.unlisted_predicates.count

    @property
    def all_classes(self) -> int:
        """How many classes there are, with those that are not listed."""
        return len(self.classes) + self.unlisted_classes.count

    @cached_property
    def all_graph_triples(self) -> int:
        """How many triples all named graphs have."""
        return sum(self.graph_triples.values()) + self.unlisted_graphs.uses

    @cached_property
    def stars(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], Mapping[int, StarSize]]:
        """Predicates and classes -> what `star_by_set` has found of them."""
        return {}

    @cached_property
    def subject_namespaces(self) -> tuple[str, ...] | None:
        """Every subject IRI begins with one of these; None where that is not known."""
        return _united([each.subject_namespaces for each in self.every_predicate])

    @cached_property
    def object_namespaces(self) -> tuple[str, ...] | None:
        """Every object IRI begins with one of these; None where that is not known."""
        known = self.every_predicate
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
