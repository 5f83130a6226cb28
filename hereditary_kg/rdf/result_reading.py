"""Reading the documents that answer SPARQL queries, as they arrive over a network.

Solutions become frames of canonical terms (`hereditary_kg.rdf.terms`): one string column a
variable, null for unbound. Every reader tells a whole document from one that was cut off,
with one exception that lies in the format: a TSV document cut exactly at the end of a line is
a shorter TSV document. There the transport has to notice (HTTP does: by Content-Length or by
the last chunk of chunked encoding, and aiohttp raises).
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import polars as pl

from hereditary_kg.rdf.canonical import quote_excerpt
from hereditary_kg.rdf.errors import ResultError
from hereditary_kg.rdf.json_reading import parse_json_boolean, read_json
from hereditary_kg.rdf.media_types import ResultFormat, essence
from hereditary_kg.rdf.tsv_reading import parse_tsv, parse_tsv_boolean, read_tsv
from hereditary_kg.rdf.xml_reading import parse_xml_boolean, read_xml

__all__ = ["ResultError", "parse_tsv", "read_boolean", "read_solutions"]

_READERS = {
    ResultFormat.TSV: read_tsv,
    ResultFormat.JSON: read_json,
    ResultFormat.XML: read_xml,
}
_BOOLEAN_PARSERS = {
    ResultFormat.TSV: parse_tsv_boolean,
    ResultFormat.CSV: parse_tsv_boolean,
    ResultFormat.JSON: parse_json_boolean,
    ResultFormat.XML: parse_xml_boolean,
}


async def read_solutions(
    chunks: AsyncIterator[bytes], media_type: str
) -> AsyncGenerator[pl.DataFrame, None]:
    """Read a solution sequence from its document.

    Args:
        chunks: the document in pieces of any size. They are taken as they come: the first
            rows are yielded when they are there, later ones in batches of up to about 2 MB.
        media_type: the Content-Type of the answer; TSV, JSON and XML results are read.

    Yields:
        Frames of string columns, one a variable in the document's order. The first frame has
        the columns, and may have no rows; a sequence without variables has frames of no
        columns and some height. Rows that precede a defect are yielded before it is raised.

    Raises:
        ResultError: the document is of another type, malformed, or ends too early; the
            message quotes its first 200 characters, or the line or cell that is wrong.
    """
    result_format = ResultFormat.of_media_type(media_type)
    if result_format not in _READERS:
        raise await _refuse_type(chunks, media_type)
    _check_charset(media_type)
    async with aclosing(_READERS[result_format](chunks)) as frames:
        async for frame in frames:
            yield frame


async def read_boolean(chunks: AsyncIterator[bytes], media_type: str) -> bool:
    """Read the answer to an ASK query from its document.

    Args:
        chunks: the document in pieces of any size.
        media_type: the Content-Type of the answer. For TSV and CSV, which define no boolean,
            the bare words ``true`` and ``false`` are read.

    Raises:
        ResultError: the document is of another type, malformed, cut off or no boolean.
    """
    result_format = ResultFormat.of_media_type(media_type)
    if result_format is None:
        raise await _refuse_type(chunks, media_type)
    _check_charset(media_type)
    document = b"".join([chunk async for chunk in chunks])
    return _BOOLEAN_PARSERS[result_format](document)


async def _refuse_type(chunks: AsyncIterator[bytes], media_type: str) -> ResultError:
    start = b""
    async for chunk in chunks:
        start += chunk
        if len(start) >= 1000:
            break
    return ResultError(
        f"the answer is of type {essence(media_type) or 'unknown'}, "
        f"which holds no SPARQL results that are read here: {quote_excerpt(start)}"
    )


def _check_charset(media_type: str) -> None:
    for parameter in media_type.split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
            if charset not in {"utf-8", "utf8", "us-ascii"}:
                raise ResultError(f"the answer is in {charset}; only UTF-8 is read")
