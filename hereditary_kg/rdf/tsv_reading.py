r"""Reading SPARQL TSV results into columns, while they arrive.

Lines end with ``\n`` (or ``\r\n``) and with nothing else: literals may hold every other
separator that Unicode knows, raw.

Source: SPARQL 1.1 Query Results CSV and TSV Formats, section 4.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import polars as pl

from hereditary_kg.rdf.batching import BatchSize
from hereditary_kg.rdf.canonical import (
    FEW,
    canonicalise_texts,
    canonicalise_tokens,
    check_variables,
    quote_excerpt,
)
from hereditary_kg.rdf.errors import ResultError

__all__ = ["parse_tsv", "parse_tsv_boolean", "read_tsv"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


async def read_tsv(chunks: AsyncIterator[bytes]) -> AsyncGenerator[pl.DataFrame, None]:
    """Read a TSV document; see `read_solutions`.

    Raises:
        ResultError: see `read_solutions`.
    """
    size = BatchSize()
    gathered = bytearray()
    complete = 0
    rows: _Rows | None = None
    async for chunk in chunks:
        line_end = chunk.rfind(b"\n")
        if line_end >= 0:
            complete = len(gathered) + line_end + 1
        gathered += chunk
        if complete and size.reached(complete):
            lines = bytes(gathered[:complete])
            del gathered[:complete]
            complete = 0
            if rows is None:
                header, _, lines = lines.partition(b"\n")
                rows = _Rows(_read_header(header))
            yield rows.parse(lines)
            size.advance()
    if rows is None:
        raise _refuse_document(bytes(gathered))
    if complete:
        yield rows.parse(bytes(gathered[:complete]))
    if len(gathered) > complete:
        raise _refuse_end(rows.lines, bytes(gathered[complete:]))


def parse_tsv(document: bytes) -> pl.DataFrame:
    """Parse a whole TSV document that is in memory, as one from an embedded store is.

    Raises:
        ResultError: the document is malformed or ends in the middle of a line.
    """
    header, newline, lines = document.partition(b"\n")
    if not newline:
        raise _refuse_document(document)
    rows = _Rows(_read_header(header))
    if lines and not lines.endswith(b"\n"):
        raise _refuse_end(rows.lines + lines.count(b"\n"), lines[lines.rfind(b"\n") + 1 :])
    return rows.parse(lines)


def parse_tsv_boolean(document: bytes) -> bool:
    """Read the ``true`` or ``false`` that servers write for an ASK asked for as TSV or CSV.

    The formats define no boolean; this is what Oxigraph, Jena and others write.

    Raises:
        ResultError: the document is neither.
    """
    text = document.removeprefix(_BYTE_ORDER_MARK).strip()
    if text not in {b"true", b"false"}:
        raise ResultError(f"not a boolean but {quote_excerpt(document)}")
    return text == b"true"


def _read_header(line: bytes) -> list[str]:
    line = line.removeprefix(_BYTE_ORDER_MARK).removesuffix(b"\r")
    if not line:
        return []
    try:
        names = line.decode().split("\t")
    except UnicodeDecodeError:
        raise _refuse_document(line) from None
    if not all(name.startswith("?") for name in names):
        raise _refuse_document(line)
    return check_variables([name[1:] for name in names])


def _refuse_document(start: bytes) -> ResultError:
    if not start:
        return ResultError("the TSV document is empty, not even a header came")
    return ResultError(
        f"not a SPARQL TSV document (a line of variables as ?name): {quote_excerpt(start)}"
    )


def _refuse_end(lines: int, rest: bytes) -> ResultError:
    return ResultError(
        f"the TSV document ends in the middle of line {lines + 1}: {quote_excerpt(rest)}"
    )


class _Rows:
    """Parses lines under one header and knows how many have been."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.lines = 1
        self._variables = variables
        self._schema = dict.fromkeys(variables, pl.String())
        # Polars takes data that begin like gzip or zstd for compressed ones; a header of our
        # own in front keeps a server's bytes from being unpacked.
        self._header = "\t".join(variables).encode() + b"\n"

    def parse(self, lines: bytes) -> pl.DataFrame:
        """Parse complete lines."""
        height = lines.count(b"\n")
        if not self._variables:
            if lines.strip(b"\r\n"):
                raise self._refuse_lines(lines)
            frame = pl.DataFrame(height=height)
        elif height == 0:
            frame = pl.DataFrame(schema=self._schema)
        else:
            frame = self._parse_fields(lines, height)
        self.lines += height
        return frame

    def _parse_fields(self, lines: bytes, height: int) -> pl.DataFrame:
        # Polars fills short rows with nulls and refuses long ones: the sum tells of the former.
        if lines.count(b"\t") != height * (len(self._variables) - 1):
            raise self._refuse_lines(lines)
        if height <= FEW:
            return self._parse_few(lines)
        try:
            frame = pl.read_csv(
                self._header + lines,
                separator="\t",
                quote_char=None,
                schema=self._schema,
            )
        except pl.exceptions.PolarsError:
            raise self._refuse_lines(lines) from None
        if frame.height != height:
            raise self._refuse_lines(lines)
        return pl.DataFrame([canonicalise_tokens(column) for column in frame])

    def _parse_few(self, lines: bytes) -> pl.DataFrame:
        """Parse a short document, for which a call into Polars costs more than all its cells."""
        try:
            text = lines.decode()
        except UnicodeDecodeError:
            raise self._refuse_lines(lines) from None
        rows = [line.removesuffix("\r").split("\t") for line in text.split("\n")[:-1]]
        if any(len(row) != len(self._variables) for row in rows):
            raise self._refuse_lines(lines)
        columns = zip(*rows, strict=True)
        return pl.DataFrame(
            {
                name: canonicalise_texts((cell or None for cell in column), name)
                for name, column in zip(self._variables, columns, strict=True)
            },
            schema=self._schema,
        )

    def _refuse_lines(self, lines: bytes) -> ResultError:
        """Say which line is wrong, and how."""
        expected = len(self._variables)
        for number, line in enumerate(lines.split(b"\n")[:-1], self.lines + 1):
            fields = line.count(b"\t") + 1 if expected else len(line.strip(b"\r"))
            if fields != expected:
                return ResultError(
                    f"line {number} of the TSV document has {fields} fields instead of "
                    f"{expected}: {quote_excerpt(line)}"
                )
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return ResultError(
                    f"line {number} of the TSV document is not UTF-8: {error.reason}"
                )
        return ResultError(f"the TSV document cannot be read from line {self.lines + 1} on")
