"""A site's service as real clients see it: aiohttp, curl, SPARQLWrapper, rdflib."""

import asyncio
import gzip
import json
import shutil
import signal
import socket
import subprocess
import time

import aiohttp
import pyoxigraph
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from service_processes import service_process
from SPARQLWrapper import JSON, POST, POSTDIRECTLY, TURTLE, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

from hereditary_kg.sites import Profile, SiteBusyError, SiteError
from hereditary_kg.sites.service import serve

pytestmark = pytest.mark.sockets

EX = "http://example.org/"
COUNT = f"SELECT (COUNT(*) AS ?n) {{ ?s <{EX}n> ?o }}"
ONE = f"SELECT ?f {{ <{EX}person/5> <{EX}f> ?f }}"
GRAPH = f"CONSTRUCT {{ ?s <{EX}n> ?o }} WHERE {{ ?s <{EX}n> ?o FILTER(?o = '5') }}"
EVERYTHING = "SELECT * { ?s ?p ?o . ?a ?b ?o }"
FORMATS = [
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/tab-separated-values",
    "text/csv",
]
GRAPH_FORMATS = {
    "text/turtle": pyoxigraph.RdfFormat.TURTLE,
    "application/n-triples": pyoxigraph.RdfFormat.N_TRIPLES,
    "application/ld+json": pyoxigraph.RdfFormat.JSON_LD,
    "application/rdf+xml": pyoxigraph.RdfFormat.RDF_XML,
}


def ask(url: str, query: str | None = None, accept: str | None = None, **options):
    """Ask by aiohttp, from a synchronous test; gives status, headers and body."""

    async def run():
        async with aiohttp.ClientSession() as session:
            headers = {"Accept": accept} if accept else {}
            params = {"query": query} if query is not None else {}
            async with session.get(url, params=params, headers=headers, **options) as response:
                return response.status, response.headers, await response.read()

    return asyncio.run(run())


@pytest.mark.parametrize("media_type", FORMATS)
def test_results_come_in_every_format(people_service, media_type):
    status, headers, body = ask(people_service + "/sparql", ONE, media_type)
    assert status == 200
    assert headers["Content-Type"].partition(";")[0] == media_type
    table_format = pyoxigraph.QueryResultsFormat.from_media_type(media_type)
    if media_type == "text/csv":
        assert body == f"f\r\n{EX}person/35\r\n".encode()
    else:
        (solution,) = pyoxigraph.parse_query_results(body, format=table_format)
        assert solution["f"] == pyoxigraph.NamedNode(EX + "person/35")


@pytest.mark.parametrize("media_type", FORMATS)
def test_booleans_come_in_every_format(people_service, media_type):
    status, _, body = ask(people_service + "/sparql", "ASK {}", media_type)
    assert (status, b"true" in body) == (200, True)


@pytest.mark.parametrize("media_type", GRAPH_FORMATS)
def test_graphs_come_in_every_format(people_service, media_type):
    for query in (GRAPH, f"DESCRIBE <{EX}a> FROM <{EX}g1>"):
        status, headers, body = ask(people_service + "/sparql", query, media_type)
        assert (status, headers["Content-Type"].partition(";")[0]) == (200, media_type)
        (quad,) = pyoxigraph.parse(body, format=GRAPH_FORMATS[media_type])
        assert quad.predicate.value in {EX + "n", EX + "p"}


def test_what_cannot_be_accepted_lists_what_is_offered(people_service):
    for query, accept, offered in (
        (ONE, "text/turtle", b"text/csv"),
        (GRAPH, "text/csv", b"text/turtle"),
        (ONE, "image/png", b"application/ld+json"),
    ):
        status, _, body = ask(people_service + "/sparql", query, accept)
        assert (status, offered in body) == (406, True)


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("SELECT ?x WHER { ?x ?y ?z }", 400, "line 1, column 11: expected WHERE"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", 400, "SERVICE is refused"),
        ("DELETE WHERE { ?s ?p ?o }", 400, "DELETE is an update"),
        (f"SELECT (<{EX}unknown>(1) AS ?x) {{}}", 400, f"{EX}unknown"),
    ],
)
def test_queries_that_cannot_run_are_explained(people_service, query, status, text):
    got, headers, body = ask(people_service + "/sparql", query)
    assert (got, text in body.decode()) == (status, True), body
    assert headers["Content-Type"].startswith("text/plain")


