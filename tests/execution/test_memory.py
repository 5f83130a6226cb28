"""What a query holds is counted, given back, and never more than it may hold."""

import asyncio

import polars as pl
import pyoxigraph as ox
import pytest

from hereditary_kg.execution.errors import ExecutionError, MemoryLimitError
from hereditary_kg.execution.memory import AbandonedError, MemoryBudget, evaluation_memory
from hereditary_kg.execution.residual import evaluate_text
from tests.dealt_federations import federation_of

PREFIX = "PREFIX : <http://example.org/>\n"
ROWS = 4000
MEGABYTE = 2**20


def frame(rows):
    return pl.DataFrame({"x": [f"<http://example.org/{n:09d}>" for n in range(rows)]})


# The budget


def test_what_is_held_is_counted_and_given_back():
    budget = MemoryBudget(MEGABYTE)
    with budget.hold("one") as one:
        one.add(frame(100))
        with budget.hold("two") as two:
            two.take(5000, 7)
            two.give_back(1000)
            assert (two.size, two.rows) == (4000, 7)
            assert budget.used == one.size + 4000
        assert budget.used == one.size > 100 * 30
        one.replace(frame(10))
        assert (one.rows, budget.used) == (10, one.size)
    assert budget.used == 0
    assert budget.peak > 100 * 30 + 5000


def test_the_limit_is_that_of_all_steps_together():
    budget = MemoryBudget(1000)
    with budget.hold("the first") as first, budget.hold("the second") as second:
        first.take(900)
        second.take(100)
        with pytest.raises(MemoryLimitError) as failure:
            second.take(1, 3)
        assert (budget.used, second.size) == (1000, 100)
    error = failure.value
    assert (error.step, error.rows, error.size) == ("the second", 3, 101)
    assert (error.held, error.limit) == (1001, 1000)
    assert budget.used == 0


def test_without_a_limit_everything_is_only_counted():
    budget = MemoryBudget()
    with budget.hold("all") as held:
        held.take(10**15)
        assert budget.peak == 10**15


def test_a_step_that_has_ended_takes_nothing_more():
    budget = MemoryBudget()
    with budget.hold("brief") as held:
        held.take(10)
    held.give_back(10)
    with pytest.raises(AbandonedError):
        held.take(10)
    assert budget.used == 0


async def test_an_evaluation_counts_where_it_runs():
    budget = MemoryBudget(MEGABYTE)

    def evaluate():
        with evaluation_memory(1000) as document:
            document.write(b"x" * 100_000)
            return budget.used, bytes(document.content)

    with budget.hold("a filter") as held:
        used, content = await held.run(evaluate)
        assert used > 100_000 + 10 * 1000
        assert len(content) == 100_000
        assert budget.used == 0


async def test_an_answer_of_oxigraph_ends_where_it_is_too_much():
    numbers = " ".join(f"({n})" for n in range(600))
    text = f"SELECT * {{ VALUES (?a) {{ {numbers} }} VALUES (?b) {{ {numbers} }} }}"
    with MemoryBudget(MEGABYTE).hold("a product") as held, pytest.raises(MemoryLimitError):
        await held.run(evaluate_text, text)
    with MemoryBudget(10 * MEGABYTE).hold("a product") as held:
        assert (await held.run(evaluate_text, text)).height == 360_000


async def test_an_evaluation_that_nobody_waits_for_ends():
    numbers = " ".join(f"({n})" for n in range(500))
    text = "SELECT * { " + " ".join(f"VALUES (?v{i}) {{ {numbers} }}" for i in range(4)) + " }"
    begun, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def evaluate():
        loop.call_soon_threadsafe(begun.set)
        try:
            evaluate_text(text)
        except AbandonedError:
            loop.call_soon_threadsafe(ended.set)

    with MemoryBudget().hold("a product") as held:
        task = asyncio.create_task(held.run(evaluate))
        await begun.wait()
        task.cancel()
    await ended.wait()


# Queries


def members(rows=ROWS):
    """Two members with a row each of every person, and a chain that alternates."""
    east, west = [], []
    for n in range(rows):
        person = f"<http://example.org/person/{n:06d}>"
        name = f'{person} <http://example.org/name> "a name of some length {n}" .\n'
        (east if n % 3 else west).append(name)
        east.append(f'{person} <http://example.org/note> "a note, that m0 alone has {n}" .\n')
        west.append(f'{person} <http://example.org/remark> "a remark of m1 {n}" .\n')
        west.append(f'{person} <http://example.org/city> "{n % 10}" .\n')
        edge = (
            f"<http://example.org/n{n}> <http://example.org/next> <http://example.org/n{n + 1}> .\n"
        )
        (east if n % 2 else west).append(edge)
    # Held twice, so that the union is made distinct.
    both = '<http://example.org/person/000000> <http://example.org/city> "0" .\n'
    stores = []
    for lines in (east, [*west, both], [both]):
        store = ox.Store()
        store.load("".join(lines), format=ox.RdfFormat.N_TRIPLES)
        stores.append(store)
    return stores


