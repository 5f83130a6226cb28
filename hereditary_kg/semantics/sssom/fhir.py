"""FHIR's ConceptMap, R4 and R5, as mapping sets.

Directions differ: R4 says what the target is to the source ("the target is wider than the
source": ``wider``), R5 what the source is to the target (``source-is-narrower-than-target``), and
SKOS what the object is to the subject (``skos:broadMatch``); these three say the same.

Sources: https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html,
https://hl7.org/fhir/R5/valueset-concept-map-relationship.html, SKOS Reference, section 10.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import orjson

from hereditary_kg.semantics.errors import IdentifierError, UnreadableFileError
from hereditary_kg.semantics.identifiers import canonical_prefix, iri_of
from hereditary_kg.semantics.readers.json_graphs import load_json
from hereditary_kg.semantics.sssom.json_format import mappings_frame
from hereditary_kg.semantics.sssom.mapping_set import MappingSet

__all__ = ["parse_concept_map", "to_concept_map"]

_SYSTEMS: Mapping[str, str] = {
    "http://snomed.info/sct": "SNOMEDCT",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "http://id.who.int/icd/release/11/foundation": "ICD11",
    "http://loinc.org": "LOINC",
    "http://www.whocc.no/atc": "ATC",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "http://www.nlm.nih.gov/research/umls": "UMLS",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "NCIT",
    "http://ncithesaurus-stage.nci.nih.gov": "NCIT",
    "http://human-phenotype-ontology.org": "HP",
    "http://www.human-phenotype-ontology.org": "HP",
    "http://purl.obolibrary.org/obo/hp.owl": "HP",
    "http://purl.obolibrary.org/obo/mondo.owl": "MONDO",
    "http://purl.obolibrary.org/obo/doid.owl": "DOID",
    "http://www.genenames.org": "HGNC",
    "http://www.genenames.org/geneId": "HGNC",
    "http://www.omim.org": "OMIM",
    "https://omim.org": "OMIM",
    "urn:oid:2.16.840.1.113883.6.174": "OMIM",
    "http://www.orpha.net": "ORPHA",
    "http://www.orphadata.org": "ORPHA",
    "urn:oid:2.16.840.1.113883.2.4.3.46.10.4.1": "ORPHA",
    "https://meshb.nlm.nih.gov": "MESH",
    "http://terminology.hl7.org/CodeSystem/mdr": "MEDDRA",
    "http://terminology.hl7.org/CodeSystem/v3-mdr": "MEDDRA",
}
"""Code systems in FHIR's names."""

_EQUIVALENCE: Mapping[str, tuple[str, str | None]] = {
    "equal": ("skos:exactMatch", None),
    "equivalent": ("skos:exactMatch", None),
    "wider": ("skos:broadMatch", None),
    "subsumes": ("skos:broadMatch", None),
    "narrower": ("skos:narrowMatch", None),
    "specializes": ("skos:narrowMatch", None),
    "inexact": ("skos:closeMatch", None),
    "relatedto": ("skos:relatedMatch", None),
    "disjoint": ("skos:relatedMatch", "Not"),
    "unmatched": ("skos:exactMatch", None),
}
_RELATIONSHIP: Mapping[str, tuple[str, str | None]] = {
    "equivalent": ("skos:exactMatch", None),
    "source-is-narrower-than-target": ("skos:broadMatch", None),
    "source-is-broader-than-target": ("skos:narrowMatch", None),
    "related-to": ("skos:relatedMatch", None),
    "not-related-to": ("skos:relatedMatch", "Not"),
}
_NO_TERM = "sssom:NoTermFound"

_WRITTEN_R4 = {
    "skos:exactMatch": "equivalent",
    "owl:equivalentClass": "equivalent",
    "owl:sameAs": "equivalent",
    "skos:broadMatch": "wider",
    "rdfs:subClassOf": "wider",
    "skos:narrowMatch": "narrower",
    "sssom:superClassOf": "narrower",
    "skos:closeMatch": "inexact",
}
_WRITTEN_R5 = {
    "equivalent": "equivalent",
    "wider": "source-is-narrower-than-target",
    "narrower": "source-is-broader-than-target",
    "inexact": "related-to",
    "relatedto": "related-to",
    "disjoint": "not-related-to",
}


def parse_concept_map(path: Path, content: bytes) -> MappingSet:
    """Read a ConceptMap, R4 or R5.

    A code system that is not known gets a prefix of its own, declared in ``curie_map``.

    Raises:
        UnreadableFileError: it is no ConceptMap, or a relation is none that FHIR has.
    """
    document = load_json(path, content)
    if not isinstance(document, dict) or document.get("resourceType") != "ConceptMap":
        raise UnreadableFileError(str(path), "it is no ConceptMap.")
    prefixes: dict[str, str] = {}
    try:
        mappings = [
            mapping
            for number, group in enumerate(document.get("group", ()))
            for mapping in _group_mappings(path, group, number, prefixes)
        ]
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"it is no valid ConceptMap: {error!r} is missing or of another type."
        raise UnreadableFileError(str(path), reason) from error
    metadata = {
        "curie_map": prefixes,
        "mapping_set_id": document.get("url") or document.get("id"),
        "mapping_set_version": document.get("version"),
        "mapping_set_title": document.get("title") or document.get("name"),
        "mapping_set_description": document.get("description"),
        "license": document.get("copyright"),
        "publication_date": (document.get("date") or "")[:10] or None,
    }
    kept = {name: value for name, value in metadata.items() if value}
    return MappingSet(kept, mappings_frame(mappings), path.name)


