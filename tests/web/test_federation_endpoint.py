"""The federation as one SPARQL endpoint: answers, formats, headers, refusals, faults."""

import asyncio
import json

import aiohttp
import pytest
from pyoxigraph import NamedNode, RdfFormat, parse
from served_federations import (
    Client,
    make_faulty,
    make_federation,
    make_halves,
    make_store,
    scripted,
    slowly,
)

from hereditary_kg.federation.errors import TruncatedAnswerError
from hereditary_kg.federation.transport import EmbeddedTransport, ScriptedAnswer
from hereditary_kg.sites.errors import SiteError
from hereditary_kg.web.service import serve

pytestmark = pytest.mark.sockets

ALL = "SELECT ?s ?n { ?s ex:p ?n }"
NUMBERS = "SELECT ?n { ?s ex:p ?n }"
TSV = "text/tab-separated-values"


async def wait_until(condition):
    while not condition():  # noqa: ASYNC110 - ends with pytest's timeout
        await asyncio.sleep(0.01)


@pytest.fixture
async def halves():
    async with Client(make_halves()) as client:
        yield client


async def test_a_triple_of_two_members_counts_once(halves):
    response, body = await halves.ask(NUMBERS, "text/csv")
    header, *rows = body.decode().split()
    assert response.status == 200
    assert response.content_type == "text/csv"
    assert header == "n"
    assert sorted(map(int, rows)) == list(range(30))


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/sparql-results+json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        (TSV, TSV),
        ("text/csv;q=0.4, application/json", "application/sparql-results+json"),
    ],
)
async def test_formats_of_tables_are_negotiated(halves, accept, media_type):
    response, body = await halves.ask(ALL, accept)
    assert (response.status, response.content_type) == (200, media_type)
    assert body.count(b"http://example.org/s") == 30
    assert response.headers["Vary"].startswith("Accept")


async def test_ask_answers_yes_and_no(halves):
    _, yes = await halves.ask('ASK { ?s ex:p "29" }')
    _, no = await halves.ask('ASK { ?s ex:p "30" }')
    assert json.loads(yes)["boolean"] is True
    assert json.loads(no)["boolean"] is False


@pytest.mark.parametrize(
    ("accept", "rdf_format"),
    [
        (None, RdfFormat.TURTLE),
        ("text/turtle", RdfFormat.TURTLE),
        ("application/n-triples", RdfFormat.N_TRIPLES),
        ("application/ld+json", RdfFormat.JSON_LD),
        ("application/rdf+xml", RdfFormat.RDF_XML),
    ],
)
async def test_construct_gives_a_graph_in_the_format_asked_for(halves, accept, rdf_format):
    query = "CONSTRUCT { ?s ex:number ?n } WHERE { ?s ex:p ?n }"
    response, body = await halves.ask(query, accept)
    assert response.status == 200
    assert response.content_type == rdf_format.media_type
    assert len(list(parse(body, rdf_format))) == 30