@pytest.fixture(scope="module")
def stores():
    return members()


# Each branch is one member's alone, and the union is the mediator's.
NOTES = "{ { ?s :note ?n } UNION { ?s :remark ?n } }"
GREEDY = {
    "distinct": (f"SELECT DISTINCT ?n {NOTES}", "distinct"),
    "order": (f"SELECT ?n {NOTES} ORDER BY ?n LIMIT 5", "order"),
    "group": ("SELECT ?n (COUNT(*) AS ?c) { ?s :name ?n . ?s :city ?d } GROUP BY ?n", ""),
    "replicated": ("SELECT ?s ?c { ?s :city ?c }", ""),
    "join": ("SELECT ?n ?c { ?s :name ?n . ?s :city ?c }", "ask"),
    "product": ("SELECT (COUNT(*) AS ?c) { ?s :name ?n . ?t :city ?d }", ""),
    "minus": ("SELECT ?s { ?s :name ?n MINUS { ?s :city '3' } }", ""),
    "exists": ("SELECT ?s { ?s :name ?n FILTER EXISTS { ?s :city '3' } }", ""),
    "optional": ("SELECT * { ?s :name ?n OPTIONAL { ?s :city ?c } }", ""),
    "path": ("SELECT ?x { :n1 :next+ ?x }", "evaluate over fetched triples"),
    "open path": ("SELECT ?x ?y { ?x :next+ ?y }", "evaluate over fetched triples"),
    "path in a graph": ("SELECT * { ?s :name ?n . ?s (:name|:city)+ ?y }", ""),
    "filter": ("SELECT ?n { ?s :name ?n . ?s :city ?c FILTER(?c < ?n) }", ""),
    "construct": ("CONSTRUCT { ?s :n ?n } { ?s :name ?n . }", ""),
    "describe": ("DESCRIBE ?s { ?s :name ?n }", ""),
    "whole answer": ("SELECT ?n { ?s :note ?n }", "the answer, gathered"),
}


@pytest.mark.parametrize("name", GREEDY)
async def test_a_query_that_needs_more_is_stopped_and_shows_its_plan(stores, name):
    text, step = GREEDY[name]
    federation = federation_of(stores)
    limit = 100_000
    with pytest.raises(MemoryLimitError) as failure:
        await federation.query(PREFIX + text, memory_limit=limit)
    error = failure.value
    assert isinstance(error, ExecutionError)
    assert error.step.startswith(step)
    assert error.held > limit >= error.held - error.size
    message = str(error)
    assert "0.1 MB" in message
    assert error.step in message
    assert f"{error.rows:,} rows" in message
    assert error.plan in message
    assert "ask" in error.plan
    assert "@ m0" in error.plan or "@ m1" in error.plan


@pytest.mark.parametrize("name", [name for name in GREEDY if name not in {"product", "open path"}])
async def test_with_enough_memory_it_is_answered_and_all_is_given_back(stores, name):
    text, _ = GREEDY[name]
    federation = federation_of(stores)
    async with federation.answer(PREFIX + text, memory_limit=100 * MEGABYTE) as answer:
        rows = [batch.height async for batch in answer.batches]
        memory = answer._context.memory
    assert sum(rows) > 0
    assert memory.used == 0
    if name != "whole answer":
        assert memory.peak > 100_000


async def test_rows_that_go_on_are_not_held(stores):
    federation = federation_of(stores)
    text = PREFIX + "SELECT ?n { ?s :note ?n }"
    async with federation.answer(text, memory_limit=100_000) as answer:
        assert sum([batch.height async for batch in answer.batches]) == ROWS


async def test_a_query_left_early_gives_all_back(stores):
    federation = federation_of(stores)
    text = PREFIX + "SELECT ?x ?y { ?x :next+ ?y }"
    async with federation.answer(text, memory_limit=100 * MEGABYTE, timeout=None) as answer:
        async for _ in answer.batches:
            break
        memory = answer._context.memory
    assert memory.used == 0


async def test_a_silent_service_does_not_hide_it(stores):
    from hereditary_kg.execution.engine import AsyncFederation

    parts = federation_of(stores)
    federation = AsyncFederation(
        parts.description, parts.members, {"http://example.org/east": parts.members[0]}
    )
    service = "SERVICE SILENT <http://example.org/east> { ?s :name ?n }"
    text = f"{PREFIX}SELECT DISTINCT ?n {{ ?s :city ?c {service} }}"
    with pytest.raises(MemoryLimitError):
        await federation.query(text, memory_limit=20_000)
