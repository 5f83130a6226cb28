"""Rows that have been handed on already, remembered by their hashes."""

import polars as pl

from hereditary_kg.execution.memory import Holding

__all__ = ["RowBag"]

_HASH = "hash"
_ROW_BYTES = 20


class RowBag:
    """A multiset of rows that can only be taken out again.

    A row is known by 64 bits: that one of 3 million others is taken for one of a million in
    the bag has a chance of 2 in 10 million. Whoever counts the rows notices.

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
        self._added: list[pl.Series] = []
        self._counts = pl.DataFrame(schema={_HASH: pl.UInt64(), "left": pl.Int64()})

    def add(self, frame: pl.DataFrame) -> None:
        """Put rows into it.

        Raises:
            MemoryLimitError: they are too many.
        """
        if not frame.height:
            return
        self._held.take(frame.height * _ROW_BYTES, frame.height)
        self._added.append(frame.hash_rows())
        self.rows += frame.height

    def take_out(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give the rows of ``frame`` that are not in the bag; take those that are out of it.

        This takes time for every row in the bag: large frames are better than many.
        """
        if not self.rows or not frame.height:
            return frame
        if self._added:
            new = (
                pl.concat(self._added)
                .alias(_HASH)
                .to_frame()
                .with_columns(left=pl.lit(1, pl.Int64))
            )
            self._counts = pl.concat([self._counts, new]).group_by(_HASH).agg(pl.col("left").sum())
            self._added = []
        hashes = frame.hash_rows().alias(_HASH).to_frame()
        rows = hashes.with_columns(occurrence=pl.int_range(pl.len()).over(_HASH))
        found = rows.join(self._counts, on=_HASH, how="left", maintain_order="left")
        taken = (found["left"].fill_null(0) > found["occurrence"]).alias("taken")
        used = rows.filter(taken).group_by(_HASH).agg(used=pl.len().cast(pl.Int64))
        left = self._counts.join(used, on=_HASH, how="left").select(
            _HASH, left=pl.col("left") - pl.col("used").fill_null(0)
        )
        self._counts = left.filter(pl.col("left") > 0)
        self.rows -= int(taken.sum())
        return frame.filter(~taken)
