"""Label tables, and HGNC's complete set."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.reading import Document, Draft, Reading, assemble
from hereditary_kg.semantics.readers.sources import decode

__all__ = ["Columns", "guess_columns", "looks_like_table", "read_hgnc", "read_table"]


@dataclass(frozen=True)
class Columns:
    """Which columns of a table say what; None where there is no such column.

    Attributes:
        id: the term; the one column that has to be there.
        label: its preferred label.
        synonyms: other names, parted by ``separator``.
        parent: what it is a kind of: identifiers, or labels of terms in the table.
        definition: its definition.
        obsolete: ``true``, ``1``, ``yes``, ``obsolete`` or ``deprecated`` where it is not to be
            used any longer.
        replaced_by: what stands in its place.
        separator: what parts several values in one cell.
        vocabulary: the vocabulary of identifiers that have no prefix.
    """

    id: str = "id"
    label: str | None = None
    synonyms: str | None = None
    parent: str | None = None
    definition: str | None = None
    obsolete: str | None = None
    replaced_by: str | None = None
    separator: str = "|"
    vocabulary: str | None = None


_USUAL: Mapping[str, Sequence[str]] = {
    "id": ("id", "code", "curie", "identifier", "term_id", "iri", "concept_id"),
    "label": ("label", "name", "title", "term", "preferred_label", "display", "description"),
    "synonyms": ("synonyms", "synonym", "aliases", "alt_labels"),
    "parent": ("parent", "parents", "parent_id", "is_a", "subclassof", "broader"),
    "definition": ("definition", "def", "comment"),
    "obsolete": ("obsolete", "deprecated", "is_obsolete"),
    "replaced_by": ("replaced_by", "replacement", "replacedby"),
}
_YES = frozenset({"true", "1", "yes", "y", "obsolete", "deprecated"})


def looks_like_table(text: str) -> bool:
    """Say whether the first line that is no comment has several columns and one for terms."""
    first = next((line for line in text.splitlines() if line and not line.startswith("#")), "")
    names = next(csv.reader([first], delimiter=_delimiter(first)), [])
    return len(names) > 1 and _usual(names, "id") is not None


def guess_columns(names: Sequence[str]) -> Columns | None:
    """Find which columns say what by what they are usually called; None without identifiers."""
    name = _usual(names, "id")
    if name is None:
        return None
    return Columns(
        name,
        _usual(names, "label"),
        _usual(names, "synonyms"),
        _usual(names, "parent"),
        _usual(names, "definition"),
        _usual(names, "obsolete"),
        _usual(names, "replaced_by"),
    )


def _usual(names: Sequence[str], field: str) -> str | None:
    folded = {re.sub(r"[ -]", "_", name.strip().casefold()): name for name in reversed(names)}
    return next((folded[name] for name in _USUAL[field] if name in folded), None)


def _delimiter(line: str) -> str:
    return max("\t", ",", ";", key=line.count)


def read_table(
    path: Path,
    content: bytes,
    columns: Columns | None = None,
    prefixes: dict[str, str] | None = None,
) -> Reading:
    """Read a table of terms (tabs, commas or semicolons), one a row.

    Lines before the column names that begin with ``#`` may say ``version: …``, ``title: …`` and
    ``license: …``.

    Args:
        path: for messages.
        content: the file.
        columns: which columns say what; without it, those with the usual names do.
        prefixes: prefixes beside the known ones, with their namespaces.

    Raises:
        UnreadableFileError: there is no column for terms, or a row has too many cells.
    """
    text = decode(path, content)
    names, rows, comments = _rows(path, text)
    chosen = columns or guess_columns(names)
    if chosen is None:
        reason = f"none of its columns ({', '.join(names)}) seems to hold identifiers."
        raise UnreadableFileError(str(path), reason, "Say which one does.")
    for field in fields(chosen):
        name = getattr(chosen, field.name)
        if field.name not in {"separator", "vocabulary"} and name and name not in names:
            reason = f"it has no column {name!r}; it has {', '.join(names)}."
            raise UnreadableFileError(str(path), reason)
    drafts = list(_table_drafts(rows, chosen))
    _resolve_parents(drafts, chosen)
    document = Document(
        path.name,
        comments.get("version", ""),
        comments.get("title", ""),
        comments.get("license", ""),
        prefixes=prefixes or {},
    )
    return assemble(drafts, document)


_Row = tuple[int, Mapping[str, str]]


def _rows(path: Path, text: str) -> tuple[list[str], list[_Row], dict[str, str]]:
    """Give column names, rows with the line in which they end, and what comments say."""
    lines = text.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    pairs = (line.lstrip("# ").partition(":") for line in lines[:start])
    comments = {name.strip(): value.strip() for name, colon, value in pairs if colon}
    first = lines[start] if start < len(lines) else ""
    reader = csv.reader(io.StringIO("".join(lines[start:])), delimiter=_delimiter(first))
    names = [name.strip() for name in next(reader, [])]
    rows: list[_Row] = []
    try:
        for cells in reader:
            number = start + reader.line_num
            if len(cells) > len(names):
                reason = f"there are {len(cells)} cells, and {len(names)} columns."
                raise UnreadableFileError(f"{path}:{number}", reason)
            if any(cells):
                rows.append((number, dict(zip(names, cells, strict=False))))
    except csv.Error as error:
        place = f"{path}:{start + reader.line_num}"
        raise UnreadableFileError(place, f"it is no table: {error}.") from error
    return names, rows, comments


def _table_drafts(rows: Sequence[_Row], columns: Columns) -> Iterator[Draft]:
    for line, row in rows:
        name = row.get(columns.id, "").strip()
        if not name:
            continue
        draft = Draft(_qualified(name, columns), line=line)
        draft.label = _cell(row, columns.label)
        draft.definition = _cell(row, columns.definition)
        draft.obsolete = (_cell(row, columns.obsolete) or "").casefold() in _YES
        draft.synonyms = [(each, "exact") for each in _cells(row, columns.synonyms, columns)]
        draft.parents = _cells(row, columns.parent, columns)
        draft.replaced_by = [
            _qualified(each, columns) for each in _cells(row, columns.replaced_by, columns)
        ]
        yield draft


def _qualified(text: str, columns: Columns) -> str:
    if columns.vocabulary and ":" not in text:
        return f"{columns.vocabulary}:{text}"
    return text


def _cell(row: Mapping[str, str], name: str | None) -> str | None:
    return (row.get(name, "").strip() or None) if name else None


def _cells(row: Mapping[str, str], name: str | None, columns: Columns) -> list[str]:
    text = _cell(row, name) or ""
    parts = re.split(rf"(?<!\\){re.escape(columns.separator)}", text)
    return [each.replace("\\|", "|").strip() for each in parts if each.strip()]


def _resolve_parents(drafts: Sequence[Draft], columns: Columns) -> None:
    """Put identifiers for parents, which may be named by their label."""
    known = {draft.id for draft in drafts}
    by_label: dict[str, str] = {}
    for draft in drafts:
        if draft.label:
            by_label.setdefault(draft.label, draft.id)
    for draft in drafts:
        pairs = [(_qualified(each, columns), each) for each in draft.parents]
        draft.parents = [
            name if name in known else by_label.get(text, name) for name, text in pairs
        ]


_SAME = {"entrez_id": "NCBIGENE", "ensembl_gene_id": "ENSEMBL"}
_RELATED: Mapping[str, Callable[[str], str]] = {
    "omim_id": "OMIM:{}".format,
    "orphanet": "ORPHA:{}".format,
    "uniprot_ids": "UNIPROT:{}".format,
}
_HGNC_SYNONYMS = {
    "name": "exact",
    "alias_symbol": "related",
    "alias_name": "related",
    "prev_symbol": "previous",
    "prev_name": "previous",
}


def read_hgnc(path: Path, content: bytes) -> Reading:
    """Read HGNC's complete set.

    A gene's label is its approved symbol. Aliases are ``related`` synonyms, since one alias may
    belong to several genes; symbols and names that HGNC has given up are ``previous`` ones. NCBI
    and Ensembl genes are exact matches, OMIM, Orphanet and UniProt cross-references.

    Source: https://www.genenames.org/help/download/.

    Raises:
        UnreadableFileError: a column is missing.
    """
    names, rows, _ = _rows(path, decode(path, content))
    missing = {"hgnc_id", "symbol"} - set(names)
    if missing:
        raise UnreadableFileError(str(path), f"it has no column {', '.join(sorted(missing))}.")
    dates = [row["date_modified"] for _, row in rows if row.get("date_modified")]
    document = Document(
        path.name,
        # The set has no version; it cannot be older than its last change.
        max(dates, default=""),
        "HGNC complete set",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "https://www.genenames.org/",
    )
    return assemble((_gene(line, row) for line, row in rows), document)


def _gene(line: int, row: Mapping[str, str]) -> Draft:
    draft = Draft(row["hgnc_id"], row["symbol"], line=line)
    draft.obsolete = row.get("status", "Approved") != "Approved"
    for column, scope in _HGNC_SYNONYMS.items():
        draft.synonyms += [(text, scope) for text in row.get(column, "").split("|") if text]
    for column, prefix in _SAME.items():
        if row.get(column):
            draft.mappings.append(("skos:exactMatch", f"{prefix}:{row[column]}"))
    for column, named in _RELATED.items():
        values = [each for each in row.get(column, "").split("|") if each]
        draft.mappings += [("oboInOwl:hasDbXref", named(each)) for each in values]
    return draft
