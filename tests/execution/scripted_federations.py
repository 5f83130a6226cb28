"""Federations of scripted endpoints: real data behind them, and faults that a test turns on.

An :class:`Endpoint` answers SELECT and ASK queries over a store of its own, either within the
process (:meth:`Endpoint.member`) or over HTTP on loopback (:class:`HttpServers`). Setting
``fault`` to one of :data:`FAULTS` makes its queries go wrong; its profile stays right.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Self

import pyoxigraph as ox
from aiohttp import web

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.federation import Federation
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.errors import TruncatedAnswerError, UnreachableError
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.transport import (
    FetchedProfile,
    HttpTransport,
    ScriptedAnswer,
    ScriptedTransport,
    TransportRequest,
)
from hereditary_kg.sites.profiling import profile_store
from tests.dealt_federations import Triple, store_of

TSV = "text/tab-separated-values"
HTML = "<!DOCTYPE html><html><title>Maintenance</title><p>Back soon</p></html>"
LONG = 60.0

FAULTS = {
    "down": "unreachable",
    "slow": "timeout",
    "dripping": "timeout",
    "500": "status",
    "HTML with 200": "content",
    "cut off": "truncated",
}
"""What can go wrong, and the kind of the error that it becomes."""

NAMESPACE = "http://example.org/"
_STAMPS = itertools.count(1)


def triple(subject: str, predicate: str, target: str) -> Triple:
    """Write a triple: names in the example namespace, literals and blank nodes as they are."""
    texts = [
        text if text.startswith(('"', "_:", "<")) else f"<{NAMESPACE}{text}>"
        for text in (subject, predicate, target)
    ]
    return texts[0], texts[1], texts[2]


def triples(*lines: str) -> list[Triple]:
    """Write triples, three words each."""
    return [triple(*line.split(" ", 2)) for line in lines]


class _Dripping(ScriptedAnswer):
    """A first row, then the beginning of a second one that never ends."""

    async def play(self):
        assert isinstance(self.body, bytes)
        yield self.body
        while True:
            await asyncio.sleep(0.01)
            yield b"x"


class Endpoint:
    """A SPARQL endpoint whose data and manners a test may change at any time.

    Attributes:
        name: the member's name.
        fault: one of :data:`FAULTS`, or None where it does what it should.
        before: called with every query before it is answered.
        store: its data.
        stamp: the version of its data.
        transport: the way to it within the process.
    """

    def __init__(self, name: str, data: Iterable[Triple]) -> None:
        self.name = name
        self.fault: str | None = None
        self.before: Callable[[TransportRequest], object] | None = None
        self.transport = ScriptedTransport(self._answer)
        self.load(data)

    def load(self, data: Iterable[Triple], *, profiled: bool = True) -> None:
        """Take other data; without ``profiled`` the profile stays that of the old ones."""
        self.store = store_of(data)
        self.stamp = f"{self.name}-{next(_STAMPS)}"
        if profiled:
            profile = profile_store(self.store, self.stamp)
            self.transport.profile = FetchedProfile(self.stamp, profile.to_json())

    @property
    def queries(self) -> list[str]:
        """The queries that came within the process."""
        return [request.query for request in self.transport.requests]

    def evaluate(self, query: str) -> tuple[str, bytes]:
        """Give the media type and the document of the right answer."""
        results = self.store.query(query)
        if isinstance(results, ox.QueryBoolean):
            document = results.serialize(format=ox.QueryResultsFormat.JSON)
            media_type = "application/sparql-results+json"
        else:
            assert isinstance(results, ox.QuerySolutions)
            document = results.serialize(format=ox.QueryResultsFormat.TSV)
            media_type = TSV
        assert document is not None
        return media_type, document

    def _answer(self, request: TransportRequest) -> ScriptedAnswer | Exception:
        if self.before is not None:
            self.before(request)
        headers = {"HKG-Data-Version": self.stamp}
        match self.fault:
            case "down":
                return UnreachableError("connection refused")
            case "500":
                return ScriptedAnswer("out of memory", status=500, media_type="text/plain")
            case "HTML with 200":
                return ScriptedAnswer(HTML, media_type="text/html")
            case "slow":
                return ScriptedAnswer(delay=LONG)
        media_type, document = self.evaluate(request.query)
        if self.fault == "dripping":
            return _Dripping(first_row(document) + b"<http://", media_type=media_type)
        if self.fault == "cut off":
            cut = TruncatedAnswerError("the connection was cut")
            return ScriptedAnswer([first_row(document), cut], media_type=media_type)
        return ScriptedAnswer(document, media_type=media_type, headers=headers)

    def member(self, **described: object) -> Member:
        """Give the endpoint as a member within the process."""
        return Member(
            MemberDescription(self.name, **described),
            self.transport,
            retry_policy=RetryPolicy(base=0.001),
        )


def first_row(document: bytes) -> bytes:
    """Cut a TSV document behind its first row."""
    return b"".join(document.splitlines(keepends=True)[:2])


def federation_of(*members: Member | Endpoint) -> AsyncFederation:
    """Make a federation."""
    connected = [m.member() if isinstance(m, Endpoint) else m for m in members]
    descriptions = tuple(member.description for member in connected)
    return AsyncFederation(FederationDescription("scripted", members=descriptions), connected)


class HttpServers:
    """Serves endpoints over HTTP on loopback, from a thread and an event loop of its own."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.endpoints = endpoints
        self.open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._runners: list[web.AppRunner] = []
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self, endpoint: Endpoint) -> None:
        """Take one of the servers down."""
        place = self.endpoints.index(endpoint)
        self._do(self._runners[place].cleanup())

    def members(self, **described: object) -> list[Member]:
        """Give the endpoints as members behind URLs."""
        return [
            Member(
                MemberDescription(endpoint.name, url=url, **described),
                HttpTransport(url),
                retry_policy=RetryPolicy(base=0.001),
            )
            for endpoint in self.endpoints
            for url in (self._addresses[endpoint.name],)
        ]

    def federation(self, **described: object) -> AsyncFederation:
        """Give the federation of all endpoints."""
        return federation_of(*self.members(**described))

    def synchronous_federation(self, **described: object) -> Federation:
        """Give the federation of all endpoints with its synchronous face."""
        engine = self.federation(**described)
        return Federation(engine.description, engine.members)

    async def _start(self) -> None:
        for endpoint in self.endpoints:
            application = web.Application(handler_args={"handler_cancellation": True})
            answer = self._answerer(endpoint)
            application.router.add_post("/sparql", answer)
            application.router.add_get("/.well-known/hkg-profile", _profiler(endpoint))
            runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0]
            self._runners.append(runner)
            self._addresses[endpoint.name] = f"http://{host}:{port}/sparql"

    async def _stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def _answerer(self, endpoint: Endpoint):
        async def answer(request: web.Request) -> web.StreamResponse:
            self.open += 1
            try:
                return await _respond(endpoint, request)
            finally:
                self.open -= 1

        return answer


def _profiler(endpoint: Endpoint):
    async def profile(request: web.Request) -> web.StreamResponse:
        fetched = await endpoint.transport.fetch_profile(request.headers.get("If-None-Match"))
        assert fetched is not None
        if fetched.content is None:
            return web.Response(status=304)
        headers = {"ETag": fetched.etag or ""}
        return web.Response(body=fetched.content, content_type="application/json", headers=headers)

    return profile


async def _respond(endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
    query = (await request.post())["query"]
    assert isinstance(query, str)
    match endpoint.fault:
        case "500":
            return web.Response(status=500, text="out of memory")
        case "HTML with 200":
            return web.Response(text=HTML, content_type="text/html")
        case "slow":
            await asyncio.sleep(LONG)
    media_type, document = endpoint.evaluate(query)
    headers = {"HKG-Data-Version": endpoint.stamp, "Content-Type": media_type}
    response = web.StreamResponse(headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    if endpoint.fault is None:
        await response.write(document)
    else:
        await response.write(first_row(document))
    if endpoint.fault == "dripping":
        await response.write(b"<http://")
        while True:
            await asyncio.sleep(0.01)
            await response.write(b"x")
    if endpoint.fault == "cut off":
        assert request.transport is not None
        request.transport.abort()
    return response
