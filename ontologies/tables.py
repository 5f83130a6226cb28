r"""The extracts' file format: gzipped TSV under a commented YAML header.

Lines that begin with ``#`` before the column line say what the table is, where it comes from,
which version it is and under which licence it stands. Cells never hold a tab or a line break;
a cell with several values parts them with ``|`` (``\|`` inside a value, as SSSOM does).
The same rows always give the same bytes: rows are sorted and the gzip header has no time.
"""

import gzip
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Table", "TableError", "join_values", "read_rows", "split_values", "write_table"]

_SEPARATOR = re.compile(r"(?<!\\)\|")


class TableError(ValueError):
    """An extract can't be written or read as it should be."""


@dataclass(frozen=True)
class Table:
    """What was written: rows without header and column line, and the text's SHA-256."""

    name: str
    rows: int
    sha256: str
    bytes: int


def join_values(values: Iterable[str]) -> str:
    r"""Put several values into one cell, in the order given.

    >>> join_values(["ALS", "a|b"])
    'ALS|a\\|b'
    """
    return "|".join(value.replace("|", r"\|") for value in values)


def split_values(cell: str) -> tuple[str, ...]:
    r"""Take a cell of several values apart again.

    >>> split_values("ALS|a\\|b")
    ('ALS', 'a|b')
    """
    if not cell:
        return ()
    return tuple(part.replace(r"\|", "|") for part in _SEPARATOR.split(cell))


def write_table(
    path: Path, header: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> Table:
    """Write one extract.

    Args:
        path: where to; ends in ``.tsv.gz``.
        header: YAML text, written as ``#`` lines.
        columns: column names.
        rows: cells, one per column; they are sorted here.

    Raises:
        TableError: a row has the wrong number of cells, or a cell holds a tab or line break.
    """
    lines = ["# " + line if line else "#" for line in header.strip().splitlines()]
    lines.append("\t".join(columns))
    count = 0
    for row in sorted(tuple(row) for row in rows):
        line = "\t".join(row)
        if line.count("\t") != len(columns) - 1 or "\n" in line or "\r" in line:
            raise TableError(f"{path.name}: row {row!r} does not fit the columns {columns!r}")
        lines.append(line)
        count += 1
    text = ("\n".join(lines) + "\n").encode()
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(text)
    path.write_bytes(buffer.getvalue())
    return Table(path.name, count, hashlib.sha256(text).hexdigest(), len(buffer.getvalue()))


def read_rows(path: Path) -> Iterator[Mapping[str, str]]:
    """Read an extract, row by row, as column name → cell; an empty cell is an empty string.

    Raises:
        TableError: the file has no column line or a row of another width.
    """
    columns: list[str] = []
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            if not columns and line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if not columns:
                columns = cells
                continue
            if len(cells) != len(columns):
                raise TableError(
                    f"{path}:{number}: {len(cells)} cells where {len(columns)} columns are named; "
                    "rebuild the extracts with `python -m ontologies.build`"
                )
            yield dict(zip(columns, cells, strict=True))
    if not columns:
        raise TableError(f"{path}: no column line; rebuild with `python -m ontologies.build`")
