"""Columns in a member's own terms: the user's in answers, the member's in bindings.

A member that is asked in its own codes answers in them (`plan.Fetch.translated`). Each row
becomes as many as its codes have of the user's.
"""

from collections.abc import Mapping

import polars as pl

from hereditary_kg.semantics.translation import NATIVE, USER, Translation
from hereditary_kg.sparql.algebra import Variable

__all__ = ["native_bindings", "translated_rows"]

# No variable has a dot in its name.
_FOUND = ".found"
# Fewer terms are looked up one by one faster than a join begins.
_WORTH_A_JOIN = 2048


def native_bindings(keys: pl.DataFrame, translated: Mapping[Variable, Translation]) -> pl.DataFrame:
    """Give bindings in a member's own terms, each once.

    Args:
        keys: bindings in the user's terms, nothing unbound.
        translated: the columns that the member gives in its own.

    Returns:
        The same columns; without what no term of the member's becomes.
    """
    columns = keys.columns
    for variable, translation in translated.items():
        if variable.name in columns:
            keys = keys.join(
                translation.table,
                left_on=variable.name,
                right_on=USER,
                maintain_order="left",
            )
            keys = keys.with_columns(pl.col(NATIVE).alias(variable.name)).drop(NATIVE)
    return keys.select(columns).unique(maintain_order=True)


def translated_rows(
    frame: pl.DataFrame,
    translated: Mapping[Variable, Translation],
    keys: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Translate a member's rows, in their order.

    Args:
        frame: the rows.
        translated: the columns that are in the member's terms.
        keys: the bindings in the user's terms that the rows are asked for; None for all rows.

    Returns:
        The rows in the user's terms, those of ``keys`` alone.
    """
    names = frame.columns
    for variable, translation in translated.items():
        if variable.name in names:
            frame = _translated(frame, variable.name, translation)
    if keys is not None and not all(each.is_single for each in translated.values()):
        # A code may become others of the user's than those that it was asked for.
        frame = frame.join(keys, on=keys.columns, how="semi", maintain_order="left")
    return frame.select(names)


def _translated(frame: pl.DataFrame, name: str, translation: Translation) -> pl.DataFrame:
    terms = frame[name]
    if translation.is_single:
        users = _one_each(terms, translation)
        if not users.null_count():
            return frame.with_columns(users)
    table = translation.table
    # Blank nodes stay as they are; other terms have come to the data since all were asked for.
    named = terms.drop_nulls().unique()
    new = named.filter(~(named.is_in(table[NATIVE].implode()) | named.str.starts_with("_:")))
    if len(new):
        table = pl.concat([table, translation.table_of(new.to_list())])
    found = _looked_up(frame, name, table)
    return found.with_columns(pl.coalesce(_FOUND, name).alias(name)).drop(_FOUND)


def _one_each(terms: pl.Series, translation: Translation) -> pl.Series:
    """Give the user's term for each of the member's, null where none is known."""
    if len(terms) > _WORTH_A_JOIN:
        return _looked_up(terms.to_frame(), terms.name, translation.table)[_FOUND].rename(
            terms.name
        )
    known = translation.by_native
    return pl.Series(terms.name, [known.get(term) for term in terms.to_list()], pl.String)


def _looked_up(frame: pl.DataFrame, name: str, table: pl.DataFrame) -> pl.DataFrame:
    return frame.join(
        table.rename({USER: _FOUND}),
        left_on=name,
        right_on=NATIVE,
        how="left",
        maintain_order="left",
    )
