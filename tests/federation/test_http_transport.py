"""Members behind real HTTP servers on loopback, healthy and faulty."""

import asyncio
import base64
import gzip
import shutil
import socket
import ssl
import subprocess
import tracemalloc
import zlib
from contextlib import aclosing, asynccontextmanager
from urllib.parse import parse_qs

import polars as pl
import pytest
from aiohttp import web

from hereditary_kg.federation.deadline import Deadline
from hereditary_kg.federation.description import MemberDescription
from hereditary_kg.federation.errors import MemberError, StaleProfileError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.request_log import RequestLog
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.transport import Credentials, HttpTransport, TransportRequest

pytestmark = pytest.mark.sockets

TSV = "text/tab-separated-values"
TSV_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/tab-separated-values\r\n"


@asynccontextmanager
async def serve(*routes, tls=None):
    """Serve (method, path, handler) routes; give the base address."""
    application = web.Application()
    for method, path, handler in routes:
        application.router.add_route(method, path, handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_bytes(*pieces, hold=None):
    """Serve the same raw bytes to whoever connects, then close."""
    connections = []

    async def answer(reader, writer):
        connections.append(writer)
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                else:
                    await asyncio.sleep(piece)
            if hold is not None:
                await hold.wait()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}/sparql", connections
    finally:
        server.close()
        for writer in connections:
            writer.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def connect(url, *, credentials=None, **described):
    member = Member(
        MemberDescription("clinic", url=url, **described),
        HttpTransport(url, credentials),
        retry_policy=RetryPolicy(base=0.001),
    )
    try:
        yield member
    finally:
        await member.close()


async def collect(member, variables=("s",), *, query="SELECT ?s {}", seconds=30, log=None):
    log = RequestLog() if log is None else log
    batches = member.select(query, variables, deadline=Deadline(seconds), log=log)
    return pl.concat([batch async for batch in batches])


async def fail(member, **options):
    with pytest.raises(MemberError) as caught:
        await collect(member, **options)
    return caught.value


async def answer_one(_):
    return web.Response(body=b"?s\n<e:a>\n", content_type=TSV)


async def test_a_query_is_posted_as_a_form_over_one_kept_connection():
    seen = []

    async def handle(request):
        seen.append((request.headers, parse_qs(await request.text()), request.transport))
        return await answer_one(request)

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        query = 'SELECT ?s { ?s ?p "ä&=+ %41\n" }'
        assert (await collect(member, query=query)).rows() == [("<e:a>",)]
        await collect(member)
    headers, form, first = seen[0]
    assert form == {"query": [query]}
    assert headers["Accept"].startswith(TSV)
    assert headers["Accept-Encoding"] == "gzip, deflate"
    assert "Authorization" not in headers
    assert seen[1][2] is first


async def test_graph_parameters_go_with_the_query():
    forms = []

    async def handle(request):
        forms.append(parse_qs(await request.text()))
        return await answer_one(request)

    async with serve(("POST", "/sparql", handle)) as base:
        transport = HttpTransport(base + "/sparql")
        request = TransportRequest("ASK {}", TSV, 5, ("e:g", "e:h"), ("e:n",))
        async with transport.send(request) as response:
            assert response.status == 200
        await transport.close()
    assert forms[0]["default-graph-uri"] == ["e:g", "e:h"]
    assert forms[0]["named-graph-uri"] == ["e:n"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "two gzip members"])
async def test_compressed_answers_are_unpacked(encoding):
    rows = b"".join(b"<http://example.org/%d>\n" % number for number in range(50_000))
    document = b"?s\n" + rows
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = {
        "gzip": lambda: gzip.compress(document),
        "deflate": lambda: zlib.compress(document),
        "raw deflate": lambda: raw.compress(document) + raw.flush(),
        "two gzip members": lambda: gzip.compress(document[:1000]) + gzip.compress(document[1000:]),
    }[encoding]()

    async def handle(_):
        headers = {"Content-Encoding": "deflate" if "deflate" in encoding else "gzip"}
        return web.Response(body=body, content_type=TSV, headers=headers)

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        log = RequestLog()
        assert (await collect(member, log=log)).height == 50_000
    assert next(iter(log)).bytes == len(document)


async def test_a_gzip_stream_cut_in_a_complete_http_answer_is_noticed():
    document = b"?s\n" + b"<http://example.org/a>\n" * 100_000

    async def handle(_):
        return web.Response(
            body=gzip.compress(document)[:-400],
            content_type=TSV,
            headers={"Content-Encoding": "gzip"},
        )

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        assert (await fail(member)).kind == "truncated"


