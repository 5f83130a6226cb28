"""Writing solution sequences and booleans as SPARQL result documents.

Every row is composed by column expressions; no term becomes a Python object.

Source: SPARQL 1.1 Query Results JSON Format; SPARQL Query Results XML Format (Second
Edition); SPARQL 1.1 Query Results CSV and TSV Formats.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from xml.sax.saxutils import quoteattr

import orjson
import polars as pl

from hereditary_kg.rdf.errors import ResultError
from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.solutions import restrict
from hereditary_kg.rdf.term_columns import (
    datatype_of,
    is_iri,
    is_literal,
    language_of,
    plain_text_of,
    quoted_form_of,
)

__all__ = ["SolutionWriter", "find_illegal_in_xml", "write_boolean"]

_XML_BEGIN = '<?xml version="1.0"?>\n<sparql xmlns="http://www.w3.org/2005/sparql-results#">'
_CONTROLS = [chr(code) for code in range(0x20)]
_JSON_CONTROLS = [f"\\u{code:04x}" for code in range(0x20)]
_ILLEGAL_IN_XML = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
# Parsers read a raw carriage return as a line feed, and some trim raw white space at the ends
# (Oxigraph 0.5 does), so that all of it there is written as references.
_CANONICAL_ESCAPED = ["&", "<", ">", "\\\\", '\\"', "\\t", "\\n", "\\r"]
_XML_ESCAPED = ["&amp;", "&lt;", "&gt;", "\\", '"', "&#9;", "&#10;", "&#13;"]


class SolutionWriter:
    r"""Writes one solution sequence: a header, any number of frames, a footer.

    Args:
        variables: the columns in the order of the document, without ``?``.
        result_format: ``json``, ``xml``, ``tsv`` or ``csv``.

    >>> writer = SolutionWriter(["x"], "csv")
    >>> writer.header() + writer.rows(pl.DataFrame({"x": ['"a"@en']})) + writer.footer()
    b'x\r\na\r\n'
    """

    def __init__(self, variables: Sequence[str], result_format: str | ResultFormat) -> None:
        self._variables = list(variables)
        self._format = ResultFormat.named(result_format)
        self._write_rows = _ROW_WRITERS[self._format]
        self._first = True

    def header(self) -> bytes:
        """Write what stands before the rows."""
        names = self._variables
        match self._format:
            case ResultFormat.TSV:
                return ("\t".join(f"?{name}" for name in names) + "\n").encode()
            case ResultFormat.CSV:
                return (",".join(names) + "\r\n").encode()
            case ResultFormat.JSON:
                head = orjson.dumps({"vars": names})
                return b'{"head":' + head + b',"results":{"bindings":[\n'
            case ResultFormat.XML:
                variables = "".join(f"<variable name={quoteattr(name)}/>" for name in names)
                return f"{_XML_BEGIN}\n<head>{variables}</head>\n<results>\n".encode()

    def rows(self, frame: pl.DataFrame) -> bytes:
        """Write the rows of a frame of canonical terms.

        Args:
            frame: string columns; a variable without a column is unbound in every row, and a
                column that is no variable is left out.

        Raises:
            ResultError: a term holds a character that XML cannot hold, in an XML document.
        """
        if frame.height == 0:
            return b""
        written = self._write_rows(restrict(frame, self._variables))
        if self._format is ResultFormat.JSON and not self._first:
            written = b",\n" + written
        self._first = False
        return written

    def footer(self) -> bytes:
        """Write what stands after the rows."""
        match self._format:
            case ResultFormat.JSON:
                return b"\n]}}\n"
            case ResultFormat.XML:
                return b"</results>\n</sparql>\n"
            case _:
                return b""


def write_boolean(value: bool, result_format: str | ResultFormat) -> bytes:
    """Write the answer to an ASK query.

    TSV and CSV define no boolean; the bare word is written, as Oxigraph and Jena do.
    """
    word = "true" if value else "false"
    match ResultFormat.named(result_format):
        case ResultFormat.JSON:
            return f'{{"head":{{}},"boolean":{word}}}\n'.encode()
        case ResultFormat.XML:
            return f"{_XML_BEGIN}\n<head/>\n<boolean>{word}</boolean>\n</sparql>\n".encode()
        case ResultFormat.TSV | ResultFormat.CSV:
            return f"{word}\n".encode()


def find_illegal_in_xml(column: pl.Series) -> str | None:
    """Find a character that XML 1.0 cannot hold, as ``U+000C``; None if there is none."""
    found = column.str.extract(f"({_ILLEGAL_IN_XML})").drop_nulls()
    return f"U+{ord(found[0]):04X}" if len(found) else None


def _write_tsv(frame: pl.DataFrame) -> bytes:
    if frame.width == 0:
        return b"\n" * frame.height
    buffer = BytesIO()
    frame.write_csv(buffer, include_header=False, separator="\t", quote_style="never")
    return buffer.getvalue()


def _write_csv(frame: pl.DataFrame) -> bytes:
    if frame.width == 0:
        return b"\r\n" * frame.height
    buffer = BytesIO()
    texts = frame.select(plain_text_of(pl.col(name)).alias(name) for name in frame.columns)
    texts.write_csv(buffer, include_header=False, line_terminator="\r\n")
    return buffer.getvalue()


def _write_json(frame: pl.DataFrame) -> bytes:
    members = [
        pl.concat_str(pl.lit(orjson.dumps(name).decode() + ":"), _json_term(pl.col(name)))
        for name in frame.columns
    ]
    rows = _compose_rows(frame, members, ",", "{", "}")
    if rows.str.contains(r"[\x00-\x1f]").any():
        rows = rows.str.replace_many(_CONTROLS, _JSON_CONTROLS)
    return _join_lines(rows, ",\n").removesuffix(b",\n")


def _json_term(term: pl.Expr) -> pl.Expr:
    """Write a term as a JSON object; null where it is unbound.

    The escapes of canonical literals are JSON's, and IRIs hold nothing that JSON escapes.
    """
    iri = pl.concat_str(
        pl.lit('{"type":"uri","value":"'),
        term.str.strip_prefix("<").str.strip_suffix(">"),
        pl.lit('"}'),
    )
    blank = pl.concat_str(
        pl.lit('{"type":"bnode","value":"'), term.str.strip_prefix("_:"), pl.lit('"}')
    )
    literal = (
        pl.when(term.str.ends_with('"'))
        .then(term)
        .when(term.str.ends_with(">"))
        .then(term.str.replace(r'"\^\^<([^"]*)>$', '","datatype":"${1}"'))
        .otherwise(term.str.replace('"@([^"]*)$', '","xml:lang":"${1}"'))
    )
    return (
        pl.when(is_iri(term))
        .then(iri)
        .when(is_literal(term))
        .then(pl.concat_str(pl.lit('{"type":"literal","value":'), literal, pl.lit("}")))
        .otherwise(blank)
    )


def _write_xml(frame: pl.DataFrame) -> bytes:
    for column in frame:
        illegal = find_illegal_in_xml(column)
        if illegal is not None:
            raise ResultError(
                f"?{column.name} holds the character {illegal}, which XML 1.0 cannot hold; "
                "ask for JSON or TSV results instead"
            )
    bindings = [
        pl.concat_str(
            pl.lit(f"<binding name={quoteattr(name)}>"),
            _xml_term(pl.col(name)),
            pl.lit("</binding>"),
        )
        for name in frame.columns
    ]
    return _join_lines(_compose_rows(frame, bindings, "", "<result>", "</result>"), "\n")


def _xml_term(term: pl.Expr) -> pl.Expr:
    """Write a term as an XML element; null where it is unbound."""
    iri = pl.concat_str(
        pl.lit("<uri>"),
        _escape_xml(term.str.strip_prefix("<").str.strip_suffix(">")),
        pl.lit("</uri>"),
    )
    blank = pl.concat_str(pl.lit("<bnode>"), term.str.strip_prefix("_:"), pl.lit("</bnode>"))
    attribute = (
        pl.when(term.str.ends_with('"'))
        .then(pl.lit(""))
        .when(term.str.ends_with(">"))
        .then(
            pl.concat_str(
                pl.lit(' datatype="'),
                _escape_xml(datatype_of(term)),
                pl.lit('"'),
            )
        )
        .otherwise(pl.concat_str(pl.lit(' xml:lang="'), language_of(term), pl.lit('"')))
    )
    literal = pl.concat_str(
        pl.lit("<literal"),
        attribute,
        pl.lit(">"),
        _escape_xml(quoted_form_of(term)).str.replace("^ ", "&#32;").str.replace(" $", "&#32;"),
        pl.lit("</literal>"),
    )
    return pl.when(is_iri(term)).then(iri).when(is_literal(term)).then(literal).otherwise(blank)


def _escape_xml(text: pl.Expr) -> pl.Expr:
    """Put XML's escapes in place of those of canonical literals (IRIs have none)."""
    return text.str.replace_many(_CANONICAL_ESCAPED, _XML_ESCAPED)


def _compose_rows(
    frame: pl.DataFrame, parts: list[pl.Expr], separator: str, begin: str, end: str
) -> pl.Series:
    """Join the bound parts of each row and put them between `begin` and `end`."""
    if not parts:
        return pl.Series("row", [begin + end]).new_from_index(0, frame.height)
    joined = pl.concat_str(parts, separator=separator, ignore_nulls=True)
    return frame.select(row=pl.concat_str(pl.lit(begin), joined, pl.lit(end)))["row"]


def _join_lines(rows: pl.Series, terminator: str) -> bytes:
    buffer = BytesIO()
    rows.to_frame().write_csv(
        buffer, include_header=False, quote_style="never", line_terminator=terminator
    )
    return buffer.getvalue()


_ROW_WRITERS: dict[ResultFormat, Callable[[pl.DataFrame], bytes]] = {
    ResultFormat.TSV: _write_tsv,
    ResultFormat.CSV: _write_csv,
    ResultFormat.JSON: _write_json,
    ResultFormat.XML: _write_xml,
}
