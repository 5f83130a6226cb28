"""Hash joins from both sides: every pair once, the first ones early, and nothing left open."""

import asyncio
from contextlib import aclosing

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hereditary_kg.execution.hash_joins import Side, pair_sides
from hereditary_kg.execution.memory import Holding, MemoryBudget
from hereditary_kg.rdf.solutions import join_solutions

LONG = 60


def frame(name, keys, first=0):
    rows = {"key": [f'"{key}"' for key in keys], name: [f'"{first + i}"' for i in range(len(keys))]}
    return pl.DataFrame(rows, schema={"key": pl.String, name: pl.String})


async def stream(*steps, closed=None):
    try:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, int):
                await asyncio.sleep(step)
            else:
                yield step
    finally:
        if closed is not None:
            closed.append(True)


def side(name, *steps, expected=0.0, closed=None):
    held = Holding(MemoryBudget(), name)
    return Side(stream(*steps, closed=closed), ["key", name], held, expected)


def joined(pairs):
    return [row for left, right in pairs for row in joined_rows(left, right)]


def joined_rows(left, right):
    return join_solutions(left, right).select("key", "x", "y").rows()


async def read(source):
    async with aclosing(source) as opened:
        return [item async for item in opened]


def cut(name, parts):
    starts = [sum(map(len, parts[:i])) for i in range(len(parts))]
    return [frame(name, part, start) for part, start in zip(parts, starts, strict=True)]


PARTS = st.lists(st.lists(st.integers(0, 5), max_size=400), max_size=5)


@given(PARTS, PARTS, st.integers(0, 2), st.integers(0, 2))
def test_every_two_rows_that_join_meet_once(xs, ys, expected_x, expected_y):
    left, right = cut("x", xs), cut("y", ys)
    sides = side("x", *left, expected=expected_x), side("y", *right, expected=expected_y)
    found = joined(asyncio.run(read(pair_sides(*sides))))
    whole = [pl.concat([frame(name, []), *parts]) for name, parts in (("x", left), ("y", right))]
    assert sorted(found) == sorted(joined_rows(*whole))


async def test_first_rows_wait_for_the_end_of_neither_side():
    keys = range(600)
    sides = side("x", frame("x", keys), LONG), side("y", frame("y", keys), LONG)
    async with asyncio.timeout(LONG / 2), aclosing(pair_sides(*sides)) as pairs:
        assert len(joined([await anext(pairs)])) == 600


async def test_the_side_that_streams_does_not_wait_for_its_slow_sources():
    slow = side("x", frame("x", range(300)), LONG, expected=1000)
    async with asyncio.timeout(LONG / 2):
        async with aclosing(pair_sides(slow, side("y", frame("y", range(300))))) as pairs:
            assert len(joined([await anext(pairs)])) == 300


@pytest.mark.parametrize("failing", ["x", "y"])
async def test_a_failure_closes_both_sides(failing):
    closed = []
    steps = {"x": [frame("x", range(9)), LONG], "y": [frame("y", range(9)), LONG]}
    steps[failing][1] = ValueError("no")
    sides = [side(name, *steps[name], closed=closed) for name in steps]
    with pytest.raises(ValueError, match="no"):
        await read(pair_sides(*sides))
    assert closed == [True, True]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_little_is_gathered_of_the_side_that_is_expected_to_be_longer():
    sent = []

    async def long_side():
        for start in range(0, 1_000_000, 1000):
            sent.append(start)
            yield frame("x", range(start, start + 1000), start)

    async def short_side():
        await asyncio.sleep(0.5)
        yield frame("y", range(10))

    budget = MemoryBudget()
    with budget.hold("x") as ours, budget.hold("y") as theirs:
        sides = (
            Side(long_side(), ["key", "x"], ours, 1_000_000),
            Side(short_side(), ["key", "y"], theirs, 10),
        )
        async with aclosing(pair_sides(*sides)) as pairs:
            assert len(joined([await anext(pairs)])) == 10
        assert 16 < len(sent) < 30
    assert budget.used == 0