@pytest.mark.parametrize(("encoding", "words"), [("br", "'br'"), ("gzip", "but is not")])
async def test_an_encoding_that_was_not_asked_for_or_is_wrong_is_refused(encoding, words):
    async def handle(_):
        headers = {"Content-Encoding": encoding}
        return web.Response(body=b"?s\n", content_type=TSV, headers=headers)

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        error = await fail(member)
    assert error.kind == "content"
    assert words in error.reason


async def test_a_member_that_is_down_is_unreachable(unused_tcp_port):
    async with connect(f"http://127.0.0.1:{unused_tcp_port}/sparql") as member:
        log = RequestLog()
        error = await fail(member, log=log)
    assert error.kind == "unreachable"
    assert "is it running?" in error.reason
    assert next(iter(log)).attempts == 3


@pytest.fixture
def own_certificate(tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(own_certificate):
    async with (
        serve(("POST", "/sparql", answer_one), tls=own_certificate) as base,
        connect(base.replace("http:", "https:") + "/sparql") as member,
    ):
        error = await fail(member)
    assert error.kind == "unreachable"
    assert "not trusted" in error.reason


async def test_an_unknown_host_is_unreachable(monkeypatch):
    async def resolve(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    async with connect("http://clinic.invalid/sparql") as member:
        error = await fail(member)
    assert error.kind == "unreachable"
    assert "clinic.invalid" in error.reason


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (TSV_HEAD,),
        (TSV_HEAD, b"Content-Length: 9\r\n\r\n?s"),
        (TSV_HEAD, b"Content-Length: 9000\r\n\r\n?s\n", *[b"<", 0.02] * 1000),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 90\r\n\r\nno",),
    ],
    ids=["accepts only", "half a header", "stops in the body", "drips", "error text stops"],
)
async def test_nothing_hangs_past_the_deadline(pieces):
    hold = asyncio.Event()
    async with serve_bytes(*pieces, hold=hold) as (url, connections), connect(url) as member:
        error = await fail(member, seconds=0.15)
        hold.set()
    assert error.kind == "timeout"
    assert len(connections) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 900\r\n\r\n?s\n<e:a>\n",
        b"Transfer-Encoding: chunked\r\n\r\n9\r\n?s\n<e:a>\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n99\r\n?s\n<e:a>\n",
    ],
    ids=["content length", "chunked at a line's end", "within a chunk"],
)
async def test_an_answer_cut_in_the_middle_is_truncated(body):
    async with serve_bytes(TSV_HEAD + body) as (url, _), connect(url) as member:
        log = RequestLog()
        error = await fail(member, log=log)
    assert error.kind == "truncated"
    assert next(iter(log)).status == 200


async def test_tsv_whose_end_nothing_marks_is_refused():
    head = b"HTTP/1.0 200 OK\r\nContent-Type: text/tab-separated-values\r\n\r\n"
    async with serve_bytes(head + b"?s\n<e:a>\n") as (url, _), connect(url) as member:
        error = await fail(member)
    assert error.kind == "content"
    assert "Content-Length" in error.reason


async def test_json_marks_its_own_end():
    head = b"HTTP/1.0 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n"
    body = b'{"head":{"vars":["s"]},"results":{"bindings":[]}}'
    async with serve_bytes(head + body) as (url, _), connect(url, results="json") as member:
        assert (await collect(member)).height == 0
    async with serve_bytes(head + body[:-2]) as (url, _), connect(url, results="json") as member:
        assert (await fail(member)).kind == "content"


async def test_closing_without_an_answer_is_unreachable():
    async with serve_bytes() as (url, connections), connect(url) as member:
        error = await fail(member)
    assert error.kind == "unreachable"
    assert len(connections) == 3


async def test_what_does_not_speak_http_is_named():
    async with serve_bytes(b"220 mail.example ESMTP\r\n") as (url, _), connect(url) as member:
        error = await fail(member)
    assert error.kind == "content"
    assert "does not speak HTTP" in error.reason


async def test_500_and_a_page_with_200_are_told_with_the_servers_words():
    async def fail_inside(_):
        return web.Response(status=500, text="Virtuoso 42000 Error: time limit")

    async def show_page(_):
        page = "<html>\n<title>Hospital proxy</title>\n<body><p>Log in</p>"
        return web.Response(text=page, content_type="text/html")

    async with serve(("POST", "/a", fail_inside), ("POST", "/b", show_page)) as base:
        async with connect(base + "/a") as member:
            error = await fail(member)
            assert (error.kind, "Virtuoso 42000" in error.reason) == ("status", True)
        async with connect(base + "/b") as member:
            error = await fail(member)
            assert (error.kind, "'Hospital proxy'" in error.reason) == ("content", True)


