"""Mondo's disease terms and its mappings to other terminologies, as tables.

Source of the mapping format: SSSOM (https://mapping-commons.github.io/sssom).
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ontologies.tables import join_values

__all__ = [
    "CURIE_MAP",
    "MAPPING_COLUMNS",
    "TERM_COLUMNS",
    "parse_mappings",
    "parse_terms",
]

TERM_COLUMNS = ("id", "label", "parents", "synonyms", "obsolete", "replaced_by", "consider")
MAPPING_COLUMNS = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
)
CURIE_MAP: Mapping[str, str] = {
    "DOID": "http://purl.obolibrary.org/obo/DOID_",
    "ICD10CM": "http://purl.bioontology.org/ontology/ICD10CM/",
    "ICD10WHO": "https://icd.who.int/browse10/2019/en#/",
    "MONDO": "http://purl.obolibrary.org/obo/MONDO_",
    "NCIT": "http://purl.obolibrary.org/obo/NCIT_",
    "OMIM": "https://omim.org/entry/",
    "OMIMPS": "https://omim.org/phenotypicSeries/PS",
    "Orphanet": "http://www.orpha.net/ORDO/Orphanet_",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
"""The prefixes that are kept, with the IRIs Mondo's own file gives them."""


def parse_terms(document: bytes) -> Iterator[tuple[str, ...]]:
    """Read a decompressed ontology of cellxgene-ontology-guide into rows of ``TERM_COLUMNS``.

    A term's parents are its ancestors at distance 1; text definitions are left out.
    """
    terms: dict[str, dict[str, Any]] = json.loads(document)
    for identifier, term in terms.items():
        ancestors: dict[str, int] = term["ancestors"]
        yield (
            identifier,
            _flatten(term["label"]),
            join_values(sorted(name for name, distance in ancestors.items() if distance == 1)),
            join_values(sorted({_flatten(text) for text in term.get("synonyms", ())})),
            "true" if term["deprecated"] else "",
            term.get("replaced_by", ""),
            join_values(sorted(term.get("consider", ()))),
        )


def _flatten(text: str) -> str:
    return " ".join(text.split())


def parse_mappings(sssom: str) -> Iterator[tuple[str, ...]]:
    """Read Mondo's SSSOM file into rows of ``MAPPING_COLUMNS``, for the prefixes that are kept."""
    lines = (line for line in sssom.splitlines() if not line.startswith("#"))
    for row in csv.DictReader(io.StringIO("\n".join(lines)), delimiter="\t"):
        prefix = row["object_id"].partition(":")[0]
        if row["subject_id"].startswith("MONDO:") and prefix in CURIE_MAP:
            yield tuple(_flatten(row[column]) for column in MAPPING_COLUMNS)
