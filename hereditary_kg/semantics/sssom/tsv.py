"""SSSOM/TSV: read so that it can be written as it was.

Rows and metadata that nobody changed come back byte for byte; of a header of which some slots were
changed, the others keep their lines, comments among them.

Source: https://mapping-commons.github.io/sssom/spec-formats-tsv/.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from hereditary_kg.semantics.errors import UnreadableFileError
from hereditary_kg.semantics.findings import Finding, Kind
from hereditary_kg.semantics.readers.sources import decode, read_bytes
from hereditary_kg.semantics.sssom.mapping_set import ROW, MappingSet
from hereditary_kg.semantics.sssom.slots import MAPPING_SLOTS, SET_SLOTS

__all__ = ["Original", "line_of_row", "parse_tsv", "to_tsv"]

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""All scalars are texts: neither 1.10 nor 2018-07-05 nor ``no`` is what YAML takes it for."""

_LONGEST_RECORD = 200
"""Lines after which a quotation that was not closed is taken to be none."""


@dataclass(frozen=True)
class Original:
    """A file's text, in parts that together are the file again.

    Attributes:
        header: the lines that begin with ``#``; empty where metadata stand elsewhere.
        column_line: the line with the names of columns, without the line break.
        records: each row's text, without the last line break.
        lines: the line in which each row begins.
        tail: what stands after the last row.
        metadata: what the header, or the file beside it, says.
        rows: the rows as they were read.
    """

    header: str
    column_line: str
    records: pl.Series
    lines: pl.Series
    tail: str
    metadata: Mapping[str, object]
    rows: pl.DataFrame


def line_of_row(mapping_set: MappingSet, row: int) -> int | None:
    """Give the line in which a row began in the file it was read from."""
    if mapping_set.original is None or not 0 < row <= len(mapping_set.original.lines):
        return None
    return int(mapping_set.original.lines[row - 1])


def parse_tsv(path: Path, content: bytes, metadata: Path | None = None) -> MappingSet:
    """Read SSSOM/TSV.

    Args:
        path: for messages, and to find the metadata's file.
        content: the file, unpacked.
        metadata: the file with the metadata, where they are not in the header; without it, that
            of the same name with ``.sssom.yml`` or ``.yml``.

    Raises:
        UnreadableFileError: the header is no YAML, or there are no columns that SSSOM knows.
    """
    text = content.decode("utf-8") if _is_utf8(content) else decode(path, content)
    start = re.match(r"\ufeff?(?:#[^\n]*(?:\n|$))*", text)
    header = start[0] if start else ""
    column_line, newline, body = text[len(header) :].partition("\n")
    names = [_unquoted(name) for name in column_line.rstrip("\r").split("\t")]
    if not set(names) & set(MAPPING_SLOTS):
        reason = "the first line after the header names none of SSSOM's columns"
        raise UnreadableFileError(str(path), f"{reason}: {column_line[:60]!r}.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableFileError(str(path), f"two columns have the name {twice!r}.")
    said = _parse_header(path, header)
    # What a file beside it says counts where the header says nothing.
    outside = _external(path, metadata) if not said else {}
    first_line = header.count("\n") + 2
    rows, records, lines, tail, findings = _parse_body(path, body, names, first_line)
    tail = tail if len(records) else newline + body
    metadata_read = {**outside, **said}
    original = Original(header, column_line, records, lines, tail, metadata_read, rows)
    return MappingSet(metadata_read, rows, path.name, tuple(findings), original)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# The header


def _parse_header(path: Path, header: str) -> dict[str, object]:
    stripped = "".join(line[1:] for line in header.lstrip("\ufeff").splitlines(keepends=True))
    return _parse_yaml(str(path), textwrap.dedent(stripped))


def _external(path: Path, metadata: Path | None) -> dict[str, object]:
    found = metadata or next((each for each in _beside(path) if each.is_file()), None)
    if found is None:
        return {}
    return _parse_yaml(str(found), decode(found, read_bytes(found)))


def _beside(path: Path) -> Iterator[Path]:
    stem = re.sub(r"(\.sssom)?\.tsv(\.gz|\.xz|\.zst)?$", "", path.name)
    for ending in (".sssom.yml", ".yml", ".sssom.yaml", ".yaml"):
        yield path.with_name(stem + ending)


def _parse_yaml(place: str, text: str) -> dict[str, object]:
    try:
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - the base loader makes texts only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}:{mark.line + 1}" if mark else place
        reason = getattr(error, "problem", None) or "it cannot be parsed"
        raise UnreadableFileError(where, f"the metadata are no YAML: {reason}.") from error
    if document is None or document == "":
        return {}
    if not isinstance(document, dict):
        raise UnreadableFileError(place, "the metadata are no YAML mapping of slots to values.")
    return document


