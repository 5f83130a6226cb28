"""Data files: their formats, compression, and the statements in them with exact error places."""

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias
from xml.parsers import expat

from hereditary_kg.sites.errors import LoadError

if TYPE_CHECKING:
    from pyoxigraph import Quad

__all__ = ["DataFile", "identify_file", "read_statements"]

# The names of pyoxigraph.RdfFormat, as texts so that this module loads without it.
_FORMATS = {
    ".ttl": "TURTLE",
    ".nt": "N_TRIPLES",
    ".nq": "N_QUADS",
    ".trig": "TRIG",
    ".rdf": "RDF_XML",
    ".owl": "RDF_XML",
    ".xml": "RDF_XML",
    ".jsonld": "JSON_LD",
}

_EXCERPT_WIDTH = 100
_CHUNK = 1 << 20

ReadObserver: TypeAlias = Callable[[int], None]


@dataclass(frozen=True)
class DataFile:
    """A file that can be loaded.

    Attributes:
        path: where it is.
        format_name: the name of its format in ``pyoxigraph.RdfFormat``.
        compressed: whether it is compressed with gzip.
        size: its size on disk in bytes.
    """

    path: Path
    format_name: str
    compressed: bool
    size: int

    def digest(self) -> str:
        """Compute the SHA-256 of the file as it lies on disk, in hexadecimal."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


def identify_file(path: Path) -> DataFile:
    """Find out a file's format by its name.

    Raises:
        LoadError: there is no such file, or its name has none of the known extensions.
    """
    if not path.exists():
        raise LoadError(path, "there is no such file")
    if not path.is_file():
        raise LoadError(path, "is no file; name the files to load one by one")
    compressed = path.suffix.lower() == ".gz"
    extension = (path.with_suffix("") if compressed else path).suffix.lower()
    if extension not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise LoadError(
            path,
            f"the extension {extension or '(none)'!r} tells no RDF format; known are {known}, "
            "each also with .gz",
        )
    return DataFile(path, _FORMATS[extension], compressed, path.stat().st_size)


def read_statements(
    file: DataFile, *, rename_blank_nodes: bool, on_read: ReadObserver
) -> "Iterator[Quad]":
    """Parse a file, one statement after the other.

    Args:
        file: the file.
        rename_blank_nodes: whether blank node labels give way to random ones.
        on_read: told now and then how many bytes of the file on disk have been read.

    Raises:
        LoadError: the file is broken; with the place, as exactly as the parser knows it.
    """
    from pyoxigraph import RdfFormat, parse  # noqa: PLC0415 (slow to import)

    rdf_format: RdfFormat = getattr(RdfFormat, file.format_name)
    # These two parsers report no place: fed line by line, the last line read is the place.
    line_wise = file.format_name in {"RDF_XML", "JSON_LD"}
    try:
        if file.format_name == "RDF_XML":
            _check_well_formed(file)
        with _open(file) as (text, raw):
            source = _Source(text, raw, on_read, line_wise=line_wise)
            try:
                yield from parse(
                    source,  # type: ignore[arg-type]  # any object with read() will do
                    format=rdf_format,
                    rename_blank_nodes=rename_blank_nodes,
                )
            except SyntaxError as error:
                raise _explain(file, error, source) from error
    except (EOFError, zlib.error) as error:
        raise LoadError(file.path, f"the compressed file is broken: {error}") from error
    except gzip.BadGzipFile as error:
        raise LoadError(file.path, f"is not compressed with gzip: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise LoadError(file.path, f"cannot be read: {reason}") from error


@contextmanager
def _open(file: DataFile) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open a file for its decompressed bytes; the second stream is the file on disk."""
    with file.path.open("rb") as raw:
        if not file.compressed:
            yield raw, raw
            return
        with gzip.GzipFile(fileobj=raw) as stream, io.BufferedReader(stream, _CHUNK) as text:
            yield text, raw


class _Source:
    """What the parser reads from; counts bytes and lines."""

    def __init__(
        self, text: IO[bytes], raw: IO[bytes], on_read: ReadObserver, *, line_wise: bool
    ) -> None:
        self._take: Callable[[int], bytes] = text.readline if line_wise else text.read
        self._raw = raw
        self._on_read = on_read
        self._unreported = 0
        self._ended_lines = 0
        self.line = 1

    def read(self, size: int = -1) -> bytes:
        part = self._take(size)
        if part:
            self._ended_lines += part.count(b"\n")
            self.line = self._ended_lines + (not part.endswith(b"\n"))
        self._unreported += len(part)
        if self._unreported >= _CHUNK or not part:
            self._unreported = 0
            self._on_read(self._raw.tell())
        return part


def _check_well_formed(file: DataFile) -> None:
    """Refuse XML that is not well-formed; Oxigraph takes a cut-off document for a whole one."""
    parser = expat.ParserCreate()
    try:
        with _open(file) as (text, _):
            while part := text.read(_CHUNK):
                parser.Parse(part, False)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        reason = f"not well-formed XML: {expat.ErrorString(error.code)}"
        raise _place(file, reason, error.lineno, error.offset + 1) from error


_POSITION = re.compile(
    r"^Parser error at line \d+ (?:column \d+|between columns \d+ and (?:column )?\d+): "
)


def _explain(file: DataFile, error: SyntaxError, source: _Source) -> LoadError:
    message = _POSITION.sub("", error.msg or str(error))
    if "LoadDocumentCallback" in message:
        return _place(
            file,
            "refers to a remote @context, and a site fetches nothing while it loads; put the "
            "context itself into the file",
            *_find(file, re.compile(rb'"@(?:context|import)"\s*:\s*\[?\s*"')),
        )
    if "No scheme found" in message:
        message += " (a relative IRI; declare a base in the file)"
    if error.lineno is None:
        return _place(file, message, source.line, None)
    return _place(file, message, error.lineno, error.offset)


def _find(file: DataFile, pattern: re.Pattern[bytes]) -> tuple[int | None, int | None]:
    with _open(file) as (text, _):
        for number, line in enumerate(text, 1):
            match = pattern.search(line)
            if match:
                return number, len(line[: match.start()].decode(errors="replace")) + 1
    return None, None


def _place(file: DataFile, reason: str, line: int | None, column: int | None) -> LoadError:
    excerpt = ""
    if line is not None:
        excerpt = _excerpt(file, line, column)
    return LoadError(file.path, reason, line=line, column=column, excerpt=excerpt)


def _excerpt(file: DataFile, number: int, column: int | None) -> str:
    """Show a line with a caret under a column, both cut to a screen's width."""
    try:
        with _open(file) as (text, _):
            line = next((line for at, line in enumerate(text, 1) if at == number), b"")
    except (OSError, EOFError, zlib.error):
        return ""
    shown = line.decode("utf-8", errors="replace").rstrip("\r\n").replace("\t", " ")
    place = (column or 1) - 1
    start = max(0, place - _EXCERPT_WIDTH // 2)
    shown = shown[start : start + _EXCERPT_WIDTH]
    if not shown.strip():
        return ""
    return f"  {shown}" + (f"\n  {' ' * (place - start)}^" if column is not None else "")