def test_the_protocols_dataset_stands_in_for_the_query_s(people_service):
    url = people_service + "/sparql"
    query = f"SELECT ?g ?o FROM <{EX}g2> {{ {{ ?s ?p ?o }} UNION {{ GRAPH ?g {{ ?s ?p ?o }} }} }}"
    base = "&".join(["?query=" + rdflib.URIRef(query).replace("#", "%23").replace("?", "%3F")])

    def rows(*graphs: str) -> list[str]:
        _, _, body = ask(url + base + "".join("&" + graph for graph in graphs), None, "text/csv")
        return sorted(body.decode().split()[1:])

    assert rows() == [",3"]
    assert rows(f"default-graph-uri={EX}g1") == [",1", ",2"]
    assert rows(f"default-graph-uri={EX}g1", f"default-graph-uri={EX}g2") == [",1", ",2", ",3"]
    assert rows(f"named-graph-uri={EX}g2") == [f"{EX}g2,3"]
    assert rows(f"default-graph-uri={EX}g1", f"named-graph-uri={EX}g2") == [
        ",1",
        ",2",
        f"{EX}g2,3",
    ]


def test_the_service_describes_itself_and_its_data(people_service, people_site):
    url = people_service + "/sparql"
    status, headers, body = ask(url)
    assert (status, headers["HKG-Data-Version"]) == (200, people_site.stamp())
    store = pyoxigraph.Store()
    store.load(body, pyoxigraph.RdfFormat.TURTLE)
    _, _, body = ask(people_service + "/.well-known/void", accept="application/n-triples")
    store.load(body, pyoxigraph.RdfFormat.N_TRIPLES)
    assert store.query(
        f"""PREFIX sd: <http://www.w3.org/ns/sparql-service-description#>
        PREFIX void: <http://rdfs.org/ns/void#>
        ASK {{ <{url}> a sd:Service ; sd:endpoint <{url}> ;
            sd:defaultDataset [ sd:namedGraph [ sd:name <{EX}g1> ] ;
                sd:defaultGraph [ void:triples 120000 ] ] .
        [] a void:Dataset ; void:sparqlEndpoint <{url}> ; void:triples 120000 }}"""
    )


def test_the_profile_is_offered_to_planners(people_service, people_site):
    _, headers, body = ask(people_service + "/.well-known/hkg-profile")
    assert Profile.from_json(body) == people_site.profile()
    assert headers["ETag"] == f'"{people_site.stamp()}"'


def test_large_answers_stream_whole_and_compressed(people_service):
    query = "SELECT ?s ?p ?o { ?s ?p ?o }"
    _, _, plain = ask(people_service + "/sparql", query, "text/tab-separated-values")
    assert plain.count(b"\n") == 120_001
    _, headers, packed = ask(
        people_service + "/sparql", query, "text/tab-separated-values", auto_decompress=False
    )
    assert headers["Content-Encoding"] == "gzip"
    assert sorted(gzip.decompress(packed).split(b"\n")) == sorted(plain.split(b"\n"))


@pytest.mark.parametrize(("method", "sent"), [("GET", None), (POST, None), (POST, POSTDIRECTLY)])
def test_sparqlwrapper_is_served(people_service, method, sent):
    wrapper = SPARQLWrapper(people_service + "/sparql")
    wrapper.setMethod(method)
    if sent:
        wrapper.setRequestMethod(sent)
    wrapper.setQuery(ONE)
    wrapper.setReturnFormat(JSON)
    (row,) = wrapper.queryAndConvert()["results"]["bindings"]
    assert row["f"] == {"type": "uri", "value": EX + "person/35"}
    wrapper.setReturnFormat(XML)
    assert wrapper.queryAndConvert().getElementsByTagName("uri")[0].firstChild.data.endswith("/35")
    wrapper.setQuery(GRAPH)
    wrapper.setReturnFormat(TURTLE)
    assert b"person/5" in wrapper.queryAndConvert()


