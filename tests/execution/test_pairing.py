"""What a join looks up, what it fetches whole, and that no row waits for what it doesn't need."""

import asyncio

import pytest

from hereditary_kg.federation.transport import ScriptedAnswer
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.scripted_federations import LONG, TSV, Endpoint, federation_of, triples

PREFIX = "PREFIX : <http://example.org/>\n"
JOIN = "SELECT * { ?patient :has ?disease . ?disease :gene ?gene }"
OPTIONAL = "SELECT * { ?patient :has ?disease OPTIONAL { ?disease :gene ?gene } }"
MINUS = "SELECT * { ?patient :has ?disease MINUS { ?disease :gene :gene1 } }"
NOT_EXISTS = "SELECT * { ?patient :has ?disease FILTER NOT EXISTS { ?disease :gene :gene1 } }"
# Seconds that a slow member takes; long enough to tell what came before from what came after.
SLOW = 2.0


def patients(first, last, diseases=None):
    """Patients, each with one of so many diseases, or with one of their own."""
    numbers = range(first, last)
    return triples(*(f"patient{n} has disease{n % (diseases or last)}" for n in numbers))


def genes(count):
    return triples(*(f"disease{n} gene gene{n % 7}" for n in range(count)))


def merged_answer(text, *endpoints):
    quads = [tuple(map(str, quad))[:3] for endpoint in endpoints for quad in endpoint.store]
    return oracle(store_of(quads), PREFIX + text)


def slowed(endpoint, seconds=SLOW):
    """Let an endpoint's answers begin late."""
    answer = endpoint.transport._handler

    def late(request):
        answered = answer(request)
        return ScriptedAnswer(
            answered.body, media_type=TSV, headers=answered.headers, delay=seconds
        )

    endpoint.transport._handler = late
    return endpoint


def data_queries(endpoint):
    return [query for query in endpoint.queries if "COUNT" not in query]


# Looked up or fetched whole


async def test_what_counts_is_different_bindings_not_rows():
    clinic = Endpoint("clinic", patients(0, 2000, diseases=5))
    registry = Endpoint("registry", genes(3000))
    for text in (JOIN, OPTIONAL):
        result = await federation_of(clinic, registry).query(PREFIX + text)
        assert answer_of(result) == merged_answer(text, clinic, registry)
        (report,) = [each for each in result.certificate.members if each.name == "registry"]
        assert [record.purpose for record in report.records] == ["bind join"]
        assert report.rows == 5


@pytest.mark.parametrize("text", [MINUS, NOT_EXISTS])
async def test_what_many_rows_are_told_apart_by_is_fetched_once(text):
    clinic = Endpoint("clinic", patients(0, 5000))
    registry = Endpoint("registry", genes(10))
    result = await federation_of(clinic, registry).query(PREFIX + text)
    assert answer_of(result) == merged_answer(text, clinic, registry)
    (report,) = [each for each in result.certificate.members if each.name == "registry"]
    assert [record.purpose for record in report.records] == ["scan"]


@pytest.mark.parametrize("text", [MINUS, NOT_EXISTS])
async def test_what_few_rows_are_told_apart_by_is_looked_up(text):
    clinic = Endpoint("clinic", patients(0, 2000, diseases=3))
    registry = Endpoint("registry", genes(3000))
    result = await federation_of(clinic, registry).query(PREFIX + text)
    assert answer_of(result) == merged_answer(text, clinic, registry)
    (report,) = [each for each in result.certificate.members if each.name == "registry"]
    assert [record.purpose for record in report.records] == ["bind join"]


# Slow members


