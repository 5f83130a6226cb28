"""The IRIs the demo's sites are written in.

Properties and classes are HERO's (the HEREDITARY ontology: ``bto:`` of its phenoclinical part,
``hero:`` of its genomic part) wherever it has one. HERO ties phenotypic features to biosamples
only, so the tie to a patient is GA4GH Phenopackets' (a packet, its subject, its features), in the
IRIs of the LinkML rendering of the schema, the only published ones. What the registry says about
diseases is Biolink, in which the Monarch Initiative publishes the same annotations; the subject
and object of an association are ``rdf:subject`` and ``rdf:object``, as Biolink maps them.

Everything here is N-Triples text, angle brackets included, so that writing is joining strings.
Nothing under ``hereditary.example`` resolves: the domain is reserved for examples (RFC 2606).
"""

from collections.abc import Mapping

from hereditary_kg.rdf.terms import XSD, escape_literal

__all__ = [
    "BIOLINK",
    "BTO",
    "CLINIC",
    "COHORT",
    "DCAT",
    "DCT",
    "GENOMICS",
    "HERO",
    "OBO",
    "PERSON",
    "PHENOPACKETS",
    "RDF",
    "RDFS",
    "REGISTRY",
    "SKOS",
    "boolean",
    "code",
    "iri",
    "language_text",
    "text",
    "typed",
]

BTO = "https://w3id.org/brainteaser/ontology/schema/"
HERO = "https://w3id.org/hereditary/ontology/schema/"
PHENOPACKETS = "https://w3id.org/linkml/phenopackets/phenopackets/"
BIOLINK = "https://w3id.org/biolink/vocab/"
OBO = "http://purl.obolibrary.org/obo/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCT = "http://purl.org/dc/terms/"
DCAT = "http://www.w3.org/ns/dcat#"

PERSON = "https://hereditary.example/person/"
"""Pseudonyms that the clinic and the genomics site share."""
CLINIC = "https://clinic.hereditary.example/"
REGISTRY = "https://registry.hereditary.example/"
GENOMICS = "https://genomics.hereditary.example/"
COHORT = "https://cohort.hereditary.example/"

CODES: Mapping[str, str] = {
    "HP": OBO + "HP_",
    "MONDO": OBO + "MONDO_",
    "GENO": OBO + "GENO_",
    "SO": OBO + "SO_",
    "OMIM": "https://omim.org/entry/",
    "ORPHA": "http://www.orpha.net/ORDO/Orphanet_",
    "Orphanet": "http://www.orpha.net/ORDO/Orphanet_",
    "HGNC": "http://identifiers.org/hgnc/",
    "ICD10CM": "http://purl.bioontology.org/ontology/ICD10CM/",
}
"""Terminology prefixes, with the IRIs Mondo's mapping file and the OBO library give them."""


def iri(namespace: str, local: str) -> str:
    """Write an IRI."""
    return f"<{namespace}{local}>"


def code(curie: str) -> str:
    """Write the IRI of a terminology's code.

    Raises:
        KeyError: the prefix is none of the demo's terminologies.

    >>> code("HP:0001250")
    '<http://purl.obolibrary.org/obo/HP_0001250>'
    """
    prefix, _, local = curie.partition(":")
    return f"<{CODES[prefix]}{local}>"


def text(value: str) -> str:
    """Write a plain string."""
    return f'"{escape_literal(value)}"'


def language_text(value: str, language: str) -> str:
    """Write a string in a language."""
    return f'"{escape_literal(value)}"@{language}'


def typed(value: str, datatype: str) -> str:
    """Write a literal of an XML Schema datatype, given by its local name."""
    return f'"{value}"^^<{XSD}{datatype}>'


def boolean(value: bool) -> str:
    """Write a truth value."""
    return typed("true" if value else "false", "boolean")
