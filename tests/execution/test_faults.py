"""One member fails: strictness, partial answers and what is said of them, and nothing left over."""

import asyncio
import time
from collections import Counter

import pytest

from hereditary_kg.execution.errors import IncompleteAnswerError, QueryTimeoutError
from hereditary_kg.federation.errors import UnreachableError
from tests.dealt_federations import answer_of, oracle, store_of
from tests.execution.scripted_federations import (
    FAULTS,
    LONG,
    Endpoint,
    HttpServers,
    federation_of,
    triples,
)

PREFIX = "PREFIX : <http://example.org/>\n"
CLINIC = triples("a p b", "a p c", "b p c", 'a name "Ann"', "a q d", "d q d")
REGISTRY = triples("c p d", "c p a", 'b name "Bob"', 'c name "Cleo"', "c q d", "b r d", "c r a")
# Far more than a test should take, far less than a fault lasts.
PATIENCE = LONG / 2
SECONDS = 1.5

SCAN = PREFIX + "SELECT * { ?s :p ?o }"


@pytest.fixture
def clinic():
    return Endpoint("clinic", CLINIC)


@pytest.fixture
def registry():
    return Endpoint("registry", REGISTRY)


async def wait_until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - polling what another thread does
            await asyncio.sleep(0.01)


async def other_tasks():
    # A connection that was closed just now takes a turn of the loop to be gone.
    await asyncio.sleep(0.05)
    return asyncio.all_tasks() - {asyncio.current_task()}


def is_contained(some, whole):
    """Whether an answer is part of another: rows as a multiset, triples as a set."""
    return some <= whole if isinstance(some, Counter) else set(some) <= set(whole)


# Every fault, within the process and over HTTP


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_fails_the_query_by_name(clinic, registry, fault):
    registry.fault = fault
    federation = federation_of(clinic, registry)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(IncompleteAnswerError) as caught:
            await federation.query(SCAN, timeout=SECONDS)
    error = caught.value
    assert (error.member, error.kind) == ("registry", FAULTS[fault])
    assert f"member 'registry': {FAULTS[fault]}: " in str(error)
    assert error.query is not None
    assert "?s <http://example.org/p> ?o" in error.query
    assert clinic.transport.open == registry.transport.open == 0
    assert not await other_tasks()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_leaves_a_partial_answer(clinic, registry, fault):
    registry.fault = fault
    federation = federation_of(clinic, registry)
    async with asyncio.timeout(PATIENCE):
        result = await federation.query(SCAN, timeout=SECONDS, allow_partial=True)
    there = oracle(store_of(CLINIC), SCAN)
    assert is_contained(there, answer_of(result))
    assert is_contained(answer_of(result), oracle(store_of(CLINIC + REGISTRY), SCAN))
    certificate = result.certificate
    assert not certificate.complete
    assert certificate.subset
    assert certificate.statement.startswith("Partial: without registry; every row is right")
    reports = {member.name: member for member in certificate.members}
    assert reports["clinic"].standing == "answered"
    assert reports["registry"].standing == "failed"
    assert reports["registry"].error.startswith(f"{FAULTS[fault]}: ")
    assert clinic.transport.open == registry.transport.open == 0
    assert not await other_tasks()


@pytest.mark.sockets
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_a_server_is_named_or_certified(clinic, registry, fault):
    with HttpServers(clinic, registry) as servers:
        federation = servers.federation()
        if fault == "down":
            servers.stop(registry)
        registry.fault = fault
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(IncompleteAnswerError, match="'registry'") as caught:
                await federation.query(SCAN, timeout=SECONDS)
            result = await federation.query(SCAN, timeout=SECONDS, allow_partial=True)
        assert caught.value.kind == FAULTS[fault]
        assert is_contained(oracle(store_of(CLINIC), SCAN), answer_of(result))
        assert not result.certificate.complete
        assert "registry" in result.certificate.statement
        await federation.close()
        await wait_until(lambda: servers.open == 0)
        assert not await other_tasks()


@pytest.mark.sockets
@pytest.mark.parametrize("fault", FAULTS)
def test_the_synchronous_face_fails_and_answers_alike(clinic, registry, fault):
    with HttpServers(clinic, registry) as servers:
        with servers.synchronous_federation() as federation:
            if fault == "down":
                servers.stop(registry)
            registry.fault = fault
            with pytest.raises(IncompleteAnswerError, match="'registry'") as caught:
                federation.query(SCAN, timeout=SECONDS)
            result = federation.query(SCAN, timeout=SECONDS, allow_partial=True)
        assert caught.value.kind == FAULTS[fault]
        assert is_contained(oracle(store_of(CLINIC), SCAN), answer_of(result))
        assert not result.certificate.complete


# What a partial answer is worth, by query form

