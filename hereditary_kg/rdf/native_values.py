"""Columns of canonical terms as columns of plain values.

Source: XML Schema Definition Language 1.1, part 2 (lexical forms).
"""

from collections.abc import Callable

import polars as pl

from hereditary_kg.rdf.datatypes import FLOATS, INTEGERS
from hereditary_kg.rdf.term_columns import datatype_of, is_literal, lexical_form_of, plain_text_of
from hereditary_kg.rdf.terms import XSD

__all__ = ["native_columns"]

_BOOLEAN = frozenset((XSD + "boolean",))
_DATE = frozenset((XSD + "date",))
_DATE_TIME = frozenset((XSD + "dateTime", XSD + "dateTimeStamp"))
_DECIMAL_DIGITS = 38


def native_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn each column into the narrowest Polars type that holds all its values exactly.

    Columns whose bound values are all of one kind become ``Int64`` (xsd:integer and the types
    derived from it), ``Decimal`` (xsd:decimal, alone or with integers), ``Float64``
    (xsd:double, xsd:float), ``Boolean``, ``Date`` (without time zones) or ``Datetime`` in
    microseconds (all without a time zone, or all with one, then in UTC). Where a value is
    ill-formed or out of range, and for everything else, the column becomes text: an IRI
    without its brackets, ``_:label``, or the lexical form. Unbound stays null.

    Args:
        frame: string columns of canonical terms.

    Returns:
        A frame of the same names, order and height.
    """
    if frame.width == 0:
        return frame
    return pl.DataFrame([_native_column(column) for column in frame])


def _native_column(column: pl.Series) -> pl.Series:
    frame = column.alias("term").to_frame()
    term = pl.col("term")
    bound = frame.drop_nulls()
    if bound.height and bound.select(is_literal(term).all()).item():
        datatypes = set(bound.select(datatype_of(term)).to_series().unique())
        lexical = frame.select(lexical_form_of(term)).to_series()
        for family, convert in _CONVERSIONS:
            if datatypes <= family:
                values = convert(lexical)
                if values is not None and values.null_count() == lexical.null_count():
                    return values.alias(column.name)
    return frame.select(plain_text_of(term)).to_series().alias(column.name)


def _to_integers(lexical: pl.Series) -> pl.Series | None:
    if not _all_match(lexical, r"^[+-]?[0-9]+$"):
        return None
    return lexical.cast(pl.Int64, strict=False)


def _to_decimals(lexical: pl.Series) -> pl.Series | None:
    if not _all_match(lexical, r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"):
        return None
    # Polars rounds what a scale cannot hold, so the scale is taken from the longest fraction.
    fractions = lexical.str.extract(r"\.([0-9]*)$").str.len_bytes().max()
    scale = int(fractions) if isinstance(fractions, int) else 0
    wholes = lexical.str.extract(r"^[+-]?([0-9]*)").str.len_bytes().max()
    if not isinstance(wholes, int) or wholes + scale > _DECIMAL_DIGITS:
        return None
    return lexical.cast(pl.Decimal(_DECIMAL_DIGITS, scale), strict=False)


def _to_floats(lexical: pl.Series) -> pl.Series | None:
    number = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    if not _all_match(lexical, f"^(?:{number}|[+-]?INF|NaN)$"):
        return None
    return lexical.cast(pl.Float64, strict=False)


def _to_booleans(lexical: pl.Series) -> pl.Series | None:
    if not _all_match(lexical, "^(?:true|false|1|0)$"):
        return None
    return lexical.is_in(["true", "1"])


def _to_dates(lexical: pl.Series) -> pl.Series | None:
    if not _all_match(lexical, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"):
        return None
    return lexical.str.to_date("%Y-%m-%d", strict=False)


def _to_date_times(lexical: pl.Series) -> pl.Series | None:
    local = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    if _all_match(lexical, f"^{local}$"):
        return lexical.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    if _all_match(lexical, rf"^{local}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})$"):
        return lexical.str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False
        )
    return None


def _all_match(lexical: pl.Series, pattern: str) -> bool:
    return bool(lexical.str.contains(pattern).all())


_CONVERSIONS: tuple[tuple[frozenset[str], Callable[[pl.Series], pl.Series | None]], ...] = (
    (INTEGERS, _to_integers),
    (INTEGERS | {XSD + "decimal"}, _to_decimals),
    (FLOATS, _to_floats),
    (_BOOLEAN, _to_booleans),
    (_DATE, _to_dates),
    (_DATE_TIME, _to_date_times),
)