async def test_429_with_retry_after_is_asked_again():
    calls = []

    async def handle(request):
        calls.append(request)
        if len(calls) == 1:
            return web.Response(status=429, headers={"Retry-After": "0"})
        return await answer_one(request)

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        assert (await collect(member)).height == 1
    assert len(calls) == 2


async def test_credentials_are_sent_and_a_refusal_shows_none():
    seen = []

    async def handle(request):
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=401, text="who are you?")

    named = Credentials(username="ann", password="s3cret:é")
    token = Credentials(token="t0ken")
    async with serve(("POST", "/sparql", handle)) as base:
        for credentials in (named, token):
            async with connect(base + "/sparql", credentials=credentials) as member:
                error = await fail(member)
                assert error.kind == "refused"
                assert "who are you?" in error.reason
                for secret in ("s3cret", "t0ken"):
                    assert secret not in str(error) + repr(credentials)
    encoded = base64.b64encode("ann:s3cret:é".encode()).decode()
    assert seen == [f"Basic {encoded}", "Bearer t0ken"]


async def test_redirects_are_followed_on_the_same_server_only():
    elsewhere = []

    async def steal(request):
        elsewhere.append(request)
        return await answer_one(request)

    async with serve(("POST", "/sparql", steal)) as other:

        async def move(request):
            target = {"/near": "/sparql", "/far": other + "/sparql", "/round": "/round"}
            return web.Response(status=307, headers={"Location": target[request.path]})

        async with serve(
            ("POST", "/near", move),
            ("POST", "/far", move),
            ("POST", "/round", move),
            ("POST", "/sparql", answer_one),
        ) as base:
            async with connect(base + "/near") as member:
                assert (await collect(member)).height == 1
            async with connect(base + "/far", credentials=Credentials(token="t")) as member:
                error = await fail(member)
                assert error.kind == "refused"
                assert other in error.reason
            async with connect(base + "/round") as member:
                assert (await fail(member)).kind == "content"
    assert elsewhere == []


async def test_a_huge_answer_streams_in_bounded_memory():
    block = b"".join(b"<http://example.org/subject/%07d>\n" % number for number in range(8_000))
    blocks = 150

    async def handle(request):
        response = web.StreamResponse(headers={"Content-Type": TSV})
        response.enable_compression()
        await response.prepare(request)
        await response.write(b"?s\n")
        for _ in range(blocks):
            await response.write(block)
        await response.write_eof()
        return response

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        rows = 0
        log = RequestLog()
        tracemalloc.start()
        try:
            async for batch in member.select("q", ["s"], deadline=Deadline(60), log=log):
                rows += batch.height
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert rows == blocks * 8_000
    assert next(iter(log)).bytes == 3 + blocks * len(block)
    assert peak < blocks * len(block) / 2


async def test_a_small_answer_that_unpacks_to_much_is_held_back():
    body = gzip.compress(b"?s\n" + b"<http://example.org/a>\n" * 4_000_000)

    async def handle(_):
        headers = {"Content-Encoding": "gzip"}
        return web.Response(body=body, content_type=TSV, headers=headers)

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        tracemalloc.start()
        batches = member.select("q", ["s"], deadline=Deadline(60), log=RequestLog())
        try:
            async with aclosing(batches):
                async for batch in batches:
                    if batch.height:
                        break
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 30_000_000


async def test_giving_up_ends_the_connection_and_leaves_no_task():
    gone = asyncio.Event()

    async def handle(request):
        response = web.StreamResponse(headers={"Content-Type": TSV})
        await response.prepare(request)
        try:
            await response.write(b"?s\n")
            while True:
                await response.write(b"<http://example.org/a>\n" * 1000)
        except ConnectionError:
            gone.set()
            raise
        return response

    async with (
        serve(("POST", "/sparql", handle)) as base,
        connect(base + "/sparql") as member,
    ):
        before = len(asyncio.all_tasks())
        log = RequestLog()
        batches = member.select("q", ["s"], deadline=Deadline(30), log=log)
        async with aclosing(batches):
            async for batch in batches:
                if batch.height:
                    break
        await asyncio.wait_for(gone.wait(), 10)
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == before
        assert [record.error for record in log] == ["cancelled"]


