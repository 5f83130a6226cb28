import asyncio
import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from hereditary_kg.sites.protocol import (
    Answer,
    QueryRequest,
    ServiceError,
    create_application,
)

pytestmark = pytest.mark.sockets


class ScriptedBackend:
    """Answers each query by what the test says, and remembers what came."""

    def __init__(self, *chunks, headers=None):
        self.chunks = chunks
        self.headers = headers or {}
        self.requests: list[QueryRequest] = []
        self.closed = asyncio.Event()

    async def answer(self, request: QueryRequest) -> Answer:
        self.requests.append(request)
        return Answer("text/csv", self._read(), self.headers)

    async def _read(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                if isinstance(chunk, float):
                    await asyncio.sleep(chunk)
                else:
                    yield chunk
        finally:
            self.closed.set()


class Client:
    def __init__(self, backend, **options):
        self.backend = backend
        options.setdefault("service_description", lambda url, form: f"{form.value} {url}".encode())
        self.application = create_application(backend, **options)

    async def __aenter__(self):
        self.server = TestServer(self.application, handler_cancellation=True)
        await self.server.start_server(access_log=None)
        self.session = aiohttp.ClientSession(auto_decompress=False)
        return self

    async def __aexit__(self, *failure):
        await self.session.close()
        await self.server.close()

    async def ask(self, method="GET", path="/sparql", **options):
        options.setdefault("allow_redirects", False)
        async with self.session.request(method, self.server.make_url(path), **options) as response:
            return response.status, response.headers, await response.read()


QUERY = {"query": "ASK {}"}


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("GET", {"params": QUERY}),
        ("POST", {"data": QUERY}),
        ("POST", {"data": "ASK {}", "headers": {"Content-Type": "application/sparql-query"}}),
        (
            "POST",
            {
                "data": "ASK {}",
                "headers": {"Content-Type": "Application/SPARQL-Query; charset=UTF-8"},
            },
        ),
    ],
)
async def test_every_form_of_request_reaches_the_backend(method, options):
    async with Client(ScriptedBackend(b"a,", b"b\r\n")) as client:
        status, headers, body = await client.ask(method, **options)
        assert (status, body) == (200, b"a,b\r\n")
        assert headers["Content-Type"] == "text/csv; charset=utf-8"
        assert headers["Content-Length"] == "5"
        assert client.backend.requests[0].query == "ASK {}"


@pytest.mark.parametrize("direct", [False, True])
async def test_graphs_and_accept_are_passed_on(direct):
    parameters = [
        ("default-graph-uri", "http://x/a"),
        ("default-graph-uri", "http://x/b"),
        ("named-graph-uri", "http://x/c"),
        ("named-graph-uri", ""),
        ("format", "json"),
    ]
    async with Client(ScriptedBackend(b"")) as client:
        if direct:
            headers = {"Content-Type": "application/sparql-query", "Accept": "text/csv;q=0.5"}
            await client.ask("POST", params=parameters, data="ASK {}", headers=headers)
        else:
            data = [*parameters, ("query", "ASK {}")]
            await client.ask("POST", data=data, headers={"Accept": "text/csv;q=0.5"})
        assert client.backend.requests == [
            QueryRequest(
                "ASK {}",
                ("http://x/a", "http://x/b"),
                ("http://x/c",),
                "text/csv;q=0.5",
                str(client.server.make_url("/sparql")),
                {"format": "json"},
            )
        ]


@pytest.mark.parametrize(
    ("method", "options", "status", "text"),
    [
        ("GET", {"params": {"quer": "ASK {}"}}, 400, "'query' is missing"),
        ("GET", {"params": [("query", "ASK {}"), ("query", "ASK {}")]}, 400, "here are 2"),
        ("GET", {"params": {"update": "CLEAR ALL"}}, 400, "Update"),
        ("POST", {"data": b""}, 415, "application/sparql-query"),
        ("POST", {"data": {}}, 400, "missing"),
        ("POST", {"data": {"a": "b"}}, 400, "missing"),
        ("POST", {"json": {}}, 415, "not as application/json"),
        (
            "POST",
            {"data": "CLEAR ALL", "headers": {"Content-Type": "application/sparql-update"}},
            400,
            "Update",
        ),
        (
            "POST",
            {
                "data": "ASK {}",
                "params": QUERY,
                "headers": {"Content-Type": "application/sparql-query"},
            },
            400,
            "here are 2",
        ),
        (
            "POST",
            {"data": b"\xff", "headers": {"Content-Type": "application/sparql-query"}},
            400,
            "not UTF-8",
        ),
        (
            "POST",
            {
                "data": "ASK {}".encode("utf-16"),
                "headers": {"Content-Type": "application/sparql-query; charset=UTF-16"},
            },
            415,
            "UTF-16",
        ),
        ("GET", {"params": {**QUERY, "default-graph-uri": "a b"}}, 400, "absolute IRI"),
        ("GET", {"params": {**QUERY, "named-graph-uri": "http://x/<a>"}}, 400, "absolute IRI"),
        ("PUT", {"data": b"x"}, 405, "GET or POST"),
        ("DELETE", {}, 405, "GET or POST"),
        ("GET", {"path": "/nowhere"}, 404, "/sparql"),
        (
            "POST",
            {"data": b"x" * 2000, "headers": {"Content-Type": "application/sparql-query"}},
            413,
            "larger",
        ),
    ],
)
async def test_wrong_requests_are_answered_in_plain_text(method, options, status, text):
    async with Client(ScriptedBackend(b""), body_limit=1000) as client:
        got, headers, body = await client.ask(method, **options)
        assert (got, text in body.decode()) == (status, True), body
        assert headers["Content-Type"].startswith("text/plain")
        assert client.backend.requests == []
        if status == 405:
            assert "POST" in headers["Allow"]


