"""Data that change under a cached profile: a new plan and the right answer, never an old one."""

import asyncio

import pytest

from hereditary_kg.federation.errors import StaleProfileError
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.scripted_federations import Endpoint, HttpServers, federation_of, triples

PREFIX = "PREFIX : <http://example.org/>\n"
FIRST = triples("a p b", "b p c")
SECOND = triples("b q x", "c q y")
# The registry after the change: it now also holds what the first plan never asked it for.
CHANGED = triples("b q z", "d p b", "a p b")

JOIN = PREFIX + "SELECT * { ?s :p ?o . ?o :q ?t }"


@pytest.fixture
def clinic():
    return Endpoint("clinic", FIRST)


@pytest.fixture
def registry():
    return Endpoint("registry", SECOND)


@pytest.mark.parametrize("allow_partial", [False, True])
@pytest.mark.parametrize("optimise", [True, False])
async def test_a_change_between_two_queries_is_seen(clinic, registry, optimise, allow_partial):
    federation = federation_of(clinic, registry)
    options = {"optimise": optimise, "allow_partial": allow_partial}
    before = await federation.query(JOIN, **options)
    assert answer_of(before) == oracle(store_of(FIRST + SECOND), JOIN)
    registry.load(CHANGED)
    after = await federation.query(JOIN, **options)
    assert answer_of(after) == oracle(store_of(FIRST + CHANGED), JOIN)
    assert after.certificate.complete
    versions = {member.name: member.version for member in after.certificate.members}
    assert versions == {"clinic": clinic.stamp, "registry": registry.stamp}


@pytest.mark.sockets
async def test_a_change_at_a_server_is_seen(clinic, registry):
    with HttpServers(clinic, registry) as servers:
        federation = servers.federation()
        assert len(await federation.query(JOIN)) == 2
        registry.load(CHANGED)
        result = await federation.query(JOIN)
        assert answer_of(result) == oracle(store_of(FIRST + CHANGED), JOIN)
        await federation.close()


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_change_that_a_probe_meets_is_seen(clinic, registry, streaming):
    federation = federation_of(clinic, registry)
    assert len(await federation.query(PREFIX + "SELECT * { ?s ?p ?o }")) == 4
    registry.load(CHANGED)
    text = PREFIX + "SELECT * { ?s ?p :b . ?s ?q :b . ?t ?p :b }"
    if streaming:
        async with federation.answer(text) as answer:
            rows = [row async for batch in answer.batches for row in batch.rows()]
        assert len(rows) == 4
    else:
        result = await federation.query(text)
        assert answer_of(result) == oracle(store_of(FIRST + CHANGED), text)


async def test_a_change_in_the_middle_of_a_query_is_seen(clinic, registry):
    """The clinic's half of a union is handed out before the registry's answer shows the news."""

    def change(request):
        if "/q>" in request.query:
            registry.before = None
            registry.load(CHANGED)

    registry.before = change
    text = PREFIX + "SELECT * { { ?s :p ?o } UNION { ?s :q ?o } }"
    result = await federation_of(clinic, registry).query(text)
    assert answer_of(result) == oracle(store_of(FIRST + CHANGED), text)


async def test_a_change_after_the_first_rows_ends_a_stream_with_an_error(clinic, registry):
    gate = asyncio.Event()
    honest = registry.transport._handler

    async def hold(request):
        await gate.wait()
        registry.load(CHANGED)
        return honest(request)

    registry.transport._handler = hold
    text = PREFIX + "SELECT * { { ?s :p ?o } UNION { ?s :q ?o } }"
    rows = []

    async def read():
        async with federation_of(clinic, registry).answer(text) as answer:
            async for batch in answer.batches:
                rows.extend(batch.rows())
                gate.set()

    with pytest.raises(StaleProfileError, match="'registry'"):
        await read()
    assert len(rows) == 2


async def test_data_without_a_new_profile_are_asked_without_one(clinic, registry):
    federation = federation_of(clinic, registry)
    await federation.query(JOIN)
    registry.load(CHANGED, profiled=False)
    for _ in range(2):
        result = await federation.query(JOIN)
        assert answer_of(result) == oracle(store_of(FIRST + CHANGED), JOIN)
        versions = {member.name: member.version for member in result.certificate.members}
        assert versions == {"clinic": clinic.stamp, "registry": None}


async def test_data_that_never_hold_still_are_no_answer(clinic, registry):
    federation = federation_of(clinic, registry)
    registry.before = lambda request: registry.load(SECOND)
    with pytest.raises(StaleProfileError, match="plan again"):
        await federation.query(JOIN)
    registry.before = None
    assert len(await federation.query(JOIN)) == 2


async def test_what_probes_found_is_forgotten_with_the_data(clinic, registry):
    federation = federation_of(clinic, registry)
    text = PREFIX + "SELECT * { ?s ?p :y . ?s ?q :y . ?t ?p :y }"
    assert len(await federation.query(text)) == 1
    assert len(await federation.query(text)) == 1
    # What the clinic was found not to have is not asked of it again, until its data change and
    # another query finds out.
    asked = len(clinic.queries)
    await federation.query(text)
    assert len(clinic.queries) == asked
    clinic.load(triples("a p y"))
    await federation.query(PREFIX + "SELECT * { ?s :p ?o }")
    assert len(await federation.query(text)) == 2
