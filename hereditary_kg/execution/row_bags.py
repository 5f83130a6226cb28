"""Rows that have been handed on already, remembered by their hashes."""

import polars as pl

from hereditary_kg.execution.memory import Holding

__all__ = ["RowBag"]

# Two hashes of 64 bits: two of 10^8 different rows are taken for one with a chance of 10^-22.
_SEEDS = (0x9E3779B9, 0x85EBCA6B)
_KEYS = ["first", "second"]
_ROW_BYTES = 20


class RowBag:
    """A multiset of rows that can only be taken out again.

    Attributes:
        rows: how many are in it.
    """

    def __init__(self, held: Holding) -> None:
        """Make an empty bag.

        Args:
            held: counts what it needs: 20 bytes a row.
        """
        self.rows = 0
        self._held = held
        self._added: list[pl.DataFrame] = []
        self._counts = pl.DataFrame(
            schema={**dict.fromkeys(_KEYS, pl.UInt64()), "left": pl.Int64()}
        )

    def add(self, frame: pl.DataFrame) -> None:
        """Put rows into it.

        Raises:
            MemoryLimitError: they are too many.
        """
        if not frame.height:
            return
        self._held.take(frame.height * _ROW_BYTES, frame.height)
        self._added.append(_hashes(frame))
        self.rows += frame.height

    def take_out(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the rows of ``frame`` that are not in the bag; take those that are out of it."""
        if not self.rows or not frame.height:
            return frame
        if self._added:
            self._counts = pl.concat(self._added).group_by(_KEYS).agg(left=pl.len().cast(pl.Int64))
            self._added = []
        keys = _hashes(frame).with_columns(occurrence=pl.int_range(pl.len()).over(_KEYS))
        found = keys.join(self._counts, on=_KEYS, how="left", maintain_order="left")
        taken = (found["left"].fill_null(0) > found["occurrence"]).alias("taken")
        used = keys.filter(taken).group_by(_KEYS).agg(used=pl.len().cast(pl.Int64))
        self._counts = self._counts.join(used, on=_KEYS, how="left").select(
            *_KEYS, left=pl.col("left") - pl.col("used").fill_null(0)
        )
        self.rows -= int(taken.sum())
        return frame.filter(~taken)


def _hashes(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(
        [frame.hash_rows(seed).alias(name) for seed, name in zip(_SEEDS, _KEYS, strict=True)]
    )