async def test_the_bare_endpoint_describes_itself_in_the_format_asked_for():
    async with Client(ScriptedBackend()) as client:
        for accept, form in (
            ("*/*", "turtle"),
            ("application/ld+json", "jsonld"),
            ("application/n-triples, text/turtle;q=0.1", "ntriples"),
        ):
            status, _, body = await client.ask(headers={"Accept": accept})
            assert (status, body.decode()) == (200, f"{form} {client.server.make_url('')}")
        status, _, body = await client.ask(headers={"Accept": "image/png"})
        assert (status, b"text/turtle" in body) == (406, True)


async def test_a_forged_host_is_not_repeated():
    async with Client(ScriptedBackend()) as client:
        _, _, body = await client.ask(headers={"Host": "x>%20<y"})
        assert body == b"turtle http://localhost"


async def test_errors_before_the_answer_keep_their_status():
    failure = ServiceError(503, "too slow", {"Retry-After": "5"})
    for chunks in ((failure,), (b"x" * 1000, 0.05, failure)):
        async with Client(ScriptedBackend(*chunks)) as client:
            status, headers, body = await client.ask(params=QUERY)
            assert (status, headers["Retry-After"], body) == (503, "5", b"too slow\n")
            assert client.backend.closed.is_set()


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_an_answer_that_breaks_off_aborts_the_connection(encoding):
    backend = ScriptedBackend(b"x" * 300_000, b"y" * 100_000, ServiceError(503, "too slow"))
    async with Client(backend) as client:
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await client.ask(params=QUERY, headers={"Accept-Encoding": encoding})
        # The next request is not disturbed.
        client.backend.chunks = (b"whole",)
        assert (await client.ask(params=QUERY))[2] == b"whole"


async def test_a_failure_of_the_service_shows_no_inside(caplog):
    caplog.set_level(logging.INFO)
    async with Client(ScriptedBackend(RuntimeError("secret"))) as client:
        status, headers, body = await client.ask(params={"query": "ASK { <http://x/anna> }"})
        assert status == 500
        assert headers["X-Request-Id"] in body.decode()
        assert b"secret" not in body
    assert "RuntimeError" in caplog.text
    for hidden in ("secret", "anna", "127.0.0.1"):
        assert hidden not in caplog.text


async def test_requests_are_logged_without_what_they_ask(caplog):
    caplog.set_level(logging.INFO, "hereditary_kg.access")
    async with Client(ScriptedBackend(b"12345")) as client:
        await client.ask(params={"query": "ASK { <http://x/anna> ?p ?o }"})
    (record,) = [each for each in caplog.records if each.name == "hereditary_kg.access"]
    assert "status 200, 5 bytes" in record.getMessage()
    assert "anna" not in caplog.text
    assert "127.0.0.1" not in caplog.text


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_long_answers_stream_and_the_first_rows_do_not_wait(encoding):
    backend = ScriptedBackend(b"first", 30.0, b"second")
    async with Client(backend) as client:
        url = client.server.make_url("/sparql")
        headers = {"Accept-Encoding": encoding}
        async with client.session.get(url, params=QUERY, headers=headers) as response:
            assert response.headers.get("Content-Length") is None
            got = await response.content.readany()
            if encoding == "gzip":
                got = zlib.decompressobj(wbits=31).decompress(got)
            assert got == b"first"
        # Leaving ends the query.
        async with asyncio.timeout(10):
            await backend.closed.wait()


