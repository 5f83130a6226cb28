"""Files of data that can be converted: what they are by their names, and how they are opened."""

import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, cast

from hereditary_kg.semantics.errors import UnreadableFileError

__all__ = ["DataFormat", "DataKind", "describe_file", "open_input", "open_packed"]


class DataKind(StrEnum):
    """What sort of data a file holds."""

    RDF = "rdf"
    TABLE = "table"
    PHENOPACKETS = "phenopackets"


_KINDS = {
    **dict.fromkeys(("ttl", "nt", "nq", "trig", "rdf", "owl", "xml", "jsonld"), DataKind.RDF),
    **dict.fromkeys(("tsv", "csv", "parquet"), DataKind.TABLE),
    **dict.fromkeys(("json", "jsonl", "ndjson"), DataKind.PHENOPACKETS),
}
_PACKINGS = (".gz", ".xz")


@dataclass(frozen=True)
class DataFormat:
    """What a file is.

    Attributes:
        kind: what sort of data it holds.
        extension: of its format, without the dot.
        packing: ``.gz``, ``.xz`` or nothing.
    """

    kind: DataKind
    extension: str
    packing: str = ""


def describe_file(path: Path, extension: str | None = None) -> DataFormat:
    """Find out what a file is by its name.

    Args:
        path: the file, which need not be there.
        extension: the format, where the name does not tell it.

    Raises:
        UnreadableFileError: the name tells no known format.
    """
    packing = path.suffix.lower() if path.suffix.lower() in _PACKINGS else ""
    inner = (path.with_suffix("") if packing else path).suffix.lower().removeprefix(".")
    found = extension or inner
    if found not in _KINDS:
        known = ", ".join(f".{name}" for name in _KINDS)
        reason = f"the extension {'.' + found if found else '(none)'!r} tells no format of data."
        remedy = f"Known are {known}, each also with .gz or .xz."
        raise UnreadableFileError(str(path), reason, remedy)
    return DataFormat(_KINDS[found], found, packing)


@contextmanager
def open_input(path: Path, packing: str) -> Iterator[IO[bytes]]:
    """Open a file for its unpacked bytes.

    Raises:
        UnreadableFileError: it cannot be opened, or its compression is damaged.
    """
    try:
        with open_packed(path.open("rb"), packing, "r") as stream:
            yield stream
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        reason = f"the compressed file is damaged: {error}."
        raise UnreadableFileError(str(path), reason, "Copy it again.") from error
    except FileNotFoundError as error:
        raise UnreadableFileError(str(path), "there is no such file.") from error
    except IsADirectoryError as error:
        raise UnreadableFileError(str(path), "it is a directory.", "Name a file.") from error


@contextmanager
def open_packed(raw: IO[bytes], packing: str, mode: str) -> Iterator[IO[bytes]]:
    """Open a stream for its unpacked bytes; the raw one is closed where it was opened to be read.

    Args:
        raw: the packed bytes.
        packing: as in `DataFormat`.
        mode: ``r`` or ``w``.
    """
    try:
        if packing == ".gz":
            # No name and no time: the same data give the same bytes.
            with gzip.GzipFile("", f"{mode}b", fileobj=raw, mtime=0) as stream:
                yield cast("IO[bytes]", stream)
        elif packing == ".xz":
            with lzma.LZMAFile(raw, mode) as packed:
                yield packed
        else:
            yield raw
    finally:
        if mode == "r":
            raw.close()
