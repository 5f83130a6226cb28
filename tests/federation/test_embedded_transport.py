"""Members in this process."""

import asyncio
import threading
from contextlib import aclosing

import polars as pl
import pyoxigraph as ox
import pytest

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.errors import MemberError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.transport import EmbeddedTransport, TransportRequest
from hereditary_kg.sites.site import Site

TRIPLES = """
<http://e/a> <http://e/name> "Ann"@EN , "tab\\there" .
<http://e/a> <http://e/age> 41 .
_:x <http://e/name> "nobody" .
"""


def make_store(text=TRIPLES):
    store = ox.Store()
    store.load(text.encode(), format=ox.RdfFormat.TURTLE)
    return store


def make_member(source, **described):
    return Member(
        MemberDescription("clinic", **described),
        EmbeddedTransport(source),
        retry_policy=RetryPolicy(base=0.001),
    )


async def collect(member, query, variables, seconds=30):
    batches = member.select(query, variables, deadline=Deadline(seconds), log=RequestLog())
    return pl.concat([batch async for batch in batches])


@pytest.fixture
def site(tmp_path):
    site = Site.create(tmp_path / "clinic", name="clinic", title="St. Mary")
    data = tmp_path / "data.ttl"
    data.write_text(TRIPLES)
    site.load([data], skolemise=False)
    return site


@pytest.mark.parametrize("results", ["tsv", "json"])
async def test_a_store_answers_with_canonical_terms(results):
    member = make_member(make_store(), results=results)
    frame = await collect(member, "SELECT ?s ?o { ?s ?p ?o }", ["s", "o"])
    assert sorted(frame["o"]) == [
        '"41"^^<http://www.w3.org/2001/XMLSchema#integer>',
        '"Ann"@en',
        '"nobody"',
        '"tab\\there"',
    ]
    (blank,) = (term for term in frame["s"] if term.startswith("_:"))
    assert blank.startswith("_:clinic.")


async def test_ask_is_answered():
    member = make_member(make_store())
    options = {"deadline": Deadline(30), "log": RequestLog()}
    assert await member.ask("ASK { ?s <http://e/age> 41 }", **options)
    assert not await member.ask("ASK { ?s <http://e/age> 42 }", **options)


async def test_a_site_answers_and_is_free_for_loading_after_close(site, tmp_path):
    member = make_member(site)
    query = "SELECT ?s { ?s <http://e/age> ?o }"
    assert (await collect(member, query, ["s"])).rows() == [("<http://e/a>",)]
    await member.close()
    more = tmp_path / "more.ttl"
    more.write_text("<http://e/b> <http://e/age> 3 .")
    site.load([more])
    assert (await collect(member, query, ["s"])).height == 2
    await member.close()


async def test_a_sites_profile_is_used_until_the_data_change(site, tmp_path):
    member = make_member(site)
    deadline = Deadline(30)
    assert await member.profile(deadline) is None
    stamp = site.build_profile().stamp
    assert (await member.profile(deadline, max_age=0)).stamp == stamp
    assert (await member.profile(deadline, max_age=0)).triples == 4
    status = await member.check(deadline)
    assert (status.up, status.profile, status.title) == (True, "current", "St. Mary")
    assert status.software.startswith("pyoxigraph/")
    await member.close()
    more = tmp_path / "more.ttl"
    more.write_text("<http://e/b> <http://e/age> 3 .")
    site.load([more])
    assert await member.profile(deadline, max_age=0) is None
    assert (await member.check(deadline)).profile == "absent"
    await member.close()


async def test_a_site_that_is_being_loaded_is_asked_again(site, monkeypatch):
    from hereditary_kg.sites.errors import SiteBusyError

    member = make_member(site)
    opening = Site.open_store
    failures = [SiteBusyError("data are being loaded")]

    def open_store(self):
        if failures:
            raise failures.pop()
        return opening(self)

    monkeypatch.setattr(Site, "open_store", open_store)
    assert (await collect(member, "SELECT ?s { ?s <http://e/age> 41 }", ["s"])).height == 1
    await member.close()


async def test_a_store_has_a_profile_of_its_own():
    member = make_member(make_store())
    profile = await member.profile(Deadline(30))
    assert profile.triples == 4
    assert profile.predicates["http://e/age"].datatypes == (
        "http://www.w3.org/2001/XMLSchema#integer",
    )
    assert (await collect(member, "SELECT ?s { ?s <http://e/age> 41 }", ["s"])).height == 1
    assert await member.profile(Deadline(30), max_age=0) == profile