@pytest.mark.parametrize("size", [100, 5_000, 2_000_000])
async def test_answers_are_compressed_when_asked(size):
    body = b"abcdefgh" * (size // 8)
    chunks = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    async with Client(ScriptedBackend(*chunks)) as client:
        for header, packed in (
            ("gzip", True),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
            ("*", True),
            ("gzip;q=0", False),
            ("identity", False),
            ("deflate", False),
        ):
            _, headers, got = await client.ask(params=QUERY, headers={"Accept-Encoding": header})
            is_packed = headers.get("Content-Encoding") == "gzip"
            assert is_packed == (packed and size > 1024)
            assert (gzip.decompress(got) if is_packed else got) == body
            assert "Accept-Encoding" in headers["Vary"]


async def test_head_gives_headers_alone():
    async with Client(ScriptedBackend(b"12345")) as client:
        status, headers, body = await client.ask("HEAD", params=QUERY)
        assert (status, headers["Content-Length"], body) == (200, "5", b"")
        client.backend.chunks = (b"x" * 300_000, 30.0)
        status, headers, body = await client.ask("HEAD", params=QUERY)
        assert (status, "Content-Length" in headers, body) == (200, False, b"")
        status, _, body = await client.ask("HEAD")
        assert (status, body) == (200, b"")


async def test_options_tells_the_methods():
    async with Client(ScriptedBackend()) as client:
        status, headers, _ = await client.ask("OPTIONS")
        assert (status, headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_other_origins_are_kept_out_unless_they_are_allowed():
    origin = {"Origin": "https://yasgui.example"}
    async with Client(ScriptedBackend(b"1")) as client:
        _, headers, _ = await client.ask(params=QUERY, headers=origin)
        assert not any(name.startswith("Access-Control") for name in headers)
    async with Client(ScriptedBackend(b"1"), allowed_origins=[origin["Origin"]]) as client:
        _, headers, _ = await client.ask(params=QUERY, headers=origin)
        assert headers["Access-Control-Allow-Origin"] == origin["Origin"]
        assert "Origin" in headers["Vary"]
        _, headers, _ = await client.ask("OPTIONS", headers=origin)
        assert "POST" in headers["Access-Control-Allow-Methods"]
        _, headers, _ = await client.ask(params=QUERY, headers={"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in headers


async def test_the_profile_is_sent_once():
    options = {"profile": lambda: (b"{}", "v1"), "data_version": lambda: "v1"}
    async with Client(ScriptedBackend(b"1"), **options) as client:
        path = "/.well-known/hkg-profile"
        status, headers, body = await client.ask(path=path)
        assert (status, headers["ETag"], json.loads(body)) == (200, '"v1"', {})
        status, _, body = await client.ask(path=path, headers={"If-None-Match": 'W/"v0", "v1"'})
        assert (status, body) == (304, b"")
        status, _, _ = await client.ask(path=path, headers={"If-None-Match": '"v0"'})
        assert status == 200
        _, headers, _ = await client.ask(params=QUERY)
        assert headers["HKG-Data-Version"] == "v1"


async def test_where_there_is_no_profile_is_said():
    async with Client(ScriptedBackend(), profile=lambda: None) as client:
        status, _, body = await client.ask(path="/.well-known/hkg-profile")
        assert (status, b"hkg site profile" in body) == (404, True)
    async with Client(ScriptedBackend()) as client:
        assert (await client.ask(path="/.well-known/hkg-profile"))[0] == 404
        assert (await client.ask(path="/.well-known/void"))[0] == 404


async def test_the_root_leads_to_the_endpoint():
    async with Client(ScriptedBackend()) as client:
        status, headers, _ = await client.ask(path="/")
        assert (status, headers["Location"]) == (302, "/sparql")


async def test_options_in_the_url_of_a_form_are_passed_on():
    async with Client(ScriptedBackend(b"")) as client:
        form = {"query": "ASK {}", "b": "3"}
        await client.ask("POST", params={"a": "1", "b": "2"}, data=form)
        assert client.backend.requests[0].options == {"a": "1", "b": "3"}


async def test_headers_that_come_with_the_beginning_are_sent():
    class Late(ScriptedBackend):
        async def _read(self):
            self.headers["HKG-Complete"] = "yes"
            yield b"1"

    async with Client(Late()) as client:
        assert (await client.ask(params=QUERY))[1]["HKG-Complete"] == "yes"


async def test_headers_of_the_backend_are_sent():
    async with Client(ScriptedBackend(b"1", headers={"HKG-Complete": "no"})) as client:
        assert (await client.ask(params=QUERY))[1]["HKG-Complete"] == "no"
