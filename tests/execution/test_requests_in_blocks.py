"""Bind joins at members that refuse long blocks, VALUES, or answer in pieces."""

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager

import polars as pl
import pytest

from hereditary_kg.execution.binding_texts import LARGEST_FILTER
from hereditary_kg.execution.context import ExecutionContext
from hereditary_kg.execution.errors import IncompleteAnswerError
from hereditary_kg.execution.requests import ask_members
from hereditary_kg.execution.streams import collect
from hereditary_kg.federation.block_sizes import FIRST_BLOCK
from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.planning import plan
from hereditary_kg.sparql.parsing import parse_query
from hereditary_kg.sparql.variables import certain_variables, scope_variables
from tests.dealt_federations import rows_of, store_of
from tests.limited_members import LimitedTransport, Refusal, limited_member

KEYS = 3000
STORE = store_of(
    (f"<http://e/s{n}>", "<http://e/p>", f'"name {n}.{m}"') for n in range(KEYS) for m in range(2)
)


def binding_count(query):
    """Count the bindings in a query."""
    return len(re.findall(r"<http://e/s\d+>", query))


def fetch_of(text):
    pattern = parse_query(f"PREFIX : <http://e/> {text}").pattern
    shown = scope_variables(pattern)
    return plan.Fetch(pattern, ("m0",), shown, certain_variables(pattern), distinct=False)


async def joined(member, bindings, text="SELECT * { ?s :p ?o }", **options):
    node = fetch_of(text)
    context = ExecutionContext({"m0": member}, Deadline(60), RequestLog(), **options)
    names = [variable.name for variable in node.variables]
    frame = await collect(ask_members(context, node, bindings), names)
    return rows_of(frame), context


@pytest.fixture
def bindings():
    return pl.DataFrame({"s": [f"<http://e/s{n}>" for n in range(KEYS)]})


@pytest.fixture
def expected():
    return Counter((f'"name {n}.{m}"', f"<http://e/s{n}>") for n in range(KEYS) for m in range(2))


async def test_each_binding_is_asked_for_once_in_blocks_of_the_learnt_size(bindings, expected):
    transport = LimitedTransport(STORE)
    member = limited_member(transport, concurrency=1)
    member.experience.block_size.bindings = 70
    found, _ = await joined(member, bindings)
    assert found == expected
    asked = [query for query in transport.queries if "COUNT" not in query]
    assert binding_count(asked[0]) == 70
    assert sum(map(binding_count, asked)) == KEYS


async def test_as_many_rows_for_each_binding_are_no_cap(bindings):
    transport = LimitedTransport(STORE)
    member = limited_member(transport)
    member.experience.block_size.bindings = 500
    found, _ = await joined(member, bindings.head(1500))
    assert found.total() == 3000
    assert not any("COUNT" in query for query in transport.queries)


async def test_a_block_that_ends_at_a_round_number_is_counted(bindings):
    uneven = [(f"<http://e/s{n // 3}>", "<http://e/p>", f'"name {n}"') for n in range(500)]
    transport = LimitedTransport(store_of(uneven))
    found, _ = await joined(limited_member(transport), bindings.head(500))
    assert found.total() == 500
    assert sum("COUNT" in query for query in transport.queries) == 1


