"""Codes in tables: TSV, CSV and Parquet, also with SSSOM's lines of metadata above them."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import polars as pl

from hereditary_kg.semantics.data_conversion.data_files import (
    DataFormat,
    describe_file,
    open_input,
    open_packed,
)
from hereditary_kg.semantics.data_conversion.keeping import Keep
from hereditary_kg.semantics.data_conversion.loss_report import LossReport
from hereditary_kg.semantics.data_conversion.outcomes import CodeConverter, Outcome
from hereditary_kg.semantics.errors import IdentifierError, UnreadableFileError
from hereditary_kg.semantics.identifiers import normalise

__all__ = ["Table", "coded_columns", "convert_table", "read_table", "write_table"]

_DELIMITERS = {"tsv": "\t", "csv": ","}
_SAMPLE = 1000
_SHARE = 0.8
"""So many of a column's values, of the first thousand distinct ones, have to be codes."""


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        frame: its rows; from TSV and CSV all columns are texts, and an empty cell is an empty text.
        preamble: the lines above the column names that begin with ``#``, as they are.
        quoted: whether quotation marks are a matter of form; else they are part of the cells.
        headed: whether the first row has the columns' names; else they are called 1, 2, 3.
    """

    frame: pl.DataFrame
    preamble: str = ""
    quoted: bool = True
    headed: bool = True


def read_table(path: Path, source: DataFormat, *, headed: bool = True) -> Table:
    """Read a table.

    Args:
        path: the file.
        source: what it is.
        headed: whether the first row of TSV and CSV has the columns' names.

    Raises:
        UnreadableFileError: it is none; the row with another number of cells is named.
    """
    with open_input(path, source.packing) as stream:
        content = stream.read()
    if source.extension == "parquet":
        return Table(_read_parquet(path, content))
    lines = content.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if not line.startswith(b"#")), len(lines))
    preamble, body = b"".join(lines[:start]), b"".join(lines[start:])
    del lines, content
    if not body.strip():
        raise UnreadableFileError(str(path), "it has no line with the names of columns.")
    try:
        body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = start + body.count(b"\n", 0, error.start) + 1
        reason = f"it is not UTF-8: {error.reason}."
        raise UnreadableFileError(f"{path}:{line}", reason, "Save it as UTF-8.") from error
    delimiter = _DELIMITERS[source.extension]
    # Who writes TSV mostly means every quotation mark as it stands.
    attempts = (False, True) if source.extension == "tsv" else (True,)
    for quoted in attempts:
        frame = _parsed(body, delimiter, quoted=quoted, headed=headed)
        if frame is not None:
            return Table(frame, preamble.decode("utf-8-sig"), quoted, headed)
    raise _odd_row(path, body, delimiter, start)


def _read_parquet(path: Path, content: bytes) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = f"it is no Parquet file: {str(error).partition(chr(10))[0]}."
        raise UnreadableFileError(str(path), reason) from error


def _parsed(body: bytes, delimiter: str, *, quoted: bool, headed: bool) -> pl.DataFrame | None:
    """Read rows; None if one of them has another number of cells than there are columns."""
    if not quoted:
        widths = {line.count(b"\t") for line in body.splitlines() if line}
        if len(widths) > 1:
            return None
    else:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter)
        try:
            if len({len(cells) for cells in reader if cells}) > 1:
                return None
        except csv.Error:
            return None
    try:
        frame = pl.read_csv(
            body,
            has_header=headed,
            separator=delimiter,
            quote_char='"' if quoted else None,
            infer_schema=False,
        ).fill_null("")
        return frame if headed else frame.rename(_numbered(frame))
    except pl.exceptions.PolarsError:
        return None


def _numbered(frame: pl.DataFrame) -> Mapping[str, str]:
    return {name: str(number) for number, name in enumerate(frame.columns, 1)}


def _odd_row(path: Path, body: bytes, delimiter: str, before: int) -> UnreadableFileError:
    """Name the first row with another number of cells than the first line has."""
    reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    place, reason = str(path), "it is no table."
    try:
        width = len(next(reader))
        for cells in reader:
            if cells and len(cells) != width:
                place = f"{path}:{before + reader.line_num}"
                reason = f"there are {len(cells)} cells, and {width} columns."
                break
    except csv.Error as error:
        place, reason = f"{path}:{before + reader.line_num}", f"it is no table: {error}."
    return UnreadableFileError(place, reason)


def write_table(table: Table, target: IO[bytes], written: DataFormat) -> None:
    """Write a table; what could not be told apart without quotation marks gets them."""
    with open_packed(target, written.packing, "w") as stream:
        if written.extension == "parquet":
            table.frame.write_parquet(stream, compression="zstd")
            return
        stream.write(table.preamble.encode())
        delimiter = _DELIMITERS[written.extension]
        plain = not table.quoted and delimiter == "\t"
        table.frame.write_csv(
            stream,
            include_header=table.headed,
            separator=delimiter,
            quote_style="never" if plain else "necessary",
        )


def coded_columns(
    frame: pl.DataFrame, converter: CodeConverter, separator: str = "|"
) -> tuple[str, ...]:
    """Find the columns whose values are codes: with their prefix, without it, or gene symbols.

    Args:
        frame: the table.
        converter: what converts codes; in a column there has to be one that it is to convert.
        separator: what parts several codes in one cell; the first is looked at.
    """
    found = []
    for name in frame.columns:
        if frame.schema[name] != pl.String:
            continue
        values = frame[name].drop_nulls().unique(maintain_order=True).head(_SAMPLE).to_list()
        sample = [text.partition(separator)[0].strip() for text in values if text.strip()]
        codes = [text for text in sample if _is_code(text, converter)]
        meant = any(":" not in text or converter.recognise(text) for text in codes)
        if meant and len(codes) >= _SHARE * len(sample):
            found.append(name)
    return tuple(found)


def _is_code(text: str, converter: CodeConverter) -> bool:
    return _has_known_prefix(text) if ":" in text else converter.is_bare_code(text)


def _has_known_prefix(text: str) -> bool:
    try:
        normalise(text)
    except IdentifierError:
        return False
    return True


def convert_table(
    source: Path,
    target: IO[bytes],
    written: DataFormat,
    converter: CodeConverter,
    *,
    columns: Sequence[str] = (),
    separator: str = "|",
    keep: Keep = Keep.MAPPINGS,
    extension: str | None = None,
    headed: bool = True,
) -> LossReport:
    """Convert the codes in columns of a table.

    Beside each column stand, if they are kept, the cell as it was (``…_original``), how the new
    code lies to the old (``…_relation``: ``exact``, ``broader 2`` …) and the mappings that were
    used (``…_mappings``). Where all codes that are equally near are written, a row is there once
    for each of them, unless the cell had several codes anyway.

    Args:
        source: the file.
        target: where converted data go.
        written: in which format and packing.
        converter: what converts codes.
        columns: which hold codes; found by their values where none is named.
        separator: what parts several codes in one cell.
        keep: what stays of the original codes.
        extension: the format of ``source``, where its name does not tell it.
        headed: whether the first row has the columns' names; else they are called 1, 2, 3.

    Raises:
        UnreadableFileError: it is no table, or has no such columns.
    """
    table = read_table(source, describe_file(source, extension), headed=headed)
    frame = table.frame
    chosen = _checked(source, frame, columns) or coded_columns(frame, converter, separator)
    if not chosen:
        reason = f"in none of its columns ({', '.join(frame.columns)}) are codes."
        raise UnreadableFileError(str(source), reason, "Say with --column where they are.")
    report = LossReport(converter)
    for name in chosen:
        frame = _convert_column(frame, name, _Cells(converter, separator, keep), report)
    write_table(replace(table, frame=frame), target, written)
    return report


def _checked(source: Path, frame: pl.DataFrame, columns: Sequence[str]) -> tuple[str, ...]:
    for name in columns:
        if name not in frame.columns:
            reason = f"it has no column {name!r}; it has {', '.join(frame.columns)}."
            raise UnreadableFileError(str(source), reason)
        if frame.schema[name].is_nested():
            reason = f"the column {name!r} holds {frame.schema[name]}, and not texts."
            raise UnreadableFileError(str(source), reason)
    return tuple(dict.fromkeys(columns))


@dataclass(frozen=True)
class _Cells:
    """How a cell is converted."""

    converter: CodeConverter
    separator: str
    keep: Keep

    def outcomes(self, cell: str) -> Iterator[tuple[str, Outcome | None]]:
        """Give a cell's texts, and what becomes of each that is a code."""
        for part in cell.split(self.separator):
            text = part.strip()
            yield part, self.converter.convert(text) if text else None

    def alternatives(self, cell: str) -> list[Mapping[str, str]]:
        """Give what a cell becomes: several where all of its codes' equally near ones are meant."""
        parts = list(self.outcomes(cell))
        written = [self._written(part, outcome) for part, outcome in parts]
        told = [(text, outcome) for (_, outcome), text in zip(parts, written, strict=True)]
        facts = {
            "relation": self._joined(_relation(outcome) for _, outcome in told),
            "mappings": self._joined(self._mappings(outcome) for _, outcome in told),
        }
        if len(parts) == 1:
            return [{"value": text, **facts} for text in written[0]]
        texts = [text for several in written for text in several]
        return [{"value": self.separator.join(dict.fromkeys(texts)), **facts}]

    def _written(self, part: str, outcome: Outcome | None) -> list[str]:
        if outcome is None:
            return [part]
        targets = self.converter.targets(outcome)
        return [self.converter.written(outcome.text, target) for target in targets] or [part]

    def _joined(self, texts: Iterable[str]) -> str:
        several = list(texts)
        return self.separator.join(several) if any(several) else ""

    def _mappings(self, outcome: Outcome | None) -> str:
        if outcome is None or not outcome.converted:
            return ""
        return " ".join(
            name.replace(" ", "_") for name in self.converter.mappings(outcome.conversions[0])
        )