def _group_mappings(
    path: Path, group: Mapping[str, Any], number: int, prefixes: dict[str, str]
) -> Iterator[dict[str, Any]]:
    source, source_version = _system(group.get("source", ""), prefixes)
    target, target_version = _system(group.get("target", ""), prefixes)
    shared = {
        "mapping_justification": "semapv:UnspecifiedMatching",
        "subject_source_version": group.get("sourceVersion") or source_version,
        "object_source_version": group.get("targetVersion") or target_version,
    }
    for element in group.get("element", ()):
        subject = {
            "subject_id": f"{source}:{element['code']}",
            "subject_label": element.get("display"),
        }
        targets = element.get("target", ())
        if element.get("noMap") or not targets:
            missing = {"predicate_id": "skos:exactMatch", "object_id": _NO_TERM}
            yield {**subject, **missing, **shared}
        for each in targets:
            predicate, modifier = _relation(path, f"group[{number}] {element['code']}", each)
            code = each.get("code")
            yield {
                **subject,
                "predicate_id": predicate,
                "predicate_modifier": modifier,
                "object_id": f"{target}:{code}" if code else _NO_TERM,
                "object_label": each.get("display"),
                "comment": each.get("comment"),
                **shared,
            }


def _relation(path: Path, place: str, target: Mapping[str, Any]) -> tuple[str, str | None]:
    name, table = ("relationship", _RELATIONSHIP)
    if "relationship" not in target:
        name, table = ("equivalence", _EQUIVALENCE)
    value = str(target.get(name))
    if value not in table:
        known = ", ".join(table)
        reason = f"{place}: {name} {value!r} is none of FHIR's: {known}."
        raise UnreadableFileError(str(path), reason)
    return table[value]


def _system(uri: str, prefixes: dict[str, str]) -> tuple[str, str | None]:
    """Give the prefix for a code system, and the version that hangs on it."""
    name, _, version = uri.partition("|")
    prefix = _SYSTEMS.get(name.rstrip("/"))
    if prefix is None:
        last = name.rstrip("/").replace("#", "/").rpartition("/")[2].rpartition(":")[2]
        prefix = "".join(each if each.isalnum() else "_" for each in last) or "unknown"
        known = canonical_prefix(prefix)
        prefix = known or prefix
    prefixes.setdefault(prefix, _namespace(prefix, name))
    return prefix, version or None


def _namespace(prefix: str, system: str) -> str:
    try:
        return iri_of(f"{prefix}:")
    except IdentifierError:
        return system if system.endswith(("/", "#")) else f"{system}/"


def to_concept_map(mapping_set: MappingSet, release: Literal["R4", "R5"] = "R5") -> bytes:
    """Write a ConceptMap.

    FHIR has no place for justification, confidence, author and reviewer: they are not written.
    """
    rows = [
        row
        for row in mapping_set.rows.iter_rows(named=True)
        if row.get("subject_id") and row.get("object_id")
    ]
    pairs = sorted(rows, key=_group_key)
    groups = [
        _written_group(mapping_set, key, list(members), release)
        for key, members in groupby(pairs, key=_group_key)
    ]
    metadata = mapping_set.metadata
    document = {
        "resourceType": "ConceptMap",
        "url": metadata.get("mapping_set_id"),
        "version": metadata.get("mapping_set_version"),
        "title": metadata.get("mapping_set_title"),
        "description": metadata.get("mapping_set_description"),
        "copyright": metadata.get("license"),
        "date": metadata.get("publication_date"),
        "status": "active",
        "group": groups,
    }
    kept = {name: value for name, value in document.items() if value}
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _group_key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["subject_id"].partition(":")[0], row["object_id"].partition(":")[0]


def _written_group(
    mapping_set: MappingSet, key: tuple[str, str], rows: list[dict[str, Any]], release: str
) -> dict[str, Any]:
    systems = {prefix: uri for uri, prefix in reversed(list(_SYSTEMS.items()))}
    source, target = (
        systems.get(canonical_prefix(prefix) or "", mapping_set.curie_map.get(prefix, prefix))
        for prefix in key
    )
    elements: dict[str, dict[str, Any]] = {}
    for row in rows:
        code = row["subject_id"].partition(":")[2]
        element = elements.setdefault(code, {"code": code})
        if row.get("subject_label"):
            element["display"] = row["subject_label"]
        _add_target(element, row, release)
    group: dict[str, Any] = {"source": source, "target": target, "element": list(elements.values())}
    if key[1] == "sssom":
        del group["target"]
    return group


def _add_target(element: dict[str, Any], row: Mapping[str, Any], release: str) -> None:
    negated = row.get("predicate_modifier") == "Not"
    equivalence = _WRITTEN_R4.get(row["predicate_id"], "relatedto")
    equivalence = "disjoint" if negated else equivalence
    if row["object_id"] == _NO_TERM:
        if release == "R5":
            element["noMap"] = True
        else:
            element.setdefault("target", []).append({"equivalence": "unmatched"})
        return
    said = ("equivalence", equivalence)
    if release == "R5":
        said = ("relationship", _WRITTEN_R5[equivalence])
    target = {"code": row["object_id"].partition(":")[2], said[0]: said[1]}
    for name, slot in (("display", "object_label"), ("comment", "comment")):
        if row.get(slot):
            target[name] = row[slot]
    element.setdefault("target", []).append(target)
