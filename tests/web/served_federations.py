"""Federations for the tests of the web service, and a client for them."""

import asyncio

import aiohttp
import pyoxigraph as ox
from aiohttp.test_utils import TestServer

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.federation.description import FederationDescription, MemberDescription
from hereditary_kg.federation.member import Member
from hereditary_kg.federation.retry import RetryPolicy
from hereditary_kg.federation.transport import EmbeddedTransport, ScriptedAnswer, ScriptedTransport
from hereditary_kg.web.service import create_federation_application

PREFIXES = {"ex": "http://example.org/"}


def make_store(rows):
    """A store of ``ex:sN ex:p N`` for each number."""
    store = ox.Store()
    lines = [f'<http://example.org/s{n}> <http://example.org/p> "{n}" .\n' for n in rows]
    store.load("".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES)
    return store


def make_federation(**transports):
    members = [
        Member(MemberDescription(name), transport, retry_policy=RetryPolicy(retries=0))
        for name, transport in transports.items()
    ]
    description = FederationDescription(
        "test",
        "A <test> & more",
        prefixes=PREFIXES,
        members=tuple(member.description for member in members),
    )
    return AsyncFederation(description, members)


def make_halves():
    """A federation of two members that share half of their rows: 30 rows in all."""
    return make_federation(
        east=EmbeddedTransport(make_store(range(20))),
        west=EmbeddedTransport(make_store(range(10, 30))),
    )


def scripted(answer):
    """A transport that gives the probes what they want, and ``answer`` to all else."""

    def handle(request):
        if callable(answer):
            return answer(request)
        return answer

    return ScriptedTransport(handle)


def make_faulty(fault):
    """A sound member, and one that does ``fault``."""
    return make_federation(sound=EmbeddedTransport(make_store(range(3))), faulty=scripted(fault))


def slowly(seconds):
    return ScriptedAnswer("?s\t?n\n", delay=seconds)


class Client:
    """A client of a federation that is served in this event loop."""

    def __init__(self, federation, *, timeout=20.0, concurrency=4, **options):
        self.federation = federation
        self.application = create_federation_application(
            federation, timeout=timeout, concurrency=concurrency, **options
        )

    async def __aenter__(self):
        self.server = TestServer(self.application, handler_cancellation=True)
        await self.server.start_server(access_log=None)
        self.session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *failure):
        await self.session.close()
        await self.server.close()
        await self.federation.close()
        # Connections close in the loop's next round.
        await asyncio.sleep(0)

    def url(self, path="/sparql"):
        return str(self.server.make_url(path))

    async def get(self, path, **headers):
        async with self.session.get(
            self.url(path), headers=headers, allow_redirects=False
        ) as response:
            return response, await response.text()

    async def ask(self, query, accept=None, **parameters):
        """POST a query as a form."""
        form = {"query": query, **{k.replace("_", "-"): v for k, v in parameters.items()}}
        headers = {"Accept": accept} if accept else {}
        async with self.session.post(self.url(), data=form, headers=headers) as response:
            return response, await response.read()
