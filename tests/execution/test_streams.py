"""Streams of batches: merged, gathered, made larger and made distinct, and always closed."""

import asyncio
from contextlib import aclosing

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.execution import streams
from hereditary_kg.execution.memory import MemoryBudget
from hereditary_kg.execution.streams import (
    ReadAhead,
    chain,
    collect,
    distinct_batches,
    gather,
    merge,
    one,
    rebatch,
    transform,
)

LONG = 60


def hold():
    return MemoryBudget().hold("a test")


def batch(*numbers):
    return pl.DataFrame({"x": [f'"{number}"' for number in numbers]}, schema={"x": pl.String})


def numbers_of(frame):
    return [int(text.strip('"')) for text in frame["x"]]


async def numbers(source):
    return [number async for frame in source for number in numbers_of(frame)]


class Source:
    """A stream of batches that knows whether it was closed."""

    def __init__(self, *steps):
        self.steps = steps
        self.begun = self.closed = False

    async def stream(self):
        self.begun = True
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float | int):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed = True


def others():
    return asyncio.all_tasks() - {asyncio.current_task()}


async def read(source):
    async with aclosing(source) as stream:
        return [item async for item in stream]


# Merge


@pytest.mark.parametrize("count", [0, 1, 2, 7])
async def test_everything_that_any_source_yields_comes(count):
    sources = [Source(batch(i), 0, batch(i + 10)) for i in range(count)]
    found = await numbers(merge([source.stream() for source in sources]))
    assert sorted(found) == sorted([*range(count), *range(10, 10 + count)])
    assert all(source.closed for source in sources)
    assert not others()


async def test_what_is_ready_does_not_wait_for_what_is_slow():
    slow, quick = Source(LONG, batch(1)), Source(batch(2), batch(3))
    async with aclosing(merge([slow.stream(), quick.stream()])) as merged:
        assert numbers_of(await anext(merged)) == [2]
        assert numbers_of(await anext(merged)) == [3]
    assert slow.closed
    assert quick.closed
    assert not others()


async def test_the_first_error_ends_the_other_sources():
    slow, bad = Source(LONG), Source(batch(1), ValueError("first"))
    late = Source(0.05, ValueError("second"))
    with pytest.raises(ValueError, match="first"):
        await read(merge([slow.stream(), bad.stream(), late.stream()]))
    assert slow.closed
    assert late.closed
    assert not others()


async def test_batches_before_an_error_are_handed_out():
    seen = []

    async def consume():
        async for frame in merge([Source(batch(1), ValueError("end")).stream(), one(batch(2))]):
            seen.extend(numbers_of(frame))

    with pytest.raises(ValueError, match="end"):
        await consume()
    assert 1 in seen


async def test_cancelling_the_reader_closes_the_sources():
    sources = [Source(batch(i), LONG) for i in range(3)]
    reader = asyncio.create_task(read(merge([source.stream() for source in sources])))
    await asyncio.sleep(0.02)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert all(source.closed for source in sources)
    assert not others()


async def test_a_slow_reader_holds_fast_sources_back():
    made = []

    async def endless(number):
        while True:
            made.append(number)
            yield batch(number)

    async with aclosing(merge([endless(1), endless(2)])) as merged:
        await anext(merged)
        await asyncio.sleep(0.02)
        assert len(made) < 10
    assert not others()


async def test_a_merge_that_is_never_read_leaves_nothing():
    sources = [Source(batch(1)), Source(batch(2))]
    await merge([source.stream() for source in sources]).aclose()
    assert not any(source.begun for source in sources)
    assert not others()


# Gather


async def test_work_is_gathered_in_its_order():
    async def wait(seconds, value):
        await asyncio.sleep(seconds)
        return value

    assert await gather([wait(0.02, "a"), wait(0, "b")]) == ["a", "b"]
    assert await gather([]) == []


async def test_a_failure_ends_the_rest_of_the_work():
    ended = []

    async def wait():
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.append(True)

    async def fail():
        await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await gather([wait(), fail(), wait()])
    assert ended == [True, True]
    assert not others()


# Batches


async def test_batches_are_collected_under_the_names_asked_for():
    both = await collect(chain([batch(1), batch(2)], one(batch(3))), ["y", "x"])
    assert both.columns == ["y", "x"]
    assert both["y"].null_count() == 3
    assert numbers_of(both) == [1, 2, 3]
    nothing = await collect(chain([], one(batch())), ["x"])
    assert nothing.columns == ["x"]
    assert nothing.height == 0


async def test_solutions_without_variables_are_counted():
    width_zero = chain([pl.DataFrame(height=2)], one(pl.DataFrame(height=3)))
    assert (await collect(width_zero, [])).height == 5


