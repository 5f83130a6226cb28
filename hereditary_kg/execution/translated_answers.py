"""Columns in a member's own terms: the user's in answers, the member's in bindings.

A member that is asked in its own codes answers in them (`plan.Fetch.translated`). Each row
becomes as many as its codes have of the user's.
"""

from collections.abc import Mapping
from itertools import chain

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
            table = translation.table.rename({NATIVE: _FOUND})
            keys = keys.join(table, left_on=variable.name, right_on=USER, maintain_order="left")
            keys = keys.with_columns(keys[_FOUND].alias(variable.name)).drop(_FOUND)
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
    for variable, translation in translated.items():
        if variable.name in frame.columns:
            frame = _translated(frame, variable.name, translation)
    if keys is not None and not all(each.is_single for each in translated.values()):
        # A code may become others of the user's than those that it was asked for.
        frame = frame.join(keys, on=keys.columns, how="semi", maintain_order="left")
    return frame


def _translated(frame: pl.DataFrame, name: str, translation: Translation) -> pl.DataFrame:
    terms = frame[name]
    if len(terms) <= _WORTH_A_JOIN:
        return _translated_one_by_one(frame, name, translation)
    named = terms.drop_nulls().unique()
    # Blank nodes stay as they are; other terms have come to the data since all were asked for.
    new = named.filter(~(named.is_in(translation.table[NATIVE].implode()) | _is_blank(named)))
    table = translation.table
    if len(new):
        table = pl.concat([table, translation.table_of(new.to_list())])
    found = frame.join(
        table.rename({USER: _FOUND}),
        left_on=name,
        right_on=NATIVE,
        how="left",
        maintain_order="left",
    )
    users = found[_FOUND]
    if users.null_count():
        users = users.zip_with(users.is_not_null(), found[name])
    return found.with_columns(users.alias(name)).drop(_FOUND)


def _is_blank(terms: pl.Series) -> pl.Series:
    return terms.str.starts_with("_:")


def _translated_one_by_one(
    frame: pl.DataFrame, name: str, translation: Translation
) -> pl.DataFrame:
    terms = frame[name].to_list()
    found = list(map(translation.by_native.get, terms))
    every = [
        _users_of(term, translation) if users is None else users
        for users, term in zip(found, terms, strict=True)
    ]
    users = list(chain.from_iterable(every))
    if len(users) > len(terms):
        frame = frame[[row for row, each in enumerate(every) for _ in each]]
    return frame.with_columns(pl.Series(name, users, pl.String))


def _users_of(term: str | None, translation: Translation) -> tuple[str | None, ...]:
    """Translate what is in no table: unbound, a blank node, or new."""
    if term is None or term.startswith("_:"):
        return (term,)
    return translation.users_of(term)