@pytest.mark.parametrize("text", [JOIN, OPTIONAL, MINUS, NOT_EXISTS])
@pytest.mark.parametrize("rows", [10, 500])
async def test_rows_do_not_wait_for_a_slow_member(text, rows):
    quick = Endpoint("quick", patients(0, rows))
    slow = slowed(Endpoint("slow", patients(rows // 2, rows + 10)))
    registry = Endpoint("registry", genes(rows + 5))
    federation = federation_of(quick, slow, registry)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with federation.answer(PREFIX + text) as answer:
        first = await anext(answer.batches)
        assert loop.time() - begun < SLOW
        assert first.height > 0
        batches = [first, *[batch async for batch in answer.batches]]
    result = await federation.query(PREFIX + text)
    assert sum(batch.height for batch in batches) == len(result)
    assert answer_of(result) == merged_answer(text, quick, slow, registry)


@pytest.mark.parametrize("text", [JOIN, OPTIONAL])
async def test_no_key_is_asked_for_twice_in_one_join(text):
    quick = Endpoint("quick", patients(0, 30, diseases=20))
    slow = slowed(Endpoint("slow", patients(20, 60, diseases=25)), 0.5)
    registry = Endpoint("registry", genes(2000))
    result = await federation_of(quick, slow, registry).query(PREFIX + text)
    assert answer_of(result) == merged_answer(text, quick, slow, registry)
    asked = data_queries(registry)
    assert len(asked) == 2
    assert sum(query.count("/disease") for query in asked) == 25


async def test_a_quick_federation_is_asked_no_more_often():
    east = Endpoint("east", patients(0, 30))
    west = slowed(Endpoint("west", patients(30, 60)), 0.02)
    registry = Endpoint("registry", genes(2000))
    result = await federation_of(east, west, registry).query(PREFIX + JOIN)
    assert answer_of(result) == merged_answer(JOIN, east, west, registry)
    assert len(data_queries(registry)) == 1


async def test_answers_are_kept_only_for_bindings_of_the_same_columns():
    """A blank node that comes late takes away the column that the first rows were asked by."""
    quick = Endpoint("quick", patients(0, 10))
    slow = slowed(Endpoint("slow", triples("patient3 has _:b", "patient90 has disease3")), 0.5)
    registry = Endpoint("registry", genes(2000))
    result = await federation_of(quick, slow, registry).query(PREFIX + JOIN)
    assert answer_of(result) == merged_answer(JOIN, quick, slow, registry)


async def test_a_reader_that_leaves_ends_what_is_running():
    quick = Endpoint("quick", patients(0, 10))
    slow = slowed(Endpoint("slow", patients(10, 20)), LONG)
    registry = Endpoint("registry", genes(50))
    federation = federation_of(quick, slow, registry)
    async with asyncio.timeout(LONG / 2), federation.answer(PREFIX + JOIN) as answer:
        assert (await anext(answer.batches)).height == 10
    assert slow.transport.open == registry.transport.open == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


# Only some rows are wanted


def report_of(result, name):
    (report,) = [each for each in result.certificate.members if each.name == name]
    return report


@pytest.mark.parametrize(
    "text",
    [
        JOIN,
        OPTIONAL,
        JOIN.replace("}", "FILTER(?gene != ?patient) }"),
        "SELECT ?gene { ?patient :has ?disease . ?disease :gene ?gene }",
    ],
    ids=["join", "optional", "filter", "projected"],
)
async def test_a_limit_above_a_join_asks_for_little(text):
    clinic, registry = Endpoint("clinic", patients(0, 6000)), Endpoint("registry", genes(6000))
    result = await federation_of(clinic, registry).query(f"{PREFIX}{text} LIMIT 5")
    assert len(result) == 5
    assert not answer_of(result) - merged_answer(text, clinic, registry)
    reports = [report_of(result, name) for name in ("clinic", "registry")]
    (records,) = [r.records for r in reports if r.records[0].purpose == "bind join"]
    assert records[0].rows <= 20
    # A filter is told apart from the join: further blocks may be on their way meanwhile.
    most = 3 if "FILTER" in text else 2
    assert sum(record.error != "cancelled" for record in records) <= most
    assert clinic.transport.open == registry.transport.open == 0


@pytest.mark.parametrize("limit", [1, 3, 12, 400])
@pytest.mark.parametrize("first", [0, 2900])
async def test_blocks_grow_until_there_are_enough_rows(limit, first):
    clinic = Endpoint("clinic", patients(0, 3000))
    registry = Endpoint("registry", genes(9000)[first : first + 110] + genes(20000)[9000:])
    result = await federation_of(clinic, registry).query(f"{PREFIX}{JOIN} LIMIT {limit}")
    expected = merged_answer(JOIN, clinic, registry)
    assert len(result) == min(limit, 100 if first else 110)
    assert not answer_of(result) - expected
    asked = [query.count("/disease") for query in data_queries(registry)]
    assert len(asked) <= 7
    assert sorted(asked) == asked or asked[-1] == 0


async def test_all_rows_of_a_distinct_are_looked_for_at_once():
    clinic, registry = Endpoint("clinic", patients(0, 30)), Endpoint("registry", genes(2000))
    text = f"{JOIN.replace('*', 'DISTINCT ?gene')} LIMIT 2"
    result = await federation_of(clinic, registry).query(PREFIX + text)
    assert len(result) == 2
    assert [query.count("/disease") for query in data_queries(registry)] == [30]
