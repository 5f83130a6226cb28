"""Importing files into a hub: each is a terminology or a mapping set, found out by its content."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import polars as pl

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.findings import Finding
from hereditary_kg.semantics.hub import MAPPINGS, Hub
from hereditary_kg.semantics.hub_building import Material, build_hub
from hereditary_kg.semantics.readers import FORMATS as TERMINOLOGY_FORMATS
from hereditary_kg.semantics.readers import read_terminology
from hereditary_kg.semantics.readers.reading import DISJOINT
from hereditary_kg.semantics.readers.sources import read_bytes
from hereditary_kg.semantics.sssom import MappingSet, read_mapping_set, validate
from hereditary_kg.semantics.sssom.chaining import contradictions
from hereditary_kg.semantics.terminology import empty_frame

__all__ = ["FORMATS", "Imported", "ReadFile", "import_files", "read_file"]

_MAPPING_FORMATS = {
    "sssom": ("tsv", "SSSOM/TSV"),
    "sssom-json": ("json", "SSSOM/JSON"),
    "sssom-rdf": ("ttl", "SSSOM/RDF in Turtle"),
    "fhir": ("fhir", "FHIR ConceptMap"),
}
FORMATS: Mapping[str, str] = {
    **TERMINOLOGY_FORMATS,
    **{name: title for name, (_, title) in _MAPPING_FORMATS.items()},
}
"""The formats that can be imported, by name."""

_HEAD = 1 << 16
_IN_JSON = re.compile(r'"mappings"\s*:|"resourceType"\s*:\s*"ConceptMap"')
_IN_RDF = re.compile(r"\bMappingSet\b|annotatedSource\b|\bsubject_id\b")
_ENDS = frozenset({"subject_id", "object_id"})


@dataclass(frozen=True)
class ReadFile:
    """What a file gave.

    Attributes:
        path: the file.
        format: one of `FORMATS`.
        material: what goes into the hub.
        findings: what a curator should look at.
        negated: mappings that the file denies; see `MAPPINGS`.
        disjoint: pairs of terms that nothing can be both of; see `DISJOINT`.
        rejected: how many mappings are left out because their reviewers reject them.
    """

    path: Path
    format: str
    material: Material
    findings: tuple[Finding, ...] = ()
    negated: pl.DataFrame = field(default_factory=lambda: empty_frame(MAPPINGS))
    disjoint: pl.DataFrame = field(default_factory=lambda: empty_frame(DISJOINT))
    rejected: int = 0


@dataclass(frozen=True)
class Imported:
    """A hub of files, and what was found in them.

    Attributes:
        hub: the hub.
        files: what each file gave, in the order of their names.
        findings: of the files, and of what they say together.
    """

    hub: Hub
    files: tuple[ReadFile, ...]
    findings: tuple[Finding, ...]


def import_files(
    paths: Sequence[Path],
    format: str | None = None,  # noqa: A002
    *,
    versions: Mapping[str, str] | None = None,
    on_read: Callable[[Path], None] = lambda _: None,
) -> Imported:
    """Read files and put together what they say.

    Args:
        paths: the files, in any order.
        format: one of `FORMATS`, for all of them; without it their content decides.
        versions: as in `build_hub`.
        on_read: told of each file when it has been read.

    Raises:
        UnreadableFileError: a file cannot be read; the message names all that cannot.
        UnknownTermError: as `build_hub`.
    """
    files: list[ReadFile] = []
    errors: list[UnreadableFileError] = []
    for path in sorted(dict.fromkeys(paths), key=lambda each: (each.name, str(each))):
        try:
            files.append(read_file(path, format))
        except UnreadableFileError as error:
            errors.append(error)
        on_read(path)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise UnreadableFileError.of_several(errors)
    built = build_hub((each.material for each in files), versions)
    together = contradictions(
        built.hub.mappings,
        pl.concat([empty_frame(MAPPINGS), *(each.negated for each in files)]),
        built.hub.terminologies.values(),
        pl.concat([empty_frame(DISJOINT), *(each.disjoint for each in files)]),
        "all files",
    )
    own = [finding for each in files for finding in each.findings]
    return Imported(built.hub, tuple(files), (*own, *built.findings, *together))


def read_file(path: Path, format: str | None = None) -> ReadFile:  # noqa: A002
    """Read a terminology or a mapping set.

    Raises:
        UnreadableFileError: it cannot be read as what it is said, or seems, to be.
    """
    if format is not None and format not in FORMATS:
        reason = f"there is no format {format!r}; there are {', '.join(FORMATS)}."
        raise UnreadableFileError(str(path), reason)
    name = format or _mapping_format(read_bytes(path))
    if name in _MAPPING_FORMATS:
        return _from_mapping_set(path, name, read_mapping_set(path, _MAPPING_FORMATS[name][0]))
    reading = read_terminology(path, name)
    sources = {}
    for identifier in _sets(reading.mappings):
        main = reading.main
        sources[identifier] = {
            "title": main.title,
            "version": main.version,
            "licence": main.licence,
            "file": path.name,
        }
    material = Material(reading.terminologies, reading.mappings, sources)
    return ReadFile(
        path, name or "terminology", material, reading.findings, disjoint=reading.disjoint
    )


def _sets(mappings: pl.DataFrame) -> list[str]:
    names = mappings["source"].drop_nulls().str.replace(r"#[^#]*$", "")
    return sorted(names.unique().to_list())


def _mapping_format(content: bytes) -> str | None:
    """Say in which format of mapping sets a file is; None where it is none."""
    head = content[:_HEAD].decode("utf-8-sig", "replace").lstrip()
    if head.startswith("{"):
        return _json_format(content, head)
    if head.casefold().startswith(("@prefix", "@base", "prefix ", "base ", "<http")):
        return "sssom-rdf" if "w3id.org/sssom/" in head and _IN_RDF.search(head) else None
    rows = (line for line in head.splitlines() if line and not line.startswith("#"))
    columns = {name.strip().strip('"') for name in re.split(r"[\t,]", next(rows, ""))}
    # What stands under these metadata is meant to be a mapping set, whatever it is.
    titled = head.startswith("#") and re.search(r"^#\s*mapping_set_id\s*:", head, re.MULTILINE)
    return "sssom" if columns >= _ENDS or titled else None


def _json_format(content: bytes, head: str) -> str | None:
    # Before mappings may stand a prefix map of any length.
    whole = head if '"graphs"' in head else content.decode("utf-8", "replace")
    if not _IN_JSON.search(whole):
        return None
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if document.get("resourceType") == "ConceptMap":
        return "fhir"
    return "sssom-json" if "mappings" in document else None


def _from_mapping_set(path: Path, name: str, mapping_set: MappingSet) -> ReadFile:
    facts = {
        "title": _text(mapping_set, "mapping_set_title"),
        "version": _text(mapping_set, "mapping_set_version"),
        "licence": _text(mapping_set, "license"),
        "file": path.name,
    }
    rows = mapping_set.to_hub_rows(rejected=False)
    material = Material((), rows, {mapping_set.id: facts}, dict(_labels(mapping_set)))
    return ReadFile(
        path,
        name,
        material,
        validate(mapping_set),
        mapping_set.to_hub_rows(negated=True, rejected=False),
        rejected=int(mapping_set.rejected.sum()),
    )


def _text(mapping_set: MappingSet, slot: str) -> str:
    return str(mapping_set.metadata.get(slot) or "")


def _labels(mapping_set: MappingSet) -> Iterable[tuple[str, str]]:
    for end in ("subject", "object"):
        names = mapping_set.canonical(f"{end}_id").alias("id")
        frame = pl.DataFrame([names, mapping_set.slot(f"{end}_label").alias("label")])
        # Of several spellings the first in the alphabet, whatever the order of rows.
        yield from frame.drop_nulls().sort("id", "label").unique("id", keep="first").iter_rows()
