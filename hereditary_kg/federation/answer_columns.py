"""The columns of an answer, as they were asked for."""

from collections.abc import Sequence

import polars as pl

from hereditary_kg.federation.errors import UnusableAnswerError

__all__ = ["arrange_columns"]


def arrange_columns(batch: pl.DataFrame, variables: Sequence[str]) -> pl.DataFrame:
    """Bring the columns into the order asked for.

    Raises:
        UnusableAnswerError: they are not the columns asked for.
    """
    if batch.columns == list(variables):
        return batch
    if sorted(batch.columns) != sorted(variables):
        raise UnusableAnswerError(
            f"answered the columns {_list(batch.columns)} where {_list(variables)} were asked for"
        )
    return batch.select(variables)


def _list(variables: Sequence[str]) -> str:
    return " ".join(f"?{name}" for name in variables) or "(none)"