MONOTONE = {
    "join": "SELECT * { ?s :p ?o . ?o :p ?t }",
    "union": "SELECT * { { ?s :p ?o } UNION { ?s :q ?o } }",
    "filter": "SELECT * { ?s :p ?o FILTER(?o != :c) }",
    "distinct": "SELECT DISTINCT ?o { ?s ?p ?o }",
    "exists": "SELECT * { ?s :p ?o FILTER EXISTS { ?s :q ?d } }",
    "bind": "SELECT * { ?s :p ?o BIND(STR(?o) AS ?t) }",
    "values": "SELECT * { VALUES ?s { :a :c } ?s :p ?o }",
    "sub-select": "SELECT * { ?s :p ?o { SELECT DISTINCT ?o { ?o :p ?x } } }",
    "construct": "CONSTRUCT { ?o :inverse ?s } { ?s :p ?o }",
    "order": "SELECT * { ?s :p ?o } ORDER BY ?o",
}
NOT_MONOTONE = {
    "MINUS": "SELECT * { ?s :p ?o MINUS { ?s :r ?d } }",
    "OPTIONAL": "SELECT * { ?s :p ?o OPTIONAL { ?o :name ?n } }",
    "NOT EXISTS": "SELECT * { ?s :p ?o FILTER NOT EXISTS { ?o :name ?n } }",
    "aggregates": "SELECT (COUNT(*) AS ?n) { ?s :p ?o }",
    "LIMIT or OFFSET": "SELECT * { ?s :p ?o } ORDER BY ?o ?s LIMIT 3",
    "EXISTS in an expression": "SELECT ?s (EXISTS { ?o :name ?n } AS ?known) { ?s :p ?o }",
}
HIDDEN_NOT_MONOTONE = {
    "MINUS": "SELECT * { ?s :p ?o FILTER EXISTS { ?s :q ?d MINUS { ?s :r ?d } } }",
    "OPTIONAL": "SELECT * { { SELECT ?s { ?s :p ?o OPTIONAL { ?o :name ?n } } } ?s :q ?d }",
    "NOT EXISTS": "SELECT * { ?s :p ?o FILTER(?o = :c || !EXISTS { ?o :name ?n }) }",
    "aggregates": "SELECT ?s { ?s :p ?o } GROUP BY ?s HAVING(COUNT(*) = 1)",
    "LIMIT or OFFSET": "SELECT * { { SELECT ?s { ?s :p ?o } ORDER BY ?s OFFSET 1 } ?s :q ?d }",
}


@pytest.mark.parametrize("fault", ["500", "cut off"])
@pytest.mark.parametrize("form", MONOTONE)
async def test_a_partial_answer_to_a_monotone_query_is_a_subset(clinic, registry, form, fault):
    text = PREFIX + MONOTONE[form]
    registry.fault = fault
    result = await federation_of(clinic, registry).query(text, allow_partial=True)
    assert not result.certificate.complete
    assert result.certificate.subset
    assert result.certificate.reasons == ()
    assert is_contained(oracle(store_of(CLINIC), text), answer_of(result))
    assert is_contained(answer_of(result), oracle(store_of(CLINIC + REGISTRY), text))


@pytest.mark.parametrize(
    ("reason", "body"),
    [*NOT_MONOTONE.items(), *HIDDEN_NOT_MONOTONE.items()],
)
async def test_a_partial_answer_to_another_query_is_no_subset(clinic, registry, reason, body):
    text = PREFIX + body
    registry.fault = "500"
    federation = federation_of(clinic, registry)
    result = await federation.query(text, allow_partial=True)
    assert not result.certificate.complete
    assert not result.certificate.subset
    assert result.certificate.reasons == (reason,)
    assert "without registry" in result.certificate.statement
    assert reason in result.certificate.statement
    assert answer_of(result) == oracle(store_of(CLINIC), text)
    registry.fault = None
    result = await federation.query(text, allow_partial=True)
    assert result.certificate.complete
    assert result.certificate.subset
    assert answer_of(result) == oracle(store_of(CLINIC + REGISTRY), text)


async def test_a_partial_yes_is_right(clinic, registry):
    registry.fault = "500"
    federation = federation_of(clinic, registry)
    result = await federation.query(PREFIX + "ASK { ?s :p ?o . ?s :q ?d }", allow_partial=True)
    assert result
    assert not result.certificate.complete
    assert result.certificate.subset


async def test_a_partial_no_may_be_wrong(clinic, registry):
    registry.fault = "500"
    federation = federation_of(clinic, registry)
    result = await federation.query(
        PREFIX + "ASK { ?s :p ?o FILTER(STR(?o) = 'nowhere') }", allow_partial=True
    )
    assert not result
    assert not result.certificate.subset
    assert "because of a negative answer" in result.certificate.statement


async def test_what_the_failed_member_does_not_hold_needs_it_not(clinic, registry):
    registry.fault = "500"
    result = await federation_of(Endpoint("clinic", CLINIC[:3]), registry).query(
        PREFIX + "SELECT * { ?s :nobodyHasThis ?o }"
    )
    assert len(result) == 0
    assert result.certificate.complete
    assert {m.standing for m in result.certificate.members} == {"not asked"}