def _header_blocks(header: str) -> dict[str, str]:
    """Part a header into the lines of each slot; comments go with the slot before them."""
    blocks: dict[str, str] = {"": ""}
    name = ""
    lines = header.splitlines(keepends=True)
    indents = [len(m[1]) for line in lines if (m := re.match(r"\ufeff?#( *)[A-Za-z_]+:", line))]
    indent = min(indents, default=0)
    for line in lines:
        found = re.match(rf"\ufeff?# {{{indent}}}([A-Za-z_]\w*):", line)
        name = found[1] if found else name
        blocks[name] = blocks.get(name, "") + line
    return blocks


def _write_header(mapping_set: MappingSet, newline: str) -> str:
    original = mapping_set.original
    metadata = mapping_set.metadata
    if original is not None and dict(original.metadata) == dict(metadata):
        return original.header
    blocks = _header_blocks(original.header) if original else {}
    old = original.metadata if original else {}
    order = [*old, *(name for name in _written_order(metadata) if name not in old)]
    indent = " " if any(block.startswith("# ") for block in blocks.values()) else ""
    written = [blocks.get("", "")]
    for name in order:
        if name in metadata and metadata[name] == old.get(name) and name in blocks:
            written.append(blocks[name])
        elif name in metadata:
            written.append(_block(name, metadata[name], indent, newline))
    return "".join(written)


def _written_order(metadata: Mapping[str, object]) -> list[str]:
    order = {name: place for place, name in enumerate(("curie_map", *SET_SLOTS))}
    return sorted(metadata, key=lambda name: order.get(name, len(order)))


def _block(name: str, value: object, indent: str, newline: str) -> str:
    text = yaml.safe_dump(
        {name: value}, sort_keys=False, allow_unicode=True, width=1 << 20, default_flow_style=False
    )
    return "".join(f"#{indent}{line}{newline}" for line in text.splitlines())


# The rows


def _parse_body(
    path: Path, body: str, names: Sequence[str], first_line: int
) -> tuple[pl.DataFrame, pl.Series, pl.Series, str, list[Finding]]:
    lines = body.split("\n")
    end = max((at for at, line in enumerate(lines) if line.strip("\r")), default=-1) + 1
    tail = "".join(f"\n{line}" for line in lines[end:])
    lines = lines[:end]
    numbers = list(range(first_line, first_line + len(lines)))
    findings: list[Finding] = []
    if '"' in body or "" in lines or "\r" in lines:
        lines, numbers = _joined_records(path, lines, numbers, findings)
    records = pl.Series("record", lines, dtype=pl.String)
    cells = records.str.strip_chars_start("\r\n").str.strip_chars_end("\r")
    frame = cells.to_frame().select(
        pl.col("record").str.splitn("\t", len(names) + 1).struct.unnest()
    )
    if '"' in body:
        frame = _with_quoted(frame, cells, len(names))
    _report_widths(path, frame, cells, names, numbers=numbers, findings=findings)
    rows = frame[:, : len(names)].rename(dict(zip(frame.columns, names, strict=False)))
    rows = rows.with_columns(pl.all().replace("", None))
    row = pl.int_range(1, len(lines) + 1, dtype=pl.UInt32, eager=True).alias(ROW)
    return rows.insert_column(0, row), records, pl.Series(numbers, dtype=pl.UInt32), tail, findings


def _joined_records(
    path: Path, lines: Sequence[str], numbers: Sequence[int], findings: list[Finding]
) -> tuple[list[str], list[int]]:
    """Put together lines that a quotation runs over, and empty lines with what follows."""
    records: list[str] = []
    starts: list[int] = []
    place, pending = 0, ""
    while place < len(lines):
        line, number = lines[place], numbers[place]
        place += 1
        if not line.strip("\r"):
            pending += line + "\n"
            continue
        if '"' in line and _cells(line)[1]:
            whole = line
            for ahead in range(place, min(place + _LONGEST_RECORD, len(lines))):
                whole += "\n" + lines[ahead]
                if not _cells(whole)[1]:
                    line, place = whole, ahead + 1
                    break
            else:
                text = "a quotation is not closed; the quotation mark is taken for text"
                findings.append(
                    Finding(Kind.BAD_ROW, path.name, text, number, row=len(records) + 1)
                )
        records.append(pending + line)
        starts.append(number)
        pending = ""
    return records, starts


