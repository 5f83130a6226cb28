"""What particular stores do in their own way, put right where the answer says whose it is.

Virtuoso (7.2, as Debian has it, is what this was found with):

- Its TSV is none of SPARQL's: IRIs and literals come as text in quotes, without their kinds.
- It holds booleans as numbers and answers ``"1"^^xsd:boolean`` for ``true``.
- Where its time limit ends a query, it answers what it has with ``X-SQL-State: S1TAT``, newer
  releases with status 206.

Source: OpenLink Virtuoso documentation, Anytime Queries.
"""

import polars as pl

from hereditary_kg.federation.errors import PartialAnswerError, UnusableAnswerError
from hereditary_kg.federation.row_caps import ROW_CAP_HEADER, TIME_CAP_HEADER, TIME_CAP_STATE
from hereditary_kg.federation.transport import TransportResponse
from hereditary_kg.rdf.media_types import ResultFormat
from hereditary_kg.rdf.terms import XSD

__all__ = ["check_dialect", "read_dialect", "stated_row_cap"]

_PARTIAL_CONTENT = 206
_BOOLEANS = {
    f'"{number}"^^<{XSD}boolean>': f'"{word}"^^<{XSD}boolean>'
    for number, word in (("1", "true"), ("0", "false"))
}


def check_dialect(response: TransportResponse) -> None:
    """Refuse an answer that is not whole, or that cannot be read exactly.

    Raises:
        PartialAnswerError: the member says that it gave up before the end.
        UnusableAnswerError: it is Virtuoso's TSV.
    """
    stopped = (response.header(TIME_CAP_HEADER) or "").strip() == TIME_CAP_STATE
    if response.status == _PARTIAL_CONTENT or stopped:
        raise PartialAnswerError(
            "its time limit ended the query, and its answer is what it had until then; raise the "
            "limit (Virtuoso: MaxQueryExecutionTime), or ask for less"
        )
    result_format = ResultFormat.of_media_type(response.media_type)
    if _is_virtuoso(response) and response.status == 200 and result_format is ResultFormat.TSV:
        raise UnusableAnswerError(
            'is a Virtuoso, whose TSV does not say which terms are IRIs; set results = "json" '
            "for this member"
        )


def read_dialect(response: TransportResponse, frame: pl.DataFrame) -> pl.DataFrame:
    """Give solutions with the terms that are meant."""
    if not _is_virtuoso(response) or not frame.width:
        return frame
    return frame.with_columns(pl.all().replace(_BOOLEANS))


def stated_row_cap(response: TransportResponse) -> int | None:
    """Give how many rows the member gives at most, where the answer says so."""
    stated = (response.header(ROW_CAP_HEADER) or "").strip()
    return int(stated) if stated.isascii() and stated.isdigit() else None


def _is_virtuoso(response: TransportResponse) -> bool:
    return (response.header("Server") or "").startswith("Virtuoso")
