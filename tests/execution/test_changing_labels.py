"""Members whose blank nodes have other labels in every answer: still one answer, or an error."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings

from hereditary_kg.federation.errors import BlankNodeLabelError
from hereditary_kg.sparql.printing import query_text
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.test_blank_node_joins import apart, hands, without_labels
from tests.relabelling_members import relabelling_federation
from tests.sparql.query_generation import Forms, queries

PREFIX = "PREFIX ex: <http://example.org/>\n"
CLINIC = """
<http://example.org/anna> <http://example.org/has> _:x .
_:x <http://example.org/code> "G12.2" .
_:x <http://example.org/since> "2020" .
<http://example.org/berta> <http://example.org/has> _:y .
_:y <http://example.org/code> "G20" .
_:y <http://example.org/since> "2021" .
"""
REGISTRY = """
<http://example.org/carl> <http://example.org/has> _:x .
_:x <http://example.org/code> "G12.2" .
_:x <http://example.org/since> "2022" .
"""


def hand(text):
    return [tuple(line[:-2].split(" ")) for line in text.strip().splitlines()]


def federation():
    return relabelling_federation([store_of(hand(CLINIC)), store_of(hand(REGISTRY))])


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(hands, queries(depth=2, forms=Forms(slices=False)))
def test_the_answer_does_not_depend_on_labels(dealing, query):
    data = [[apart(i, triple) for triple in hand] for i, hand in enumerate(dealing)]
    text = query_text(query)
    expected = oracle(store_of({triple for hand in data for triple in hand}), text)
    stores = [store_of(hand) for hand in dealing]
    for optimise in (True, False):
        result = asyncio.run(relabelling_federation(stores).query(text, optimise=optimise))
        assert without_labels(answer_of(result)) == without_labels(expected), (
            f"{text}\n{result.plan}"
        )


@pytest.mark.parametrize("optimise", [True, False])
async def test_a_join_over_a_blank_node_is_found(optimise):
    text = """SELECT ?who ?since {
        ?who ex:has ?case . ?case ex:code "G12.2" . ?case ex:since ?since }"""
    result = await federation().query(PREFIX + text, optimise=optimise)
    assert sorted(result.frame["since"]) == ['"2020"', '"2022"']


async def test_a_member_without_blank_nodes_in_its_answers_is_asked_as_any_other():
    result = await federation().query(PREFIX + "SELECT ?c { ?x ex:code ?c } ORDER BY ?c")
    assert result.frame.height == 3
    assert result.certificate.requests == 2


async def test_a_path_goes_through_blank_nodes():
    result = await federation().query(PREFIX + "SELECT ?c { ex:anna (ex:has/ex:code)+ ?c }")
    assert result.frame["c"].to_list() == ['"G12.2"']


async def test_a_description_follows_blank_nodes():
    result = await federation().query(PREFIX + "DESCRIBE ex:anna")
    assert sorted(result.frame["object"].filter(~result.frame["object"].str.starts_with("_:"))) == [
        '"2020"',
        '"G12.2"',
    ]


async def test_what_cannot_be_told_apart_is_an_error_that_names_the_way_out():
    with pytest.raises(BlankNodeLabelError, match='blank_nodes = "stable"'):
        await federation().query(PREFIX + 'DESCRIBE ?x { ?x ex:code "G12.2" }')


async def test_a_stream_fails_at_most_once():
    engine = federation()
    text = PREFIX + "SELECT DISTINCT ?case { { ?who ex:has ?case } UNION { ?case ex:code ?c } }"
    for _ in range(2):
        rows = 0
        try:
            async with engine.answer(text) as answer:
                rows = sum([batch.height async for batch in answer.batches])
        except BlankNodeLabelError:
            rows = 0
    assert rows == 3
