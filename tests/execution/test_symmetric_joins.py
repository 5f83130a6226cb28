"""Joins of two streams: every pair once, nothing kept that nobody needs, and nobody waited for."""

import asyncio
import random
from collections import Counter
from contextlib import aclosing

import polars as pl
import pytest

from hereditary_kg.execution.errors import MemoryLimitError
from hereditary_kg.execution.memory import MemoryBudget
from hereditary_kg.execution.symmetric_joins import Side, pair_as_they_come
from hereditary_kg.rdf.solutions import join_solutions, unite_solutions

LONG = 60


def frame(names, rows):
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")


async def stream(*steps):
    for step in steps:
        if isinstance(step, pl.DataFrame):
            yield step
        elif isinstance(step, Exception):
            raise step
        else:
            await asyncio.sleep(step)


def rows_of(frames, names):
    return Counter(unite_solutions(frames, names).rows())


async def joined(left, right, budget=None):
    """Join streams of ``(names, steps)``, and give the rows and what is held at the end."""
    budget = budget or MemoryBudget()
    with budget.hold("left") as ours, budget.hold("right") as theirs:
        sides = [
            Side(stream(*steps), names, held)
            for (names, steps), held in ((left, ours), (right, theirs))
        ]
        async with aclosing(pair_as_they_come(*sides)) as pairs:
            return [join_solutions(ours, theirs) async for ours, theirs in pairs]


@pytest.mark.parametrize("seed", range(30))
async def test_every_pair_comes_once_whatever_comes_first(seed):
    chance = random.Random(seed)

    def steps(names):
        frames = []
        for _ in range(chance.randrange(6)):
            cells = [None, *(f'"{n}"' for n in range(4))] if seed % 2 else ['"0"', '"1"']
            height = chance.randrange(1, 5)
            rows = [tuple(chance.choice(cells) for _ in names) for _ in range(height)]
            frames.append(frame(names, rows))
        played = [part for each in frames for part in (chance.choice([0, 0, 0.06]), each)]
        return frames, played

    (left, ours), (right, theirs) = steps(["x", "y"]), steps(["y", "z"])
    names = ["x", "y", "z"]
    expected = join_solutions(unite_solutions(left, ["x", "y"]), unite_solutions(right, ["y", "z"]))
    found = await joined((["x", "y"], ours), (["y", "z"], theirs))
    assert rows_of(found, names) == Counter(expected.rows())
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_sides_without_columns_are_multiplied():
    left, right = pl.DataFrame(height=3), frame(["x"], [('"1"',), ('"2"',)])
    found = await joined(([], [left, left]), (["x"], [right]))
    assert rows_of(found, ["x"]) == Counter({('"1"',): 6, ('"2"',): 6})


@pytest.mark.parametrize("slow", [0, 1])
async def test_rows_come_before_either_side_has_ended(slow):
    first = frame(["x"], [('"1"',)])
    sides = [(["x"], [first]), (["x"], [first])]
    sides[slow][1].append(LONG)
    budget = MemoryBudget()
    with budget.hold("left") as ours, budget.hold("right") as theirs:
        left, right = (
            Side(stream(*steps), names, held)
            for (names, steps), held in zip(sides, (ours, theirs), strict=True)
        )
        async with asyncio.timeout(LONG / 2), aclosing(pair_as_they_come(left, right)) as pairs:
            one, other = await anext(pairs)
            assert join_solutions(one, other).rows() == [('"1"',)]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("slow", [0, 1])
async def test_an_empty_side_ends_the_join(slow):
    sides = [(["x"], []), (["x"], [])]
    sides[slow][1].extend([frame(["x"], [('"1"',)]), LONG])
    async with asyncio.timeout(LONG / 2):
        assert await joined(*sides) == []


async def test_an_error_of_either_side_is_raised():
    first = frame(["x"], [('"1"',)])
    for sides in (([first, ValueError("no")], [first, LONG]), ([LONG], [first, ValueError("no")])):
        async with asyncio.timeout(LONG / 2):
            with pytest.raises(ValueError, match="no"):
                await joined(*((["x"], steps) for steps in sides))
        assert asyncio.all_tasks() == {asyncio.current_task()}


def large(rows, first=0):
    return frame(["x"], [(f'"a text of some length {n:06d}"',) for n in range(first, first + rows)])


async def test_a_left_side_that_takes_much_memory_waits_for_the_right_one():
    """Kept until both have ended, it would be more than the query may hold."""
    left = [large(1000, 1000 * n) for n in range(20)]
    right = [0.3, large(100)]
    found = await joined((["x"], left), (["x"], right), MemoryBudget(400_000))
    assert sum(each.height for each in found) == 100


async def test_a_right_side_that_is_too_much_is_an_error():
    with pytest.raises(MemoryLimitError):
        await joined(
            (["x"], [large(10)]), (["x"], [large(1000), 0, large(9000)]), MemoryBudget(9000)
        )