async def test_get_and_direct_post_ask_the_same(halves):
    url = halves.url()
    async with halves.session.get(url, params={"query": ALL}) as response:
        by_get = await response.json(content_type=None)
    headers = {"Content-Type": "application/sparql-query"}
    async with halves.session.post(url, data=ALL.encode(), headers=headers) as response:
        by_post = await response.json(content_type=None)
    rows = [
        sorted(row["n"]["value"] for row in a["results"]["bindings"]) for a in (by_get, by_post)
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 30


async def test_long_answers_are_compressed_for_those_who_take_it():
    federation = make_halves()
    async with Client(federation) as client:
        plain = {"Accept-Encoding": "identity"}
        async with client.session.post(client.url(), data={"query": ALL}, headers=plain) as one:
            whole = await one.read()
        async with client.session.post(client.url(), data={"query": ALL}) as two:
            assert two.headers["Content-Encoding"] == "gzip"
            assert sorted(await two.read()) == sorted(whole)
        assert "Content-Encoding" not in one.headers


async def test_headers_say_what_a_whole_answer_is_worth(halves):
    response, _ = await halves.ask(ALL)
    assert response.headers["HKG-Complete"] == "true"
    assert response.headers["HKG-Certificate"].startswith("Complete:")
    found, text = await halves.get(f"/certificates/{response.headers['HKG-Answer']}")
    record = json.loads(text)
    assert found.content_type == "application/json"
    assert record["state"] == "finished"
    assert record["certificate"]["complete"] is True
    assert {m["name"]: m["rows"] for m in record["certificate"]["members"]} == {
        "east": 20,
        "west": 20,
    }


async def test_an_unknown_certificate_is_not_found(halves):
    response, text = await halves.get("/certificates/nothing")
    assert response.status == 404
    assert "no such answer" in text


async def test_a_syntax_error_has_a_caret_under_its_place(halves):
    response, body = await halves.ask("SELECT ?s { ?s ex:p LIMIT 3")
    lines = body.decode().splitlines()
    assert response.status == 400
    assert lines[0].startswith("line 1, column 21:")
    assert lines[2].index("^") == lines[1].index("LIMIT")


async def test_an_unknown_function_names_the_nearest_one(halves):
    response, body = await halves.ask("SELECT ?n { ?s ex:p ?n FILTER(STRLENN(?n) > 1) }")
    lines = body.decode().splitlines()
    assert response.status == 400
    assert "unknown function STRLENN" in lines[0]
    assert lines[2].index("^") == lines[1].index("STRLENN")
    assert "Did you mean STRLEN" in lines[3]


async def test_a_service_outside_the_allow_list_is_refused(halves):
    response, body = await halves.ask("SELECT * { SERVICE <http://example.org/> { ?s ?p ?o } }")
    assert response.status == 400
    assert "allow-list" in body.decode()


async def test_describe_gives_a_graph(halves):
    response, body = await halves.ask("DESCRIBE ex:s1", "application/n-triples")
    assert (response.status, response.content_type) == (200, "application/n-triples")
    assert body.decode() == '<http://example.org/s1> <http://example.org/p> "1" .\n'


async def test_graphs_of_the_protocol_stand_in_for_those_of_the_query():
    east, west = make_store([]), make_store([])
    for store, number in ((east, 1), (west, 2)):
        line = f'<http://example.org/s> <http://example.org/p> "{number}" .'.encode()
        graph = NamedNode(f"http://example.org/g{number}")
        store.load(line, format=RdfFormat.N_TRIPLES, to_graph=graph)
    transports = {"east": EmbeddedTransport(east), "west": EmbeddedTransport(west)}
    query = "SELECT ?n FROM <http://example.org/g1> { ?s ex:p ?n }"
    named = "SELECT ?n { GRAPH ?g { ?s ex:p ?n } }"
    graph = "http://example.org/g2"
    async with Client(make_federation(**transports)) as client:
        answers = [
            await client.ask(query, "text/csv"),
            await client.ask(query, "text/csv", default_graph_uri=graph),
            await client.ask(query, "text/csv", named_graph_uri=graph),
            await client.ask(named, "text/csv", named_graph_uri=graph),
            await client.ask(named, "text/csv", default_graph_uri=graph),
        ]
    assert [body.decode().split()[1:] for _, body in answers] == [["1"], ["2"], [], ["2"], []]


async def test_a_query_that_needs_too_much_memory_is_refused_with_its_plan():
    async with Client(make_halves(), memory_limit=50_000) as client:
        product = "{ ?s ex:p ?n . ?t ex:p ?m }"
        response, body = await client.ask(f"SELECT DISTINCT * {product}")
        graph, _ = await client.ask(f"CONSTRUCT {{ ?s ex:q ?m }} WHERE {product}")
        streamed, rows = await client.ask(f"SELECT ?s ?n ?t ?m {product}", "text/csv")
    text = body.decode()
    assert response.status == graph.status == 503
    assert "needs more memory" in text
    assert "The plan, so far:" in text
    assert "ask distinct @ east, west" in text
    assert streamed.status == 200
    assert rows.count(b"\n") == 1 + 30 * 30


async def test_updates_are_refused(halves):
    form = {"update": "INSERT DATA { ex:a ex:b ex:c }"}
    async with halves.session.post(halves.url(), data=form) as response:
        assert response.status == 400
        assert "Update" in await response.text()


async def test_a_format_that_cannot_hold_the_answer_is_not_acceptable(halves):
    table, text = await halves.ask(ALL, "text/turtle")
    graph, _ = await halves.ask("CONSTRUCT WHERE { ?s ex:p ?n }", "text/csv")
    assert (table.status, graph.status) == (406, 406)
    assert b"application/sparql-results+json" in text


async def test_the_service_describes_itself(halves):
    response, text = await halves.get("/sparql", Accept="application/n-triples")
    assert response.status == 200
    triples = {str(quad.triple) for quad in parse(text.encode(), RdfFormat.N_TRIPLES)}
    endpoint = halves.url()
    sd = "http://www.w3.org/ns/sparql-service-description#"
    assert f"<{endpoint}> <{sd}endpoint> <{endpoint}>" in triples
    assert not any("availableGraphs" in triple for triple in triples)


FAULTS = [
    (ScriptedAnswer("broken", status=500), 502, "500"),
    (ScriptedAnswer("<html><title>Login</title></html>", media_type="text/html"), 502, "Login"),
    (ScriptedAnswer("?s\t?n\n<http://example.org/s9>\t"), 502, "ends in the middle"),
    (ScriptedAnswer(("?s\t?n\n", TruncatedAnswerError("cut off"))), 502, "cut off"),
]


@pytest.mark.parametrize(("fault", "status", "cause"), FAULTS)
async def test_a_member_that_fails_is_named(fault, status, cause):
    async with Client(make_faulty(fault)) as client:
        response, body = await client.ask(ALL)
    text = body.decode()
    assert response.status == status
    assert "'faulty'" in text
    assert cause in text
    assert "allow-partial" in text


async def test_a_member_that_is_too_slow_is_named_with_504():
    async with Client(make_faulty(slowly(30)), timeout=0.3) as client:
        response, body = await client.ask(ALL)
    assert response.status == 504
    assert "'faulty'" in body.decode()


@pytest.mark.parametrize(("fault", "status", "cause"), FAULTS)
async def test_a_partial_answer_says_so(fault, status, cause):
    async with Client(make_faulty(fault)) as client:
        response, body = await client.ask(ALL, "text/csv", allow_partial="true")
        _, text = await client.get(f"/certificates/{response.headers['HKG-Answer']}")
    assert response.status == 200
    assert len(body.split()) == 1 + 3
    assert response.headers["HKG-Complete"] == "false"
    assert "without faulty" in response.headers["HKG-Certificate"]
    certificate = json.loads(text)["certificate"]
    assert (certificate["complete"], certificate["subset"]) == (False, True)
    failed = next(m for m in certificate["members"] if m["name"] == "faulty")
    assert cause in failed["error"]


async def test_an_answer_that_could_be_partial_but_is_whole_is_complete(halves):
    response, _ = await halves.ask(ALL, allow_partial="true")
    assert response.headers["HKG-Complete"] == "true"


async def test_allow_partial_also_counts_in_the_url_of_a_post():
    fault, _, _ = FAULTS[0]
    async with Client(make_faulty(fault)) as client:
        url = client.url() + "?allow-partial=true"
        async with client.session.post(url, data={"query": ALL}) as response:
            assert response.headers["HKG-Complete"] == "false"


async def test_allow_partial_is_a_truth_value(halves):
    response, body = await halves.ask(ALL, allow_partial="maybe")
    assert response.status == 400
    assert b"allow-partial" in body


def rows_from(first, count):
    lines = [f'<http://example.org/s{n}>\t"{"x" * 200}{n}"\n' for n in range(first, first + count)]
    return "".join(lines)


async def test_rows_are_sent_before_the_last_member_has_answered():
    release = asyncio.Event()

    async def hesitate(request):
        await release.wait()
        return ScriptedAnswer("?s\t?n\n" + rows_from(5000, 1))

    def once(request):
        return ScriptedAnswer("?s\t?n\n" + rows_from(0, 3999))

    federation = make_federation(quick=scripted(once), late=scripted(hesitate))
    async with Client(federation) as client:
        async with client.session.post(client.url(), data={"query": ALL}) as response:
            assert response.status == 200
            assert "HKG-Certificate" not in response.headers
            identifier = response.headers["HKG-Answer"]
            first = await response.content.readany()
            assert first
            _, running = await client.get(f"/certificates/{identifier}")
            release.set()
            rest = await response.read()
        _, finished = await client.get(f"/certificates/{identifier}")
    assert len(json.loads(first + rest)["results"]["bindings"]) == 4000
    assert json.loads(running)["state"] == "running"
    assert json.loads(running)["certificate"] is None
    assert json.loads(finished)["certificate"]["complete"] is True


async def test_a_failure_in_mid_answer_breaks_the_connection():
    release = asyncio.Event()

    async def break_off(request):
        await release.wait()
        return ScriptedAnswer("broken", status=500)

    def once(request):
        return ScriptedAnswer("?s\t?n\n" + rows_from(0, 3999))

    federation = make_federation(quick=scripted(once), broken=scripted(break_off))
    async with Client(federation) as client:
        async with client.session.post(client.url(), data={"query": ALL}) as response:
            assert response.status == 200
            release.set()
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        _, text = await client.get(f"/certificates/{response.headers['HKG-Answer']}")
    record = json.loads(text)
    assert (record["state"], record["certificate"]) == ("failed", None)
    assert "'broken'" in record["error"]


async def test_a_client_that_leaves_ends_its_query():
    def never(request):
        return ScriptedAnswer("?s\t?n\n", delay=600)

    transport = scripted(never)
    async with Client(make_federation(slow=transport), timeout=600, concurrency=1) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.ask(ALL)
        assert transport.requests
        await wait_until(lambda: transport.open == 0)
        # Its turn is free again.
        response, _ = await client.ask("ASK {}")
        assert response.status == 200


async def test_queries_beyond_the_limit_wait_and_those_beyond_the_queue_are_refused():
    release = asyncio.Event()

    async def hesitate(request):
        await release.wait()
        return ScriptedAnswer("?s\t?n\n" + rows_from(0, 1))

    transport = scripted(hesitate)
    federation = make_federation(slow=transport)
    async with Client(federation, concurrency=1, queue_limit=1) as client:
        one = asyncio.create_task(client.ask(ALL))
        await wait_until(lambda: transport.open == 1)
        others = [asyncio.create_task(client.ask(ALL)) for _ in range(2)]
        (refused,), (waiting,) = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        response, text = refused.result()
        assert response.status == 503
        assert response.headers["Retry-After"]
        assert b"busy" in text
        release.set()
        assert [(await task)[0].status for task in (one, waiting)] == [200, 200]
    assert transport.most_open == 1


async def test_a_query_does_not_wait_for_its_turn_for_ever():
    transport = scripted(slowly(600))
    async with Client(make_federation(slow=transport), timeout=0.5, concurrency=1) as client:
        answers = await asyncio.gather(*(client.ask(ALL) for _ in range(3)))
    statuses = sorted(response.status for response, _ in answers)
    assert set(statuses) <= {503, 504}
    assert 504 in statuses


async def test_queries_that_run_are_answered_when_the_service_is_told_to_end():
    release, stop = asyncio.Event(), asyncio.Event()
    ready = asyncio.get_running_loop().create_future()

    async def hesitate(request):
        await release.wait()
        return ScriptedAnswer("?s\t?n\n" + rows_from(0, 1))

    transport = scripted(hesitate)
    service = asyncio.create_task(
        serve(
            make_federation(slow=transport),
            "127.0.0.1",
            0,
            timeout=20,
            concurrency=1,
            on_ready=ready.set_result,
            stop=stop,
        )
    )
    url = await ready
    async with aiohttp.ClientSession() as session:
        asked = asyncio.create_task(session.post(f"{url}/sparql", data={"query": ALL}))
        await wait_until(lambda: transport.open == 1)
        stop.set()
        await asyncio.sleep(0.05)
        assert not service.done()
        release.set()
        async with await asked as response:
            assert response.status == 200
            assert len((await response.json(content_type=None))["results"]["bindings"]) == 1
    await service


async def test_a_port_in_use_is_said():
    async with Client(make_halves()) as client:
        with pytest.raises(SiteError, match="in use"):
            await serve(make_halves(), "127.0.0.1", client.server.port, timeout=20, concurrency=1)