def test_sparqlwrapper_hears_of_syntax_errors(people_service):
    wrapper = SPARQLWrapper(people_service + "/sparql")
    wrapper.setQuery("SELECT ?x WHER { ?x ?y ?z }")
    with pytest.raises(QueryBadFormed, match="column 11"):
        wrapper.query()


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
def test_rdflibs_store_is_served(people_service, method):
    store = SPARQLStore(people_service + "/sparql", method=method)
    graph = rdflib.Graph(store)
    person = rdflib.URIRef(EX + "person/5")
    assert set(graph.objects(person, rdflib.URIRef(EX + "f"))) == {rdflib.URIRef(EX + "person/35")}
    assert int(next(iter(graph.query(COUNT)))[0]) == 40_000
    assert graph.query("ASK {}").askAnswer
    assert len(graph.query(GRAPH).graph) == 1


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", *arguments], check=False, capture_output=True, text=True, timeout=60
    )


@needs_curl
def test_curl_is_served(people_service):
    url = people_service + "/sparql"
    accept = ("-H", "Accept: text/csv")
    expected = f"f\n{EX}person/35\n"
    assert curl(*accept, "-G", url, "--data-urlencode", f"query={ONE}").stdout == expected
    assert curl(*accept, url, "--data-urlencode", f"query={ONE}").stdout == expected
    direct = ("-H", "Content-Type: application/sparql-query", "--data-binary", ONE)
    assert curl(*accept, url, *direct).stdout == expected
    assert curl(*accept, "--http1.0", url, *direct).stdout == expected
    assert json.loads(curl("--compressed", url, *direct).stdout)["head"]["vars"] == ["f"]
    failed = curl("--fail", url, "--data-urlencode", "query=SELECT")
    assert failed.returncode == 22


@needs_curl
@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
def test_curl_notices_an_answer_that_breaks_off(people_site, version):
    with service_process(people_site, '{"workers": 1, "time_limit": 1}') as (url, _):
        asked = ("--data-urlencode", f"query={EVERYTHING}")
        # So slow that the time limit comes in mid-answer.
        broken = curl(version, "--limit-rate", "2M", url + "/sparql", *asked)
        assert broken.stdout
        assert broken.returncode != 0
        assert ask(url + "/sparql", ONE)[0] == 200


@pytest.mark.parametrize(
    ("limits", "query", "text"),
    [
        (
            '"time_limit": 2, "memory_limit": 1000',
            "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }",
            "more than the 2 s",
        ),
        (
            '"time_limit": 60, "memory_limit": 300',
            "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?f ?c ?a ?d LIMIT 1",
            "300 MB",
        ),
    ],
    ids=["time", "memory"],
)
def test_a_query_past_its_limit_is_stopped_and_the_next_one_served(
    people_site, limits, query, text
):
    with service_process(people_site, f'{{"workers": 1, {limits}}}') as (base, _):
        url = base + "/sparql"
        status, headers, body = ask(url, query)
        assert (status, text in body.decode()) == (503, True), body
        assert headers["Retry-After"]
        assert ask(url, COUNT, "text/csv")[2] == b"n\r\n40000\r\n"


def test_two_hundred_clients_at_once_are_all_answered_right(people_service):
    async def run() -> list[bytes]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def one(number: int) -> bytes:
                query = f"SELECT ?f {{ <{EX}person/{number}> <{EX}f> ?f }}"
                data = {"query": query}
                headers = {"Accept": "text/csv"}
                url = people_service + "/sparql"
                async with session.post(url, data=data, headers=headers) as response:
                    return await response.read()

            return await asyncio.gather(*(one(number) for number in range(200)))

    expected = [f"f\r\n{EX}person/{number * 7 % 40_000}\r\n".encode() for number in range(200)]
    assert asyncio.run(run()) == expected


