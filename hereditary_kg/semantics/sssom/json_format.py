"""SSSOM/JSON: the mapping set as one object, its prefixes in ``@context``.

The specification leaves the details open; this is what sssom-py and linkml write.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.readers.json_graphs import load_json
from hereditary_kg.semantics.sssom.mapping_set import ROW, MappingSet, joined
from hereditary_kg.semantics.sssom.slots import MAPPING_SLOTS, MULTIVALUED, NUMBERS

__all__ = ["mappings_frame", "parse_json", "split_values", "to_json"]

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")


def parse_json(path: Path, content: bytes) -> MappingSet:
    """Read SSSOM/JSON.

    Raises:
        UnreadableFileError: it is not JSON, or has no list of mappings.
    """
    document = load_json(path, content)
    if not isinstance(document, dict) or not isinstance(document.get("mappings"), list):
        raise UnreadableFileError(str(path), 'it has no list of "mappings".')
    if not all(isinstance(each, dict) for each in document["mappings"]):
        raise UnreadableFileError(str(path), "one of its mappings is no object.")
    metadata = {name: _plain(value) for name, value in document.items() if name != "mappings"}
    prefixes = _prefixes(metadata.pop("@context", None)) | _prefixes(metadata.get("curie_map"))
    metadata.pop("@type", None)
    if prefixes:
        metadata["curie_map"] = prefixes
    return MappingSet(metadata, mappings_frame(document["mappings"]), path.name)


def _plain(value: Any) -> Any:
    """Make texts of what is neither a text, a list, an object nor nothing."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _prefixes(context: Any) -> dict[str, str]:
    if isinstance(context, list):
        return {name: iri for each in context for name, iri in _prefixes(each).items()}
    if not isinstance(context, dict):
        return {}
    found = {}
    for name, value in context.items():
        # What a prefix is for may be an object with its IRI, or LinkML's record of a prefix.
        inner = value.get("prefix_url") or value.get("@id") if isinstance(value, dict) else value
        if isinstance(inner, str) and inner.endswith(("/", "#", "_", "=", ":")) and name[0] != "@":
            found[name] = inner
    return found


def mappings_frame(mappings: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Make the frame of a mapping set from one object a mapping."""
    present = {name for each in mappings for name in each if not name.startswith("@")}
    names = [name for name in MAPPING_SLOTS if name in present]
    names += sorted(present - set(names))
    columns = {name: [_cell(each.get(name)) for each in mappings] for name in names}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))
    row = pl.int_range(1, len(mappings) + 1, dtype=pl.UInt32, eager=True).alias(ROW)
    return frame.insert_column(0, row) if names else row.to_frame()


def _cell(value: Any) -> str | None:
    if value is None or value in ("", []):
        return None
    return joined(_plain(value)) if isinstance(value, list) else _plain(value)


def split_values(cell: str) -> list[str]:
    """Take a cell with several values apart."""
    marked = cell.replace("\\|", "\0")
    return [each.replace("\0", "|") for each in marked.split("|")]


def to_json(mapping_set: MappingSet) -> bytes:
    """Write SSSOM/JSON."""
    metadata = {name: each for name, each in mapping_set.metadata.items() if name != "curie_map"}
    mappings = [
        {name: _value(name, cell) for name, cell in row.items() if cell is not None}
        for row in mapping_set.rows.drop(ROW, strict=False).iter_rows(named=True)
    ]
    document = {"@context": dict(mapping_set.curie_map), **metadata, "mappings": mappings}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _value(name: str, cell: str) -> object:
    if name in MULTIVALUED:
        return split_values(cell)
    # Written as it is spelt: 1 stays 1, and does not become 1.0.
    return orjson.Fragment(cell) if name in NUMBERS and _NUMBER.fullmatch(cell) else cell
