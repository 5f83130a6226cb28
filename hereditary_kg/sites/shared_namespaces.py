"""Which namespaces hold terms that everybody may know, and nobody's name.

Hashes of constants are published of these namespaces alone. A hash of a patient's IRI would be
as good as the IRI, for whoever can guess numbers can hash them. So a namespace counts as shared
only where something speaks for it and nothing against:

- The site's description declares it: a person has decided.
- Or it is *detected*: no IRI in it is, here, the subject of anything but a definition; it does
  not lie below the site's base IRI; and either every IRI that begins with it is known to be a
  term (a class or predicate in use, or defined as a class, property or concept), or it belongs
  to a well-known public terminology, is used with codes only (a number, perhaps with a capital
  letter or three in front), and each code is used here by three subjects on average.

That objects are used often says nothing by itself: a laboratory's samples name each patient of
the hospital many times. Nor does a class in the same namespace: others may stand beside it.
"""

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hereditary_kg.rdf.terms import RDF_TYPE

__all__ = [
    "CODE",
    "DETECTED",
    "FEWEST_USERS",
    "PUBLIC_VOCABULARIES",
    "TERM_CLASSES",
    "SharingPolicy",
    "is_defining",
    "is_well_known",
    "is_well_known_whole",
]

DETECTED = "detected"
"""Stands in ``shared_namespaces`` for the namespaces that are detected."""

CODE = r"[#/:_][A-Z]{0,3}[0-9]+(?:[.-][0-9]+)*>$"
"""How the token of an IRI ends that is a terminology's code."""

FEWEST_USERS = 3
"""How many subjects a published constant has on average, and a counted one at least."""

_OWL = "http://www.w3.org/2002/07/owl#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"

TERM_CLASSES = frozenset(
    {
        _RDF + "Property",
        _RDFS + "Class",
        _RDFS + "Datatype",
        _OWL + "AnnotationProperty",
        _OWL + "Class",
        _OWL + "DatatypeProperty",
        _OWL + "DeprecatedClass",
        _OWL + "DeprecatedProperty",
        _OWL + "FunctionalProperty",
        _OWL + "InverseFunctionalProperty",
        _OWL + "ObjectProperty",
        _OWL + "Ontology",
        _OWL + "SymmetricProperty",
        _OWL + "TransitiveProperty",
        _SKOS + "Collection",
        _SKOS + "Concept",
        _SKOS + "ConceptScheme",
    }
)
"""What has these types, and no other, is a term. ``owl:NamedIndividual`` is not among them."""

PUBLIC_VOCABULARIES = frozenset(
    {
        _OWL,
        _RDF,
        _RDFS,
        _SKOS,
        "http://hl7.org/fhir/",
        "http://purl.org/dc/dcmitype/",
        "http://purl.org/dc/elements/1.1/",
        "http://purl.org/dc/terms/",
        "http://rdfs.org/ns/void#",
        "http://schema.org/",
        "http://www.geneontology.org/formats/oboInOwl#",
        "http://www.w3.org/2001/XMLSchema#",
        "http://www.w3.org/2003/01/geo/wgs84_pos#",
        "http://www.w3.org/2006/time#",
        "http://www.w3.org/2006/vcard/ns#",
        "http://www.w3.org/ns/dcat#",
        "http://www.w3.org/ns/org#",
        "http://www.w3.org/ns/prov#",
        "http://www.w3.org/ns/shacl#",
        "http://www.w3.org/ns/sosa/",
        "http://www.w3.org/ns/ssn/",
        "http://xmlns.com/foaf/0.1/",
        "https://schema.org/",
    }
)
"""Namespaces of vocabularies that have predicates, classes and datatypes alone."""

_DEFINING = (
    _OWL,
    _RDFS,
    _SKOS,
    "http://www.geneontology.org/formats/oboInOwl#",
    "http://purl.obolibrary.org/obo/IAO_",
)

_LETTERS = string.ascii_letters
_WELL_KNOWN = (
    "http://id.nlm.nih.gov/mesh/",
    "http://identifiers.org/hgnc/",
    "http://identifiers.org/ncbigene/",
    "http://loinc.org/rdf/",
    "http://purl.bioontology.org/ontology/",
    "http://purl.obolibrary.org/obo/",
    "http://purl.org/dc/",
    "http://purl.uniprot.org/",
    "http://rdf.ebi.ac.uk/resource/ensembl/",
    "http://semanticscience.org/resource/",
    "http://snomed.info/id/",
    "http://www.ebi.ac.uk/efo/",
    "http://www.orpha.net/ORDO/",
    "http://www.w3.org/",
    "http://xmlns.com/foaf/",
    "https://icd.who.int/",
    "https://identifiers.org/hgnc/",
    "https://loinc.org/rdf/",
    "https://omim.org/entry/",
    "https://omim.org/phenotypicSeries/",
    "https://www.ncbi.nlm.nih.gov/gene/",
    "https://www.omim.org/entry/",
)


@dataclass(frozen=True)
class SharingPolicy:
    """What a site lets its profile say about constants.

    Attributes:
        namespaces: declared as shared: constants that begin with one are published as hashes,
            whatever they are used for.
        detects: whether namespaces, and texts of few values, are detected besides.
        base_iri: where the site's own IRIs begin; nothing below it is detected.
    """

    namespaces: tuple[str, ...] = ()
    detects: bool = True
    base_iri: str | None = None

    def __post_init__(self) -> None:
        """Bring the declared namespaces into order, without those that lie below another."""
        shortest: list[str] = []
        for namespace in sorted(set(self.namespaces)):
            if not shortest or not namespace.startswith(shortest[-1]):
                shortest.append(namespace)
        object.__setattr__(self, "namespaces", tuple(shortest))

    @classmethod
    def of_entries(cls, entries: Iterable[str], base_iri: str) -> "SharingPolicy":
        """Read the entries of ``shared_namespaces``: namespaces, and `DETECTED` for the rest."""
        given = tuple(entries)
        return cls(
            namespaces=tuple(entry for entry in given if entry != DETECTED),
            detects=DETECTED in given,
            base_iri=base_iri,
        )

    def may_list(self, namespace: str) -> bool:
        """Say whether codes in a namespace that is shared may be listed in clear.

        Its hashes tell whoever knows the vocabulary as much; of a vocabulary that only the site
        knows they do not.
        """
        return namespace.startswith(self.namespaces) or is_well_known(namespace)

    def may_detect(self, namespace: str) -> bool:
        """Say whether a namespace is far enough from the site's own IRIs to be detected."""
        if not self.detects:
            return False
        base = self.base_iri
        return base is None or not (namespace.startswith(base) or base.startswith(namespace))


def is_well_known(namespace: str) -> bool:
    """Say whether a namespace belongs to a public terminology that gives no IRIs to persons."""
    return namespace.startswith(_WELL_KNOWN)


def is_well_known_whole(namespace: str) -> bool:
    """Say whether a namespace is all of a well-known terminology, and not a path within one.

    >>> is_well_known_whole("http://purl.obolibrary.org/obo/HP_")
    True
    >>> is_well_known_whole("http://www.w3.org/People/anna/")
    False
    """
    return namespace in _WELL_KNOWN or namespace.rstrip(_LETTERS + "_") in _WELL_KNOWN


def is_defining(predicates: Sequence[str]) -> bool:
    """Say whether these predicates are those of definitions alone (labels, parents, mappings)."""
    return all(iri == RDF_TYPE or iri.startswith(_DEFINING) for iri in predicates)