def test_a_client_that_leaves_frees_its_worker(people_site):
    with service_process(people_site, '{"workers": 1, "time_limit": 50}') as (url, _):

        async def run():
            async with aiohttp.ClientSession() as session:
                data = {"query": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f }"}
                timeout = aiohttp.ClientTimeout(total=0.5)
                with pytest.raises(asyncio.TimeoutError):
                    async with session.post(url + "/sparql", data=data, timeout=timeout):
                        pass
                # The only worker is free long before the query's own time limit.
                timeout = aiohttp.ClientTimeout(total=30)
                async with session.post(
                    url + "/sparql", data={"query": COUNT}, timeout=timeout
                ) as response:
                    return response.status

        assert asyncio.run(run()) == 200


def test_sigterm_lets_running_queries_finish(people_site):
    with service_process(people_site, '{"workers": 1}') as (url, process):

        async def run() -> bytes:
            async with aiohttp.ClientSession() as session:
                params = {"query": "SELECT ?s ?p ?o { ?s ?p ?o }"}
                headers = {"Accept": "text/tab-separated-values"}
                async with session.get(url + "/sparql", params=params, headers=headers) as response:
                    beginning = await response.content.readany()
                    process.send_signal(signal.SIGTERM)
                    while await is_listening():  # noqa: ASYNC110 (another process)
                        await asyncio.sleep(0.01)
                    return beginning + await response.content.read()

        async def is_listening() -> bool:
            host, port = url.removeprefix("http://").split(":")
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except ConnectionRefusedError:
                return False
            writer.close()
            return True

        assert asyncio.run(run()).count(b"\n") == 120_001
        process.communicate(timeout=60)
        assert process.returncode == 0


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps is not installed")
def test_no_worker_outlives_its_service(people_site):
    with service_process(people_site, '{"workers": 2}') as (_, process):
        workers = children(process.pid)
        assert len(workers) == 2
        process.kill()
        process.wait()
        deadline = time.monotonic() + 30
        while any(map(is_running, workers)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(is_running, workers))


def children(process_id: int) -> list[int]:
    return [int(each) for each in list_processes("pid=", "--ppid", str(process_id)).split()]


def is_running(process_id: int) -> bool:
    state = list_processes("stat=", "--pid", str(process_id))
    return bool(state) and not state.startswith("Z")


def list_processes(*arguments: str) -> str:
    listing = subprocess.run(["ps", "-o", *arguments], check=False, capture_output=True, text=True)
    return listing.stdout.strip()


def test_a_site_that_is_served_is_not_changed(people_service, people_site, tmp_path):
    (tmp_path / "a.nt").write_text(f"<{EX}a> <{EX}b> <{EX}c> .\n")
    assert ask(people_service)[0] == 200
    with pytest.raises(SiteBusyError, match="stop the service"):
        people_site.load([tmp_path / "a.nt"])


async def test_a_port_in_use_is_an_error_with_advice(people_site):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SiteError, match=f"port {port} on 127.0.0.1 is in use.*--port"):
            await serve(people_site, "127.0.0.1", port, workers=1)
    with pytest.raises(SiteError, match="--host"):
        await serve(people_site, "192.0.2.1", 0, workers=1)


async def test_an_empty_site_can_be_served(site):
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    service = asyncio.create_task(
        serve(site, "127.0.0.1", 0, workers=1, on_ready=ready.set_result, stop=stop)
    )
    async with aiohttp.ClientSession() as session:
        url = await ready
        async with session.get(url + "/sparql", params={"query": "ASK { ?s ?p ?o }"}) as response:
            assert (await response.json(content_type=None))["boolean"] is False
        async with session.get(url + "/.well-known/hkg-profile") as response:
            assert response.status == 404
    stop.set()
    await service