@pytest.mark.parametrize("status", [400, 413, 414, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("most", [1, 70, 800])
async def test_blocks_are_halved_where_they_are_too_much(bindings, expected, status, most):
    bindings = bindings.head(100 if most == 1 else KEYS)
    transport = LimitedTransport(
        STORE, refuse=lambda query: Refusal(status) if binding_count(query) > most else None
    )
    member = limited_member(transport)
    found, context = await joined(member, bindings)
    asked = set(bindings["s"])
    assert found == Counter(row for row in expected if row[1] in asked)
    answered = [
        query
        for query in transport.queries
        if binding_count(query) <= most and "COUNT" not in query
    ]
    assert sum(map(binding_count, answered)) == bindings.height
    assert member.experience.block_size.bindings <= most * 2
    assert not context.failures


async def test_a_failure_that_size_does_not_explain_is_the_members_own():
    transport = LimitedTransport(STORE, refuse=lambda query: Refusal(500))
    member = limited_member(transport)
    bindings = pl.DataFrame({"s": [f"<http://e/s{n}>" for n in range(64)]})
    with pytest.raises(IncompleteAnswerError, match="500 Internal Server Error: no, not that"):
        await joined(member, bindings)
    assert list(map(binding_count, transport.queries)) == [64, 32, 16, 8, 4, 2, 1]
    # Nothing is learnt from it.
    assert member.experience.block_size.bindings == FIRST_BLOCK


async def test_a_member_is_asked_again_when_it_wants_to_be(bindings, expected, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("hereditary_kg.execution.blocks.asyncio.sleep", sleep)
    busy = Refusal(503, (("Retry-After", "7"),))
    transport = LimitedTransport(
        STORE, refuse=lambda query: busy if binding_count(query) > 1500 else None
    )
    member = limited_member(transport, concurrency=1)
    member.experience.block_size.bindings = KEYS
    found, _ = await joined(member, bindings)
    assert found == expected
    assert waits.count(7.0) == 1


async def test_a_member_that_wants_too_much_patience_is_not_waited_for(bindings):
    transport = LimitedTransport(
        STORE, refuse=lambda query: Refusal(503, (("Retry-After", "3600"),))
    )
    with pytest.raises(IncompleteAnswerError, match="after 3600 s"):
        await joined(limited_member(transport, concurrency=1), bindings)
    assert len(transport.queries) == 1


async def test_a_store_without_values_is_asked_with_a_filter(bindings, expected):
    transport = LimitedTransport(
        STORE, refuse=lambda query: Refusal(400) if "VALUES" in query else None
    )
    member = limited_member(transport, concurrency=1)
    found, _ = await joined(member, bindings)
    assert found == expected
    assert member.experience.binding_form.keyword == "filter"
    filters = [query for query in transport.queries if "VALUES" not in query]
    assert max(map(binding_count, filters)) <= LARGEST_FILTER
    del transport.queries[:]
    await joined(member, bindings.head(10))
    assert len(transport.queries) == 1


async def test_a_described_filter_is_used_from_the_start(bindings, expected):
    transport = LimitedTransport(STORE)
    member = limited_member(transport, bindings="filter")
    found, _ = await joined(member, bindings)
    assert found == expected
    assert not any("VALUES" in query for query in transport.queries)


async def test_a_query_that_is_wrong_in_any_form_fails_with_the_first_refusal(bindings):
    transport = LimitedTransport(STORE, refuse=lambda query: Refusal(400))
    member = limited_member(transport, concurrency=1)
    with pytest.raises(IncompleteAnswerError, match="400 Bad Request") as caught:
        await joined(member, bindings)
    assert "VALUES" in caught.value.query
    assert not member.experience.binding_form.settled


@pytest.mark.parametrize("states", [True, False])
async def test_blocks_whose_answers_are_cut_short_are_halved(bindings, expected, states):
    transport = LimitedTransport(STORE, cap=1000, states_cap=states)
    member = limited_member(transport)
    found, _ = await joined(member, bindings)
    assert found == expected


async def test_one_binding_with_more_rows_than_the_cap_is_read_on():
    rows = [("<http://e/s0>", "<http://e/p>", f'"{n}"') for n in range(250)]
    transport = LimitedTransport(store_of(rows), cap=60, states_cap=True)
    bindings = pl.DataFrame({"s": ["<http://e/s0>", "<http://e/s1>"]})
    found, _ = await joined(limited_member(transport), bindings)
    assert found == Counter((f'"{n}"', "<http://e/s0>") for n in range(250))


class HangingTransport(LimitedTransport):
    """Does not answer requests with more than so many bindings."""

    most = 0

    @asynccontextmanager
    async def send(self, request):
        if binding_count(request.query) > self.most:
            self.queries.append(request.query)
            await asyncio.sleep(60)
        async with super().send(request) as response:
            yield response


@pytest.mark.parametrize("most", [5, 200])
async def test_blocks_that_take_too_long_become_smaller(bindings, expected, most):
    transport = HangingTransport(STORE)
    transport.most = most
    member = limited_member(transport, timeout=0.5, concurrency=1)
    found, _ = await joined(member, bindings.head(300))
    asked = set(bindings["s"].head(300))
    assert found == Counter(row for row in expected if row[1] in asked)


async def test_a_member_that_hangs_shows_it_after_few_requests(bindings):
    transport = HangingTransport(STORE)
    member = limited_member(transport, timeout=0.2, concurrency=1)
    with pytest.raises(IncompleteAnswerError, match=r"within its limit of 0\.2 s"):
        await joined(member, bindings.head(64))
    assert list(map(binding_count, transport.queries)) == [64, 8, 1]
