"""Generated data, dealt over members, and generated queries: our answer is the merged store's.

Every query runs three ways: with the optimiser, without it, and on one merged store.
"""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hereditary_kg.execution import adaptive_joins, pairing
from hereditary_kg.sparql.printing import query_text
from tests.dealt_federations import (
    answer_of,
    deal_by,
    deal_randomly,
    dealt,
    oracle,
    store_of,
)
from tests.sparql.query_generation import Forms, queries, triples

SUPPORTED = Forms(paths=False)


@st.composite
def deals(draw):
    """Draw data and a way to deal them over two to four members."""
    data = sorted(draw(triples(most=24)))
    members = draw(st.integers(2, 4))
    way = draw(st.sampled_from(["by predicate", "by subject", "random", "replicated"]))
    if way == "by predicate":
        return data, deal_by(data, members, lambda triple: triple[1])
    if way == "by subject":
        return data, deal_by(data, members, lambda triple: triple[0])
    seed = draw(st.integers(0, 9))
    return data, deal_randomly(data, members, 0.4 if way == "replicated" else 0.0, seed)


@pytest.mark.timeout(600)
@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(deals(), queries(depth=3, forms=SUPPORTED))
def test_the_answer_is_that_of_the_merged_store(deal, query):
    data, hands = deal
    text = query_text(query)
    expected = oracle(store_of(data), text)
    for optimise in (True, False):
        result = asyncio.run(dealt(hands).query(text, optimise=optimise))
        assert answer_of(result) == expected, f"{text}\n{result.plan}"
        assert result.certificate.complete


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fewest_keys", [1, 1000])
@settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(deals(), queries(depth=3, forms=SUPPORTED))
def test_so_it_is_where_joins_take_the_ways_of_large_data(monkeypatch, fewest_keys, deal, query):
    """Look-ups of what has come so far, answers kept, sides fetched whole, joins reordered."""
    monkeypatch.setattr(pairing, "_FEWEST_KEYS", fewest_keys)
    monkeypatch.setattr(pairing, "_LEAST_PATIENCE", 0.0)
    monkeypatch.setattr(pairing, "_LATENCIES", 0)
    monkeypatch.setattr(pairing, "_MOST_WAITING", 2)
    monkeypatch.setattr(adaptive_joins, "_FAR_OFF", 0.0)
    data, hands = deal
    text = query_text(query)
    result = asyncio.run(dealt(hands).query(text))
    assert answer_of(result) == oracle(store_of(data), text), f"{text}\n{result.plan}"
