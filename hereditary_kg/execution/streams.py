"""Streams of batches: several made one, small batches made larger, all of them at once."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, aclosing
from typing import Any, Generic, TypeVar

import polars as pl

from hereditary_kg.execution.memory import Holding
from hereditary_kg.rdf.solutions import distinct, empty_solutions, unite_solutions

__all__ = [
    "Batches",
    "Hold",
    "ReadAhead",
    "chain",
    "collect",
    "distinct_batches",
    "gather",
    "merge",
    "one",
    "rebatch",
    "transform",
]

Batches = AsyncGenerator[pl.DataFrame, None]
Hold = AbstractContextManager[Holding]
Item = TypeVar("Item")

# Seconds without a batch after which a stream counts as idle.
_IDLE = 0.05
_SECOND_BATCH = 256
_LARGEST_BATCH = 262_144
_FIRST_DISTINCT = 4_096
_STREAMED_DISTINCT = 65_536
# Seconds without a row, and their share of all, after which gathered rows go on.
_PAUSE = 0.5
_PAUSE_SHARE = 0.1
# Fewer rows are compared faster than a thread takes them.
_WORTH_A_THREAD = 8192


async def merge(sources: Sequence[AsyncGenerator[Item, None]]) -> AsyncGenerator[Item, None]:
    """Yield what any source yields, as it comes; a failing source ends all of them."""
    if len(sources) == 1:
        async with aclosing(sources[0]) as only:
            async for item in only:
                yield item
        return
    queue: asyncio.Queue[Item | Exception | None] = asyncio.Queue(maxsize=len(sources) + 1)

    tasks = [asyncio.create_task(_drain(source, queue)) for source in sources]
    running = len(tasks)
    try:
        while running:
            received = await queue.get()
            if received is None:
                running -= 1
            elif isinstance(received, Exception):
                raise received
            else:
                yield received
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(
    source: AsyncGenerator[Item, None], queue: "asyncio.Queue[Item | Exception | None]"
) -> None:
    """Put all that a source yields into a queue, then None, or the error that ended it."""
    try:
        async with aclosing(source) as open_source:
            async for item in open_source:
                await queue.put(item)
    except Exception as error:
        # The consumer raises it: a task's own failure would be seen by nobody.
        await queue.put(error)
    else:
        await queue.put(None)


class ReadAhead(Generic[Item]):
    """A stream read in a task of its own, so that waiting for its next item can be given up.

    Args:
        source: the stream; it is closed with this one.
    """

    def __init__(self, source: AsyncGenerator[Item, None]) -> None:
        self._queue: asyncio.Queue[Item | Exception | None] = asyncio.Queue(maxsize=1)
        self._reader = asyncio.create_task(_drain(source, self._queue))
        self._coming: asyncio.Task[Item | Exception | None] | None = None

    def coming(self) -> "asyncio.Task[Item | Exception | None]":
        """Give what ends when the next item, or the stream's end, is there."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._queue.get())
        return self._coming

    async def is_idle(self, seconds: float = _IDLE) -> bool:
        """Wait for the next item, so long at most, and say whether none came."""
        done, _ = await asyncio.wait((self.coming(),), timeout=seconds)
        return not done

    def __aiter__(self) -> "ReadAhead[Item]":
        """Give the stream."""
        return self

    async def __anext__(self) -> Item:
        """Give the next item."""
        received = await self.coming()
        if received is None:
            raise StopAsyncIteration
        if isinstance(received, Exception):
            raise received
        self._coming = None
        return received

    async def aclose(self) -> None:
        """Read no further, and close the source."""
        tasks = [task for task in (self._reader, self._coming) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def gather(work: Iterable[Coroutine[Any, Any, Item]]) -> list[Item]:
    """Do all of ``work`` at once; a failure ends the rest of it before it is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def collect(
    batches: Batches, names: Sequence[str], held: Holding | None = None
) -> pl.DataFrame:
    """Gather a whole stream into one frame with the columns ``names``.

    Args:
        batches: the stream.
        names: the columns.
        held: counts what is gathered, for as long as its owner keeps the frame.

    Raises:
        MemoryLimitError: that is too much.
    """
    frames = []
    async with aclosing(batches) as stream:
        async for batch in stream:
            if held is not None:
                held.add(batch)
            frames.append(batch)
    return unite_solutions(frames, names)


async def rebatch(batches: Batches, names: Sequence[str]) -> Batches:
    """Put small batches together: the first rows go on at once, later ones in larger heaps.

    What is done to a batch often costs as much as the other side of a join; few large batches
    keep that bounded. Rows never wait where the stream is idle.
    """
    waiting: list[pl.DataFrame] = []
    rows = 0
    size = 0
    async with aclosing(ReadAhead(batches)) as stream:
        while True:
            if rows and await stream.is_idle():
                yield unite_solutions(waiting, names)
                waiting, rows = [], 0
            batch = await anext(stream, None)
            if batch is None:
                break
            waiting.append(batch)
            rows += batch.height
            if rows > size:
                yield unite_solutions(waiting, names)
                waiting, rows = [], 0
                size = min(max(size * 4, _SECOND_BATCH), _LARGEST_BATCH)
    if rows:
        yield unite_solutions(waiting, names)


async def distinct_batches(batches: Batches, names: Sequence[str], hold: Hold) -> Batches:
    """Yield each row once.

    The first rows go on while they come. When many have, new ones are gathered until they are
    a quarter of the old ones, later as many, for telling them apart costs time for every old
    row; or until nothing comes for a while, so that they do not wait for a slow source.

    Args:
        batches: the stream.
        names: its columns.
        hold: counts the rows that have been.

    Raises:
        MemoryLimitError: they are too many.
    """
    seen = empty_solutions(names)
    late: list[pl.DataFrame] = []
    rows = 0
    with hold as held:
        async with aclosing(_with_pauses(batches)) as stream:
            async for batch in stream:
                if batch is not None:
                    held.add(batch)
                    late.append(batch)
                    rows += batch.height
                    if rows < _worth_comparing(seen.height):
                        continue
                elif not late:
                    continue
                new = await _reduce(late, names, seen, held)
                late, rows = [], 0
                seen = pl.concat([seen, new]) if seen.height else new
                held.replace(seen)
                if new.height:
                    yield new
        if late:
            new = await _reduce(late, names, seen, held)
            if new.height:
                yield new


def _worth_comparing(seen: int) -> int:
    """Give how many rows are gathered before they are compared with so many."""
    if seen < _FIRST_DISTINCT:
        return 0
    return seen if seen >= _STREAMED_DISTINCT else seen // 4


async def _with_pauses(batches: Batches) -> AsyncGenerator[pl.DataFrame | None, None]:
    """Yield what comes, and None where nothing has come for a while."""
    clock = asyncio.get_running_loop().time
    began = clock()
    async with aclosing(ReadAhead(batches)) as stream:
        while True:
            if await stream.is_idle(max(_PAUSE, _PAUSE_SHARE * (clock() - began))):
                yield None
            batch = await anext(stream, None)
            if batch is None:
                return
            yield batch


async def _reduce(
    late: Sequence[pl.DataFrame], names: Sequence[str], seen: pl.DataFrame, held: Holding
) -> pl.DataFrame:
    """Give the rows of ``late`` that are not among ``seen``, each once."""

    def reduce() -> pl.DataFrame:
        return _unseen(distinct(unite_solutions(late, names)), seen)

    if sum(batch.height for batch in late) < _WORTH_A_THREAD:
        return reduce()
    return await held.run(reduce)


def _unseen(batch: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    if not seen.height or not batch.height:
        return batch
    if not batch.width:
        return batch.head(0)
    return batch.join(seen, on=batch.columns, how="anti", nulls_equal=True)


async def transform(
    batches: Batches,
    change: Callable[[pl.DataFrame], pl.DataFrame],
    names: Sequence[str],
    hold: Hold,
) -> Batches:
    """Apply ``change`` to every batch, in a thread, so that other requests go on.

    Args:
        batches: the stream.
        change: what is done to each batch.
        names: the columns of the batches.
        hold: counts what an evaluation needs.

    Raises:
        MemoryLimitError: that is too much.
    """
    with hold as held:
        async with aclosing(rebatch(batches, names)) as stream:
            async for batch in stream:
                changed = await held.run(change, batch)
                if changed.height:
                    yield changed


async def one(frame: pl.DataFrame) -> Batches:
    """Stream one frame."""
    yield frame


async def chain(frames: list[pl.DataFrame], rest: AsyncIterator[pl.DataFrame]) -> Batches:
    """Stream ``frames``, which are taken out of their list, then ``rest``."""
    frames.reverse()
    while frames:
        yield frames.pop()
    async for frame in rest:
        yield frame