async def test_all_members_down_gives_an_empty_partial_answer(clinic, registry):
    clinic.fault = registry.fault = "down"
    result = await federation_of(clinic, registry).query(SCAN, allow_partial=True)
    assert len(result) == 0
    assert result.variables == ("s", "o")
    assert "clinic, registry" in result.certificate.statement


# Time


async def test_a_members_own_limit_is_kept(clinic, registry):
    registry.fault = "slow"
    federation = federation_of(clinic, registry.member(timeout=0.2))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(IncompleteAnswerError, match=r"its limit of 0\.2 s"):
            await federation.query(SCAN, timeout=LONG)


async def test_rows_that_came_before_the_deadline_are_kept(clinic, registry):
    registry.fault = "dripping"
    started = time.monotonic()
    result = await federation_of(clinic, registry).query(SCAN, timeout=SECONDS, allow_partial=True)
    assert time.monotonic() - started < PATIENCE
    assert len(result) == 4, "three of the clinic, one of the registry"
    assert "before the query's deadline" in result.certificate.members[1].error


@pytest.mark.parametrize("optimise", [True, False])
async def test_a_slow_member_holds_no_operator_past_the_deadline(clinic, registry, optimise):
    registry.fault = "slow"
    federation = federation_of(clinic, registry)
    text = (
        PREFIX
        + """SELECT ?s (COUNT(*) AS ?count) {
        ?s :p ?o OPTIONAL { ?o :name ?n } MINUS { ?s :r ?o } FILTER NOT EXISTS { ?s :q :nobody }
    } GROUP BY ?s ORDER BY ?count"""
    )
    async with asyncio.timeout(PATIENCE):
        with pytest.raises((IncompleteAnswerError, QueryTimeoutError)):
            await federation.query(text, timeout=SECONDS, optimise=optimise)
        await federation.query(text, timeout=SECONDS, optimise=optimise, allow_partial=True)
    assert registry.transport.open == 0
    assert not await other_tasks()


async def test_a_failure_ends_what_the_others_are_doing(clinic, registry):
    clinic.fault, registry.fault = "slow", "500"
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(IncompleteAnswerError, match="'registry'"):
            await federation_of(clinic, registry).query(SCAN, timeout=LONG)
    assert clinic.transport.open == 0
    assert not await other_tasks()


@pytest.mark.parametrize("fault", ["slow", "dripping"])
async def test_giving_up_ends_all_requests(clinic, registry, fault):
    registry.fault = fault
    federation = federation_of(clinic, registry)
    query = asyncio.create_task(federation.query(SCAN, timeout=LONG))
    await wait_until(lambda: registry.transport.open)
    query.cancel()
    with pytest.raises(asyncio.CancelledError):
        await query
    assert clinic.transport.open == registry.transport.open == 0
    assert not await other_tasks()


async def test_a_profile_that_fails_ends_the_fetching_of_the_others(clinic, registry):
    async def fetch_slowly(etag):
        await asyncio.sleep(LONG)

    async def fail(etag):
        raise UnreachableError("no profile today")

    clinic.transport.fetch_profile = fetch_slowly
    registry.transport.fetch_profile = fail
    with pytest.raises(IncompleteAnswerError, match="no profile today"):
        await federation_of(clinic, registry).query(SCAN, timeout=LONG)
    assert not await other_tasks()


async def test_a_probe_that_fails_ends_the_others(clinic, registry):
    clinic.fault, registry.fault = "slow", "500"
    with pytest.raises(IncompleteAnswerError) as caught:
        await federation_of(clinic, registry).query(PREFIX + "SELECT * { ?s :p :c }", timeout=LONG)
    assert caught.value.member == "registry"
    assert clinic.transport.open == 0
    assert not await other_tasks()


def fail_at(endpoint, fault, text):
    """Let an endpoint fail where a query mentions a text."""

    def turn(request):
        endpoint.fault = fault if text in request.query else None

    endpoint.before = turn


@pytest.mark.parametrize("optimise", [True, False])
async def test_a_fragment_that_fails_ends_its_other_requests(clinic, registry, optimise):
    text = PREFIX + "SELECT * { ?s :p ?o FILTER EXISTS { ?s :q ?d FILTER(?d != ?o) } }"
    expected = oracle(store_of(CLINIC + REGISTRY), text)
    federation = federation_of(clinic, registry)
    assert answer_of(await federation.query(text, optimise=optimise)) == expected
    fail_at(clinic, "slow", "/q>")
    fail_at(registry, "500", "/q>")
    with pytest.raises(IncompleteAnswerError) as caught:
        await federation.query(text, timeout=LONG, optimise=optimise)
    assert caught.value.member == "registry"
    assert "/q>" in caught.value.query
    assert clinic.transport.open == 0
    assert not await other_tasks()