def _relation(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    text = outcome.standing.value
    return f"{text} {outcome.distance}" if outcome.distance else text


def _convert_column(
    frame: pl.DataFrame, name: str, cells: _Cells, report: LossReport
) -> pl.DataFrame:
    """Convert a column by its distinct values."""
    texts = frame[name].cast(pl.String)
    counts = texts.drop_nulls().value_counts(name="count")
    rows: list[tuple[str, str, str, str]] = []
    for cell, count in counts.sort(name).iter_rows():
        for _, outcome in cells.outcomes(cell):
            if outcome is not None:
                report.add(name, outcome, count)
        rows += [
            (cell, each["value"], each["relation"], each["mappings"])
            for each in cells.alternatives(cell)
        ]
    marks = {mark: _free(frame, f"{name}_{mark}") for mark in ("original", "relation", "mappings")}
    schema = {
        "\0cell": pl.String,
        "\0value": pl.String,
        **dict.fromkeys(list(marks.values())[1:], pl.String),
    }
    found = pl.DataFrame(rows, schema=schema, orient="row")
    kept = {Keep.NOTHING: [], Keep.CODES: ["original"], Keep.MAPPINGS: list(marks)}[cells.keep]
    order = [
        column
        for each in frame.columns
        for column in ([each, *(marks[mark] for mark in kept)] if each == name else [each])
    ]
    joined = frame.with_columns(texts.alias("\0cell")).join(
        found, on="\0cell", how="left", maintain_order="left_right"
    )
    return joined.with_columns(
        pl.col("\0cell").alias(marks["original"]), pl.col("\0value").alias(name)
    ).select(order)


def _free(frame: pl.DataFrame, name: str) -> str:
    """Give a column name that the table does not have yet."""
    while name in frame.columns:
        name += "_"
    return name