async def test_small_batches_grow_and_no_row_is_lost():
    small = [batch(*range(i, i + 100)) for i in range(0, 3000, 100)]
    large = [frame async for frame in rebatch(chain(small, one(batch())), ["x"])]
    assert [n for frame in large for n in numbers_of(frame)] == list(range(3000))
    heights = [frame.height for frame in large]
    assert heights[:2] == [100, 300], "the first rows go on at once"
    assert heights[2] > 1000
    assert len(heights) < 6


async def test_rows_do_not_wait_where_nothing_more_comes():
    source = Source(batch(1), batch(2), batch(3), LONG)
    async with aclosing(rebatch(source.stream(), ["x"])) as stream:
        assert numbers_of(await anext(stream)) == [1]
        assert numbers_of(await anext(stream)) == [2, 3]
    assert source.closed
    assert not others()


# Streams that are read ahead


async def test_waiting_for_the_next_item_can_be_given_up():
    source = Source(batch(1), 0.2, batch(2))
    async with aclosing(ReadAhead(source.stream())) as stream:
        assert not await stream.is_idle()
        assert numbers_of(await anext(stream)) == [1]
        assert await stream.is_idle(0.01)
        assert await stream.is_idle(0.01)
        assert not await stream.is_idle(LONG)
        assert numbers_of(await anext(stream)) == [2]
        for _ in range(2):
            assert not await stream.is_idle(LONG)
            assert await anext(stream, None) is None
    assert source.closed
    assert not others()


async def test_an_error_comes_after_the_items_before_it():
    async with aclosing(ReadAhead(Source(batch(1), ValueError("end")).stream())) as stream:
        assert numbers_of(await anext(stream)) == [1]
        with pytest.raises(ValueError, match="end"):
            await anext(stream)


async def test_a_stream_that_is_read_ahead_closes_its_source():
    source = Source(batch(1), LONG)
    stream = ReadAhead(source.stream())
    assert numbers_of(await anext(stream)) == [1]
    await stream.aclose()
    assert source.closed
    assert not others()


@given(st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=8), st.integers(1, 12))
def test_every_row_comes_once_however_it_is_cut(cut, streamed):
    async def distinct_numbers():
        frames = [batch(*part) for part in cut]
        return await numbers(distinct_batches(chain(frames, one(batch())), ["x"], hold()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "_FIRST_DISTINCT", streamed // 2)
        patch.setattr(streams, "_STREAMED_DISTINCT", streamed)
        found = asyncio.run(distinct_numbers())
    every = [number for part in cut for number in part]
    assert sorted(found) == sorted(set(every))
    assert found == list(dict.fromkeys(every)), "in the order of their first coming"


async def test_unbound_cells_are_equal_to_each_other():
    frame = pl.DataFrame({"x": [None, None, '"1"']}, schema={"x": pl.String})
    found = await collect(distinct_batches(chain([frame], one(frame)), ["x"], hold()), ["x"])
    assert found.rows() == [(None,), ('"1"',)]


async def test_the_empty_solution_is_distinct_once():
    source = chain([pl.DataFrame(height=2)], one(pl.DataFrame(height=3)))
    assert (await collect(distinct_batches(source, [], hold()), [])).height == 1


async def test_first_distinct_rows_do_not_wait_for_the_rest():
    source = Source(batch(1, 1), LONG)
    async with aclosing(distinct_batches(source.stream(), ["x"], hold())) as stream:
        assert numbers_of(await anext(stream)) == [1]
    assert source.closed


async def test_gathered_distinct_rows_do_not_wait_for_a_slow_source(monkeypatch):
    monkeypatch.setattr(streams, "_FIRST_DISTINCT", 4)
    monkeypatch.setattr(streams, "_STREAMED_DISTINCT", 4)
    monkeypatch.setattr(streams, "_PAUSE", 0.02)
    source = Source(batch(1, 2, 3, 4), batch(4, 5), LONG)
    async with (
        asyncio.timeout(LONG / 2),
        aclosing(distinct_batches(source.stream(), ["x"], hold())) as stream,
    ):
        assert numbers_of(await anext(stream)) == [1, 2, 3, 4]
        assert numbers_of(await anext(stream)) == [5]
    assert source.closed
    assert not others()


async def test_a_change_is_applied_to_every_row_and_empty_batches_are_left_out():
    def odd(frame):
        return frame.filter(pl.col("x").str.contains('[13579]"$'))

    source = chain([batch(*range(i, i + 2)) for i in range(0, 1000, 2)], one(batch()))
    found = [frame async for frame in transform(source, odd, ["x"], hold())]
    assert [n for frame in found for n in numbers_of(frame)] == list(range(1, 1000, 2))
    nothing = [frame async for frame in transform(one(batch(2, 4)), odd, ["x"], hold())]
    assert nothing == []


async def test_an_error_in_a_change_closes_the_source():
    source = Source(batch(1), LONG)

    def fail(frame):
        raise ValueError("no such value")

    with pytest.raises(ValueError, match="no such value"):
        await read(transform(chain([batch(*range(400))], source.stream()), fail, ["x"], hold()))
    assert not others()
