"""Hash joins whose first rows do not wait for the whole of either side.

Both sides are fetched at once. Until one of them ends, both are gathered, and what is new of
either is joined with all of the other one: again whenever there is twice as much, so that all
this costs no more than one join does. Then the rest of the longer side streams past the whole of
the shorter one. The side that is expected to be the longer one waits for the other in between,
so that little of it is gathered.

Source: Urhan and Franklin, XJoin: A Reactively-Scheduled Pipelined Join Operator, IEEE Data
Engineering Bulletin 23(2), 2000; without what it does on disk.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import polars as pl

from hereditary_kg.execution.memory import Holding
from hereditary_kg.execution.streams import Batches, merge, rebatch
from hereditary_kg.rdf.solutions import empty_solutions, unite_solutions

__all__ = ["Pairs", "Side", "pair_sides"]

Pairs = AsyncGenerator[tuple[pl.DataFrame, pl.DataFrame], None]

# Rows that the larger side may be ahead: enough to find the first rows of the join among.
_AHEAD = 16_384
# Rows of both sides together that are joined for the first time.
_FIRST_ROWS = 512


@dataclass(eq=False)
class Side:
    """One side of a join, while it comes.

    Attributes:
        batches: what is still to come.
        names: the columns.
        held: counts what is gathered.
        expected: how many rows it may have in all.
        fresh: what has come and was not joined yet, counted already.
        joined: what has come before.
        rows: how many there are of both.
    """

    batches: Batches
    names: Sequence[str]
    held: Holding
    expected: float
    fresh: list[pl.DataFrame] = field(default_factory=list)
    joined: pl.DataFrame = field(init=False)
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.joined = empty_solutions(self.names)
        self.rows = sum(frame.height for frame in self.fresh)
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    def gather(self, batch: pl.DataFrame) -> None:
        """Keep a batch.

        Raises:
            MemoryLimitError: that is too much.
        """
        self.held.add(batch)
        self.fresh.append(batch)
        self.rows += batch.height

    def take_fresh(self) -> pl.DataFrame:
        """Give what was not joined yet; it counts as joined then."""
        new = unite_solutions(self.fresh, self.names)
        self.fresh = []
        self.joined = pl.concat([self.joined, new]) if self.joined.height else new
        return new

    def forget(self) -> None:
        """Keep nothing of what has come."""
        self.joined = empty_solutions(self.names)
        self.held.release()


_Arrivals = AsyncGenerator[tuple[Side, pl.DataFrame | None], None]


async def pair_sides(left: Side, right: Side) -> Pairs:
    """Yield rows of both sides so that every two of them come together once.

    Raises:
        MemoryLimitError: what is gathered is too much.
    """
    small, large = sorted((left, right), key=lambda side: side.expected)
    enough = _FIRST_ROWS
    async with aclosing(merge([_arrivals(small), _arrivals(large)])) as arrivals:
        while True:
            _pace(small, large)
            side, batch = await anext(arrivals)
            if batch is not None:
                side.gather(batch)
            rows = small.rows + large.rows
            if batch is None or rows >= enough:
                for pair in _new_pairs(small, large):
                    yield pair
                enough = 2 * rows
            if batch is None:
                break
        large.may_go_on.set()
        other = left if side is right else right
        other.forget()
        async with (
            aclosing(_batches(arrivals)) as rest,
            aclosing(rebatch(rest, other.names)) as batches,
        ):
            async for batch in batches:
                yield batch, side.joined


def _pace(small: Side, large: Side) -> None:
    if large.rows <= max(small.rows, _AHEAD):
        large.may_go_on.set()
    else:
        large.may_go_on.clear()


def _new_pairs(left: Side, right: Side) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Give what is new on either side, each with what it was not joined with before."""
    before = left.joined
    ours, theirs = left.take_fresh(), right.take_fresh()
    if ours.height and right.joined.height:
        yield ours, right.joined
    if before.height and theirs.height:
        yield theirs, before


async def _arrivals(side: Side) -> _Arrivals:
    async with aclosing(side.batches) as batches:
        async for batch in batches:
            yield side, batch
            await side.may_go_on.wait()
    yield side, None


async def _batches(arrivals: _Arrivals) -> Batches:
    async for _, batch in arrivals:
        if batch is not None:
            yield batch
