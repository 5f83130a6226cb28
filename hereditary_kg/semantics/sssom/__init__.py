"""SSSOM: mapping sets as TSV, JSON, RDF, and FHIR's ConceptMap.

`read_mapping_set` finds out by the content which format a file is in; `write_mapping_set` writes
what was not changed as it was.
"""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.sources import read_bytes
from hereditary_kg.semantics.sssom.mapping_set import ROW, MappingSet
from hereditary_kg.semantics.sssom.validation import validate

__all__ = [
    "FORMATS",
    "ROW",
    "MappingSet",
    "guess_format",
    "read_mapping_set",
    "render",
    "validate",
    "write_mapping_set",
]

FORMATS = {
    "tsv": "SSSOM/TSV",
    "json": "SSSOM/JSON",
    "ttl": "SSSOM/RDF in Turtle",
    "fhir": "FHIR ConceptMap (R5 when written)",
    "fhir-r4": "FHIR ConceptMap (R4 when written)",
}
"""The formats by name."""


def guess_format(content: bytes) -> str:
    """Find out which format a mapping set is in."""
    head = content[: 1 << 16].decode("utf-8-sig", "replace").lstrip()
    if head.startswith("{"):
        return "fhir" if '"ConceptMap"' in head else "json"
    first = head.split(maxsplit=1)[0].casefold() if head else ""
    if first in {"@prefix", "@base", "prefix", "base"} or first.startswith("<http"):
        return "ttl"
    return "tsv"


def read_mapping_set(
    path: Path,
    format: str | None = None,  # noqa: A002
    *,
    metadata: Path | None = None,
) -> MappingSet:
    """Read a mapping set, which may be compressed (gzip, xz, Zstandard).

    Args:
        path: the file.
        format: one of `FORMATS`; without it the content decides.
        metadata: the file with a TSV's metadata, where they are not in its header.

    Raises:
        UnreadableFileError: it cannot be read as what it is said, or seems, to be.
    """
    content = read_bytes(path)
    match format or guess_format(content):
        case "tsv":
            from hereditary_kg.semantics.sssom.tsv import parse_tsv  # noqa: PLC0415

            return parse_tsv(path, content, metadata)
        case "json":
            from hereditary_kg.semantics.sssom.json_format import parse_json  # noqa: PLC0415

            return parse_json(path, content)
        case "ttl":
            from hereditary_kg.semantics.sssom.rdf_format import parse_turtle  # noqa: PLC0415

            return parse_turtle(path, content)
        case "fhir" | "fhir-r4":
            from hereditary_kg.semantics.sssom.fhir import parse_concept_map  # noqa: PLC0415

            return parse_concept_map(path, content)
        case unknown:
            known = ", ".join(FORMATS)
            reason = f"there is no format {unknown!r}; there are {known}."
            raise UnreadableFileError(str(path), reason)


def render(mapping_set: MappingSet, format: str = "tsv") -> bytes:  # noqa: A002
    """Give a mapping set as a file's bytes.

    Raises:
        ValueError: there is no such format.
        IdentifierError: for ``ttl``: a prefix is neither declared nor known.
    """
    match format:
        case "tsv":
            from hereditary_kg.semantics.sssom.tsv import to_tsv  # noqa: PLC0415

            return to_tsv(mapping_set)
        case "json":
            from hereditary_kg.semantics.sssom.json_format import to_json  # noqa: PLC0415

            return to_json(mapping_set)
        case "ttl":
            from hereditary_kg.semantics.sssom.rdf_format import to_turtle  # noqa: PLC0415

            return to_turtle(mapping_set)
        case "fhir" | "fhir-r4":
            from hereditary_kg.semantics.sssom.fhir import to_concept_map  # noqa: PLC0415

            return to_concept_map(mapping_set, "R4" if format == "fhir-r4" else "R5")
        case unknown:
            raise ValueError(f"There is no format {unknown!r}; there are {', '.join(FORMATS)}.")


def write_mapping_set(mapping_set: MappingSet, path: Path, format: str = "tsv") -> None:  # noqa: A002
    """Write a mapping set so that the file is the old one or the new one, never half of it.

    Raises:
        OSError: it cannot be written, for example because the disk is full; the old file is as
            it was.
        ValueError: there is no such format.
        IdentifierError: as `render`.
    """
    content = render(mapping_set, format)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as written:
        temporary = Path(written.name)
        try:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    if path.exists():
        temporary.chmod(path.stat().st_mode)
    temporary.replace(path)
