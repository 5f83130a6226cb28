"""A site's profile: what its default graph holds, without saying about whom."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hereditary_kg.sites.errors import SiteError

__all__ = ["PROFILE_FORMAT", "PredicateProfile", "Profile"]

PROFILE_FORMAT = 1
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
    """

    stamp: str
    triples: int
    subjects: int
    predicates: Mapping[str, PredicateProfile]
    classes: Mapping[str, int]
    named_graphs: tuple[str, ...] = ()
    graph_triples: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Write the profile; the same profile always gives the same bytes."""
        document = {"format": PROFILE_FORMAT, **asdict(self)}
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1)
        return text.encode() + b"\n"

    @classmethod
    def from_json(cls, document: bytes) -> "Profile":
        """Read what `to_json` wrote.

        Raises:
            SiteError: it is no profile, or one of another format.
        """
        try:
            table = json.loads(document)
            version = table.pop("format")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise SiteError("this is no site profile; build it again") from error
        if version != PROFILE_FORMAT:
            raise SiteError(
                f"the site profile has format {version!r}, and this version reads "
                f"{PROFILE_FORMAT}; build it again, or update the older side"
            )
        try:
            return cls(
                stamp=_text(table["stamp"]),
                triples=int(table["triples"]),
                subjects=int(table["subjects"]),
                predicates={
                    iri: _read_predicate(entry) for iri, entry in table["predicates"].items()
                },
                classes={iri: int(count) for iri, count in table["classes"].items()},
                named_graphs=_texts(table["named_graphs"]),
                graph_triples={iri: int(count) for iri, count in table["graph_triples"].items()},
            )
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise SiteError(f"the site profile is broken ({error}); build it again") from error


def _read_predicate(entry: Mapping[str, Any]) -> PredicateProfile:
    return PredicateProfile(
        triples=int(entry["triples"]),
        subjects=int(entry["subjects"]),
        objects=int(entry["objects"]),
        subject_namespaces=_texts(entry["subject_namespaces"]),
        object_namespaces=_texts(entry["object_namespaces"]),
        datatypes=_texts(entry["datatypes"]),
        languages=_texts(entry["languages"]),
        blank_subjects=_flag(entry["blank_subjects"]),
        blank_objects=_flag(entry["blank_objects"]),
        iri_objects=_flag(entry["iri_objects"]),
        literal_objects=_flag(entry["literal_objects"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list")
    return tuple(map(_text, values))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