async def test_cancelling_while_the_answer_is_awaited_leaves_nothing_open():
    hold = asyncio.Event()
    async with serve_bytes(hold=hold) as (url, connections), connect(url) as member:
        task = asyncio.create_task(collect(member))
        while not connections:  # noqa: ASYNC110 - ends with pytest's timeout
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The server's end of the connection sees it close; only its own task is left to end.
        hold.set()
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - ends with pytest's timeout
            await asyncio.sleep(0.01)
        assert connections[0].is_closing()


def test_one_transport_serves_several_event_loops():
    async def use(transport_holder):
        async with serve(("POST", "/sparql", answer_one)) as base:
            transport_holder.url = base + "/sparql"
            request = TransportRequest("SELECT ?s {}", TSV, 5)
            async with transport_holder.send(request) as response:
                body = b"".join([chunk async for chunk in response.chunks])
            await transport_holder.close()
            return body

    transport = HttpTransport("http://127.0.0.1/")
    assert [asyncio.run(use(transport)) for _ in range(2)] == [b"?s\n<e:a>\n"] * 2


async def test_an_answer_from_other_data_than_the_profiles_hands_out_no_row(profile_json):
    stamps = {"profile": "1", "data": "2"}

    async def give_profile(request):
        etag = f'"{stamps["profile"]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(
            body=profile_json(stamps["profile"]),
            content_type="application/json",
            headers={"ETag": etag},
        )

    async def handle(_):
        return web.Response(
            body=b"?s\n<e:a>\n", content_type=TSV, headers={"HKG-Data-Version": stamps["data"]}
        )

    async with (
        serve(
            ("GET", "/.well-known/hkg-profile", give_profile), ("POST", "/sparql", handle)
        ) as base,
        connect(base + "/sparql") as member,
    ):
        deadline = Deadline(30)
        assert (await member.profile(deadline)).stamp == "1"
        log = RequestLog()
        with pytest.raises(StaleProfileError) as caught:
            await collect(member, log=log)
        assert (caught.value.member, caught.value.found) == ("clinic", "2")
        assert [record.rows for record in log] == [0]
        assert await member.profile(deadline) is None
        stamps["profile"] = "2"
        assert (await member.profile(deadline, max_age=0)).stamp == "2"
        assert (await collect(member)).height == 1


async def test_hosts_without_a_profile_have_none():
    async def page(_):
        return web.Response(text="<html>", content_type="text/html")

    async def virtuoso_page(_):
        return web.Response(status=500, text="<html>Error 37000", content_type="text/html")

    profile_routes = [("GET", "/.well-known/hkg-profile", each) for each in (page, virtuoso_page)]
    for routes in ([], *([route] for route in profile_routes)):
        async with serve(*routes) as base, connect(base + "/sparql") as member:
            assert await member.profile(Deadline(30)) is None


async def test_a_check_says_what_answers_and_from_what_data(profile_json):
    async def give_profile(_):
        return web.Response(
            body=profile_json("1"), content_type="application/json", headers={"ETag": '"1"'}
        )

    async def describe(_):
        text = (
            '<> <http://purl.org/dc/terms/title> "St. Mary" ; <http://rdfs.org/ns/void#triples> 7 .'
        )
        return web.Response(text=text, content_type="text/turtle", headers={"Server": "Demo/1"})

    async def handle(_):
        return web.Response(
            body=b'{"head":{},"boolean":true}',
            content_type="application/sparql-results+json",
            headers={"HKG-Data-Version": "1"},
        )

    query_routes = [("POST", "/sparql", handle), ("GET", "/sparql", describe)]
    async with (
        serve(*query_routes, ("GET", "/.well-known/hkg-profile", give_profile)) as base,
        connect(base + "/sparql") as member,
    ):
        status = await member.check(Deadline(30))
    assert (status.up, status.software, status.title) == (True, "Demo/1", "St. Mary")
    assert (status.profile, status.error) == ("current", None)
    assert status.triples == 11
    async with serve(*query_routes) as base, connect(base + "/sparql") as member:
        status = await member.check(Deadline(30))
    assert (status.profile, status.triples) == ("absent", 7)


async def test_a_check_of_a_member_that_is_down_says_why(unused_tcp_port):
    async with connect(f"http://127.0.0.1:{unused_tcp_port}/sparql") as member:
        status = await member.check(Deadline(30))
    assert not status.up
    assert status.milliseconds is None
    assert status.error.startswith("unreachable: ")
