"""Proposals as SSSOM."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

import polars as pl

from hereditary_kg.semantics.errors import IdentifierError
from hereditary_kg.semantics.identifiers import iri_of
from hereditary_kg.semantics.matching.matcher import Proposal
from hereditary_kg.semantics.sssom import ROW, MappingSet
from hereditary_kg.semantics.terminology import Terminology

__all__ = ["as_mapping_set"]

TOOL = "hereditary_kg"
_PREDICATE = "skos:exactMatch"
_PREPROCESSING = "semapv:CaseNormalization|semapv:Stemming|semapv:StopWordRemoval"
_OTHER_PREFIX = "urn:hkg:vocabulary:"


def as_mapping_set(
    proposals: Sequence[Proposal], one: Terminology, other: Terminology
) -> MappingSet:
    """Make a mapping set of proposals.

    Args:
        proposals: what is proposed.
        one: the terminology of the subjects.
        other: that of the objects.
    """
    labels = [dict(side.terms.select("id", "label").iter_rows()) for side in (one, other)]
    cardinalities = _cardinalities(proposals)
    rows = [
        {
            "subject_id": each.subject,
            "subject_label": labels[0].get(each.subject),
            "predicate_id": _PREDICATE,
            "object_id": each.object,
            "object_label": labels[1].get(each.object),
            "mapping_justification": each.justification,
            "mapping_cardinality": cardinalities[each.subject, each.object],
            "confidence": f"{each.confidence:.3f}",
            "subject_match_field": each.fields[0] if each.lexical else None,
            "object_match_field": each.fields[1] if each.lexical else None,
            "match_string": each.words.replace("|", " ") or None if each.lexical else None,
            "similarity_score": f"{each.similarity:.3f}",
        }
        for each in proposals
    ]
    columns = [
        "subject_id",
        "subject_label",
        "predicate_id",
        "object_id",
        "object_label",
        "mapping_justification",
        "mapping_cardinality",
        "confidence",
        "subject_match_field",
        "object_match_field",
        "match_string",
        "similarity_score",
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
    numbers = pl.Series(ROW, [None] * frame.height, dtype=pl.UInt32)
    return MappingSet(_metadata(one, other), frame.with_columns(numbers))


def _metadata(one: Terminology, other: Terminology) -> dict[str, object]:
    prefixes = {name: _namespace(name) for name in sorted({one.name, other.name})}
    found: dict[str, object] = {
        "sssom_version": "1.1",
        "curie_map": {
            **prefixes,
            "oboInOwl": "http://www.geneontology.org/formats/oboInOwl#",
        },
        "mapping_set_id": f"urn:hkg:proposals:{one.name}:{other.name}",
        "mapping_set_title": f"Proposed mappings of {one.name} to {other.name}, not reviewed",
        "license": "https://w3id.org/sssom/license/unspecified",
        "subject_source_version": one.version,
        "object_source_version": other.version,
        "mapping_tool": TOOL,
        "mapping_tool_version": version("hereditary-kg"),
        "subject_preprocessing": _PREPROCESSING.split("|"),
        "object_preprocessing": _PREPROCESSING.split("|"),
        "similarity_measure": "shared words by inverse document frequency",
    }
    return {name: value for name, value in found.items() if value}


def _namespace(prefix: str) -> str:
    """Give the namespace of a vocabulary; one of our own where it is not known."""
    try:
        return iri_of(f"{prefix}:0").removesuffix("0")
    except IdentifierError:
        return f"{_OTHER_PREFIX}{prefix}:"


def _cardinalities(proposals: Iterable[Proposal]) -> Mapping[tuple[str, str], str]:
    proposals = list(proposals)
    partners: dict[tuple[int, str], int] = {}
    for each in proposals:
        for key in ((0, each.subject), (1, each.object)):
            partners[key] = partners.get(key, 0) + 1
    return {
        (each.subject, each.object): (
            f"{'n' if partners[1, each.object] > 1 else '1'}:"
            f"{'n' if partners[0, each.subject] > 1 else '1'}"
        )
        for each in proposals
    }