def _cells(line: str) -> tuple[list[str], bool]:
    """Part a line at tabs outside quotations; say whether a quotation is still open."""
    cells: list[str] = []
    start = 0
    while True:
        if line.startswith('"', start):
            end = re.compile(r'"((?:[^"]|"")*)"(?=\t|\r?$)').match(line, start)
            if end is None:
                return cells, True
            cells.append(end[1].replace('""', '"'))
            stop = end.end()
        else:
            tab = line.find("\t", start)
            stop = tab if tab >= 0 else len(line)
            cells.append(line[start:stop])
        if stop >= len(line) or line[stop] != "\t":
            return cells, False
        start = stop + 1


def _with_quoted(frame: pl.DataFrame, cells: pl.Series, width: int) -> pl.DataFrame:
    """Take quotations off, in the rows that have any."""
    at = cells.str.contains('"', literal=True).arg_true()
    columns = {name: frame[name].to_list() for name in frame.columns}
    for place, text in zip(at.to_list(), cells.gather(at).to_list(), strict=True):
        found, still_open = _cells(text)
        if not still_open:
            missing = [None] * (width - len(found))
            over = "\t".join(found[width:]) if len(found) > width else None
            values = [*found[:width], *missing, over]
            for name, value in zip(frame.columns, values, strict=True):
                columns[name][place] = value
    return pl.DataFrame(columns, schema=dict.fromkeys(frame.columns, pl.String))


def _report_widths(
    path: Path,
    frame: pl.DataFrame,
    cells: pl.Series,
    names: Sequence[str],
    *,
    numbers: Sequence[int],
    findings: list[Finding],
) -> None:
    last, over = frame.columns[len(names) - 1], frame.columns[len(names)]
    wrong = (frame[last].is_null() | frame[over].is_not_null()).arg_true()
    for place in wrong.to_list():
        width = len(_cells(cells[place])[0])
        text = f"there are {width} cells, and {len(names)} columns"
        findings.append(Finding(Kind.BAD_ROW, path.name, text, numbers[place], row=place + 1))


def _unquoted(name: str) -> str:
    return name[1:-1] if name.startswith('"') and name.endswith('"') and len(name) > 1 else name


# Writing


def to_tsv(mapping_set: MappingSet) -> bytes:
    """Write SSSOM/TSV: what was not changed as it was, and the rest by the rules."""
    original = mapping_set.original
    newline = "\r\n" if original and original.column_line.endswith("\r") else "\n"
    header = _write_header(mapping_set, newline)
    end = newline.removesuffix("\n")
    same_columns = original is not None and original.rows.columns == mapping_set.rows.columns
    if original is not None and same_columns:
        column_line = original.column_line
        records = _records(mapping_set, original, end)
        tail = original.tail
        if len(records) and not len(original.records):
            tail = tail or "\n"
    else:
        column_line = "\t".join(mapping_set.columns) + end
        records = _serialised(mapping_set.rows, end)
        tail = "\n"
    body = "\n".join(["", *records.to_list()])
    return f"{header}{column_line}{body}{tail}".encode()


def _records(mapping_set: MappingSet, original: Original, end: str) -> pl.Series:
    """Give each row's text: the original one where no cell was changed."""
    rows = mapping_set.rows
    columns = list(mapping_set.columns)
    numbers = rows[ROW].cast(pl.UInt32)
    place = (numbers - 1).fill_null(0)
    before = original.rows[place] if original.rows.height else original.rows
    if not before.height:
        return _serialised(rows, end)
    same = numbers.is_not_null()
    for name in columns:
        same &= rows[name].eq_missing(before[name])
    texts = original.records.gather(place)
    written = _serialised(rows.filter(~same), end)
    # Cells beyond the last column are of no column, and stay with their row.
    changed = same.not_().arg_true()
    extra = [
        _overflow(texts[at], len(columns)) if numbers[at] is not None else ""
        for at in changed.to_list()
    ]
    if any(extra):
        pairs = zip(written.to_list(), extra, strict=True)
        written = pl.Series([f"{text.removesuffix(end)}{more}{end}" for text, more in pairs])
    return texts.scatter(changed, written) if len(changed) else texts


def _overflow(text: str, width: int) -> str:
    more = _cells(text.strip("\r\n"))[0][width:]
    return "".join(f"\t{_quoted(cell)}" for cell in more)


def _quoted(cell: str) -> str:
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if re.search(r'[\t\r\n"]', cell) else cell


def _serialised(rows: pl.DataFrame, end: str) -> pl.Series:
    expressions = []
    for name in rows.columns:
        if name != ROW:
            text = pl.col(name).fill_null("")
            inside = pl.concat_str(
                pl.lit('"'), text.str.replace_all('"', '""', literal=True), pl.lit('"')
            )
            needed = text.str.contains(r'[\t\r\n"]')
            expressions.append(pl.when(needed).then(inside).otherwise(text))
    line = pl.concat_str(expressions, separator="\t")
    return rows.select(pl.concat_str(line, pl.lit(end)).alias("record"))["record"]