async def test_the_dataset_of_the_protocol_is_respected():
    store = ox.Store()
    store.load(b"<e:g> { <e:a> <e:p> 1 } <e:b> <e:p> 2 .", format=ox.RdfFormat.TRIG)
    transport = EmbeddedTransport(store)

    async def ask(**graphs):
        request = TransportRequest("SELECT ?o { ?s ?p ?o }", "text/csv", 30, **graphs)
        async with transport.send(request) as response:
            return b"".join([chunk async for chunk in response.chunks])

    assert await ask() == b"o\r\n2\r\n"
    assert await ask(default_graphs=("e:g",)) == b"o\r\n1\r\n"
    assert await ask(named_graphs=("e:g",)) == b"o\r\n"


async def test_graphs_are_written_too():
    transport = EmbeddedTransport(make_store())
    query = "CONSTRUCT { ?s <e:p> ?o } { ?s <http://e/age> ?o }"
    async with transport.send(TransportRequest(query, "application/n-triples", 30)) as response:
        body = b"".join([chunk async for chunk in response.chunks])
    assert response.status == 200
    assert body.startswith(b"<http://e/a> <e:p> ")
    async with transport.send(TransportRequest(query, "image/png", 30)) as response:
        assert response.status == 406


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("SELECT ?s {", 400, "not valid SPARQL"),
        ("SELECT ?s { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", 400, "SERVICE is refused"),
    ],
)
async def test_what_cannot_be_answered_is_refused(query, status, words):
    member = make_member(make_store())
    with pytest.raises(MemberError) as caught:
        await collect(member, query, ["s"])
    assert caught.value.kind == "status"
    assert f"answered {status}" in caught.value.reason
    assert words in caught.value.reason


async def test_the_word_service_in_a_literal_is_no_service():
    member = make_member(make_store('<e:s> <e:p> "customer service" .'))
    query = 'SELECT ?s { ?s <e:p> "customer service" }'
    assert (await collect(member, query, ["s"])).rows() == [("<e:s>",)]


def running_queries():
    return [thread for thread in threading.enumerate() if thread.name == "hkg-embedded-query"]


async def test_giving_up_ends_the_evaluation():
    store = ox.Store()
    store.extend(
        ox.Quad(ox.NamedNode(f"http://e/{number}"), ox.NamedNode("e:p"), ox.Literal(number))
        for number in range(2000)
    )
    member = make_member(store)
    query = "SELECT ?a ?b { ?a <e:p> ?x . ?b <e:p> ?y }"
    batches = member.select(query, ["a", "b"], deadline=Deadline(60), log=RequestLog())
    async with aclosing(batches):
        async for batch in batches:
            if batch.height:
                break
    while running_queries():  # noqa: ASYNC110 - ends with pytest's timeout
        await asyncio.sleep(0.01)
    assert batch.height < 4_000_000


async def test_giving_up_ends_an_evaluation_that_waits_for_room():
    store = ox.Store()
    store.extend(
        ox.Quad(ox.NamedNode(f"http://e/{number}"), ox.NamedNode("e:p"), ox.Literal(number))
        for number in range(1500)
    )
    query = "SELECT ?a ?b { ?a <e:p> ?x . ?b <e:p> ?y }"
    async with EmbeddedTransport(store).send(TransportRequest(query, "text/csv", 30)):
        await asyncio.sleep(0.3)
        assert running_queries()
    while running_queries():  # noqa: ASYNC110 - ends with pytest's timeout
        await asyncio.sleep(0.01)
    assert not running_queries()


async def test_an_evaluation_that_writes_nothing_does_not_outlive_its_wait():
    store = ox.Store()
    store.extend(
        ox.Quad(ox.NamedNode(f"http://e/{number}"), ox.NamedNode("e:p"), ox.Literal(number))
        for number in range(200)
    )
    member = make_member(store)
    query = "SELECT (COUNT(*) AS ?n) { ?a <e:p> ?x . ?b <e:p> ?y . ?c <e:p> ?z }"
    with pytest.raises(MemberError) as caught:
        await collect(member, query, ["n"], seconds=0.05)
    assert caught.value.kind == "timeout"


async def test_a_fast_evaluation_waits_for_its_reader():
    store = ox.Store()
    store.extend(
        ox.Quad(ox.NamedNode(f"http://e/{number}"), ox.NamedNode("e:p"), ox.Literal(number))
        for number in range(1500)
    )
    transport = EmbeddedTransport(store)
    query = "SELECT ?a ?b { ?a <e:p> ?x . ?b <e:p> ?y }"
    size = 0
    request = TransportRequest(query, "text/csv", 30)
    async with transport.send(request) as response, aclosing(response.chunks) as chunks:
        async for chunk in chunks:
            if not size:
                await asyncio.sleep(0.3)
                assert running_queries()
            size += len(chunk)
    assert size > 30_000_000
