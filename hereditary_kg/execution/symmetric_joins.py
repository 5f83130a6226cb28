"""Both sides of a join at once, where both are large.

Each batch that comes of one side meets all that has come of the other, so that no side waits for
the other. When one side has ended, nothing of the other has to be kept any more: the rest of it
streams past what there is.

Source: Wilschut and Apers, Dataflow Query Execution in a Parallel Main-Memory Environment,
PDIS 1991; pipelined in federations by Acosta et al., ANAPSID, ISWC 2011.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import polars as pl

from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.streams import Batches, ReadAhead, rebatch
from hereditary_kg.rdf.solutions import empty_solutions

__all__ = ["Side", "pair_as_they_come"]

# Part of the query's memory past which the left side waits for the right one to end.
_LARGEST_SHARE = 0.25


class Side:
    """One side of a join, and what has come of it.

    Args:
        batches: its rows.
        names: their columns.
        held: counts what is kept of them.
    """

    def __init__(self, batches: Batches, names: Sequence[str], held: Holding) -> None:
        self.has_ended = False
        self.kept = empty_solutions(names)
        self.stream = ReadAhead(rebatch(batches, names))
        self._held = held

    @property
    def is_large(self) -> bool:
        """Whether it takes much of the memory that the query may hold."""
        return self._held.share > _LARGEST_SHARE

    async def take(self) -> pl.DataFrame | None:
        """Take the next batch, None where there are no more."""
        batch = await anext(self.stream, None)
        self.has_ended = batch is None
        return batch

    def keep(self, batch: pl.DataFrame) -> None:
        """Keep a batch for what comes of the other side.

        Raises:
            MemoryLimitError: that is too much.
        """
        self._held.add(batch)
        self.kept = pl.concat([self.kept, batch])

    def forget(self) -> None:
        """Keep nothing any more."""
        self.kept = self.kept.clear()
        self._held.release()


async def pair_as_they_come(
    left: Side, right: Side
) -> AsyncGenerator[tuple[pl.DataFrame, pl.DataFrame], None]:
    """Yield rows of both sides so that each left row meets each right row once.

    Raises:
        MemoryLimitError: one side had to be kept for the other, and is too much.
    """
    async with aclosing(left.stream), aclosing(right.stream):
        while not (left.has_ended and right.has_ended):
            for side in await _ready(left, right):
                other = right if side is left else left
                batch = await side.take()
                if batch is None:
                    other.forget()
                    if not side.kept.height:
                        return
                    continue
                if not other.has_ended:
                    side.keep(batch)
                if other.kept.height:
                    yield (batch, other.kept) if side is left else (other.kept, batch)


async def _ready(left: Side, right: Side) -> list[Side]:
    """Wait until something comes; the left side waits where it would take too much memory."""
    sides = [side for side in (left, right) if not side.has_ended]
    if len(sides) > 1 and left.is_large:
        sides = [right]
    coming = [side.stream.coming() for side in sides]
    await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
    return [side for side, item in zip(sides, coming, strict=True) if item.done()]
