"""Chains of joins that are put in another order where sizes are far from what was expected."""

import asyncio
import random

import pytest

from hereditary_kg.execution import adaptive_joins, pairing
from hereditary_kg.planning import join_chains
from hereditary_kg.planning.join_chains import JoinChain
from tests.dealt_federations import (
    answer_of,
    deal_by,
    deal_randomly,
    dealt,
    oracle,
    store_of,
)
from tests.execution.scripted_federations import (
    LONG,
    Endpoint,
    federation_of,
    triple,
    triples,
)

PREFIX = "PREFIX : <http://example.org/>\n"
STAR = """SELECT * {
    ?patient :status "active" . ?patient :has ?disease .
    ?disease :gene ?gene . ?disease :drug ?drug }"""


def clinic(active):
    """So many active patients, and as many each in a state of their own: few are expected."""
    states = ['"active"'] * active + [f'"state {n}"' for n in range(active)]
    lines = [f"patient{n} status {state}" for n, state in enumerate(states)]
    lines += [f"patient{n} has disease{n}" for n in range(2 * active)]
    return Endpoint("clinic", triples(*lines))


def registry(diseases):
    """Three genes for each of a few diseases: many rows for few patients, few for many."""
    lines = [f"disease{n} gene gene{n}.{m}" for n in range(diseases) for m in range(3)]
    return Endpoint("registry", triples(*lines))


def pharmacy(diseases):
    return Endpoint("pharmacy", triples(*(f"disease{n} drug drug{n}" for n in range(diseases))))


def merged_answer(text, *endpoints):
    quads = [tuple(map(str, quad))[:3] for endpoint in endpoints for quad in endpoint.store]
    return oracle(store_of(quads), PREFIX + text)


def joins_of(plan):
    """Give the details of a plan's joins, and the members asked, in the order of joining."""
    steps = plan.steps()
    details = [step.detail for step in steps if step.title == "join"]
    return details, [step.members[0] for step in steps if step.title.startswith("ask")]


@pytest.mark.parametrize("active", [40, 3000])
async def test_the_rest_is_ordered_by_the_actual_rows(active):
    endpoints = clinic(active), registry(10), pharmacy(4000)
    federation = federation_of(*endpoints)
    prepared = await federation.prepare(PREFIX + STAR)
    result = await federation.query(PREFIX + STAR)
    assert answer_of(result) == merged_answer(STAR, *endpoints)
    (detail, other), asked = joins_of(result.plan)
    assert asked == ["clinic", "registry", "pharmacy"]
    assert "reordered" not in other
    seen = "40 rows" if active == 40 else "at least"
    assert detail.startswith(f"on ?disease; reordered: {seen}")
    assert detail.endswith("rows instead of ~2")
    planned = prepared.physical
    while hasattr(planned, "input"):
        planned = planned.input
    assert planned.right.members == ("registry",), "what comes last in the plan"
    assert result.plan.root.rows == len(result) == 30
    assert [step.rows for step in result.plan.steps() if step.title == "join"] == [30, 30]


async def test_what_is_as_expected_stays_in_its_order():
    endpoints = registry(10), pharmacy(4000), Endpoint("clinic", triples("p has disease3"))
    text = "SELECT * { ?patient :has ?disease . ?disease :gene ?gene . ?disease :drug ?drug }"
    result = await federation_of(*endpoints).query(PREFIX + text)
    assert answer_of(result) == merged_answer(text, *endpoints)
    details, _ = joins_of(result.plan)
    assert len(details) == 2
    assert not any("reordered" in detail for detail in details)


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_a_limit_is_kept_in_the_new_order(limit):
    endpoints = clinic(40), registry(10), pharmacy(4000)
    result = await federation_of(*endpoints).query(f"{PREFIX}{STAR} LIMIT {limit}")
    assert len(result) == min(limit, 30)
    assert not answer_of(result) - merged_answer(STAR, *endpoints)


async def test_a_reader_that_leaves_ends_what_is_running():
    endpoints = clinic(40), registry(10), pharmacy(4000)
    federation = federation_of(*endpoints)
    async with asyncio.timeout(LONG), federation.answer(PREFIX + STAR) as answer:
        await anext(answer.batches)
    assert all(endpoint.transport.open == 0 for endpoint in endpoints)
    assert answer._context.memory.used == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    ("expected", "limit", "most"),
    [(2, 64, 64), (50, 64, 500), (500, 64, 5000), (5000, 64, 500), (10**7, 64, 10_000)],
)
def test_rows_are_looked_at_until_they_tell(expected, limit, most):
    assert adaptive_joins._most_observed(expected, limit) == most


# Whatever the order, the answer is the same

NODES = [f"n{number}" for number in range(7)]
PREDICATES = ["p", "q", "r", "s", "t"]


def drawn_join(chance):
    """Draw a join of three parts or more, some of which may be missing in part."""
    variables = ["?a", "?b", "?c", "?d"]
    lines = []
    for predicate in chance.sample(PREDICATES, chance.randrange(3, 6)):
        ends = [chance.choice(variables), chance.choice(variables)]
        if chance.random() < 0.15:
            ends[chance.randrange(2)] = f":{chance.choice(NODES)}"
        lines.append(f"{ends[0]} :{predicate} {ends[1]} .")
    if chance.random() < 0.4:
        position = chance.randrange(1, len(lines))
        lines[position] = f"OPTIONAL {{ {lines[position]} }}"
    if chance.random() < 0.3:
        lines.append(f"FILTER({chance.choice(variables)} != :n1)")
    if chance.random() < 0.3:
        lines.append("VALUES (?a ?c) { (:n1 UNDEF) (:n2 :n3) (UNDEF :n4) }")
    return "SELECT * { " + " ".join(lines) + " }"


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("fewest_keys", [1, 64])
async def test_an_answer_does_not_depend_on_the_order(monkeypatch, fewest_keys, seed):
    monkeypatch.setattr(adaptive_joins, "_FAR_OFF", 0.0)
    monkeypatch.setattr(pairing, "_FEWEST_KEYS", fewest_keys)
    made = []
    reordered = JoinChain.reordered

    def reverse(chain, top, count, rows, distinct):
        """Order the rest by the actual rows, and where that changes nothing, backwards."""
        better = reordered(chain, top, count, rows, distinct)
        if better is None:
            with monkeypatch.context() as patch:
                patch.setattr(join_chains, "join_order", lambda units, *_: units[::-1])
                better = reordered(chain, top, count, rows, distinct)
        made.append(better)
        return better

    monkeypatch.setattr(JoinChain, "reordered", reverse)
    chance = random.Random(seed)
    data = sorted(
        {
            triple(chance.choice(NODES), predicate, chance.choice(NODES))
            for predicate in PREDICATES
            for _ in range(chance.randrange(4, 16))
        }
    )
    hands = deal_by(data, 3, lambda each: each[1])
    if seed % 2:
        hands = deal_randomly(data, 3, 0.2, seed)
    for _ in range(4):
        text = drawn_join(chance)
        result = await dealt(hands).query(PREFIX + text)
        assert answer_of(result) == oracle(store_of(data), PREFIX + text), f"{text}\n{result.plan}"
    if seed == 0:
        assert made
