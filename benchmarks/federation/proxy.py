"""The proxy in front of all members: delays, counts, and breaks what it is told to break.

One process, one port a member, so that an engine sees hosts of their own. Answers stream through.
Run as ``python -m benchmarks.federation.proxy CONTROL_PORT FILE``; the file is JSON, per member
the port of its server. On the control port:

- ``GET /members``: per member the port where the proxy stands for it;
- ``POST /settings``: ``{"delay": seconds, "faults": {member: fault}}``, see `Fault`;
- ``POST /reset``: forget the requests;
- ``GET /requests``: the requests since then, as `RequestTrace` has them.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from benchmarks.federation.row_capping import cap_rows
from benchmarks.federation.row_counting import RowCounter
from benchmarks.federation.traffic import OTHER, RequestTrace, classify_request

__all__ = ["Fault", "MemberProxy"]

_PASSED_ON = ("Accept", "Content-Type")
_PIECE = 1 << 17
_SETTLING_SECONDS = 1.0


@dataclass
class Fault:
    """What goes wrong with queries at a member; None or 0 where nothing of that kind does.

    Attributes:
        status: answer with this status instead of asking the member.
        times: only so many requests, then the member is well again; None for all.
        cut_after: break the connection off after so many bytes of the answer's body.
        row_cap: give at most so many rows and a well-formed end, saying nothing.
        delay: seconds more than the others have.
        every: only every so manyth request.
        requests: how many have come.
    """

    status: int | None = None
    times: int | None = None
    cut_after: int | None = None
    row_cap: int | None = None
    delay: float = 0.0
    every: int = 1
    requests: int = 0

    def strike(self) -> bool:
        """Whether the next request is affected."""
        self.requests += 1
        if self.requests % self.every:
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


class MemberProxy:
    """The proxy's state and handlers.

    Args:
        backends: per member the base URL of its server; ``/sparql`` of the proxy is its
            ``/query``.
    """

    def __init__(self, backends: Mapping[str, str]) -> None:
        self._backends = dict(backends)
        self._delay = 0.0
        self._faults: dict[str, Fault] = {}
        self._exchanges: list[_Exchange] = []
        self._session: aiohttp.ClientSession | None = None
        self._runners: list[web.AppRunner] = []
        self.ports: dict[str, int] = {}

    async def start(self, control_port: int = 0) -> int:
        """Listen on a free port for every member and on one for control; give the latter."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        for name in self._backends:
            self.ports[name] = await self._listen(self._member_application(name), 0)
        return await self._listen(self._control_application(), control_port)

    async def stop(self) -> None:
        """Close all ports and connections."""
        for runner in self._runners:
            await runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _listen(self, application: web.Application, port: int) -> int:
        runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        return int(runner.addresses[0][1])

    def _member_application(self, name: str) -> web.Application:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._pass_on(name, request)

        application = web.Application(client_max_size=1 << 28)
        application.router.add_route("*", "/{path:.*}", handle)
        return application

    def _control_application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/members", self._show_members)
        application.router.add_post("/settings", self._take_settings)
        application.router.add_post("/reset", self._reset)
        application.router.add_get("/requests", self._show_requests)
        return application

    async def _show_members(self, _request: web.Request) -> web.Response:
        return web.json_response(self.ports)

    async def _take_settings(self, request: web.Request) -> web.Response:
        settings = await request.json()
        self._delay = float(settings.get("delay", 0.0))
        self._faults = {name: Fault(**fault) for name, fault in settings.get("faults", {}).items()}
        return web.json_response({})

    async def _reset(self, _request: web.Request) -> web.Response:
        self._exchanges.clear()
        return web.json_response({})

    async def _show_requests(self, _request: web.Request) -> web.Response:
        """Show the requests; what an engine has just given up is waited for."""
        deadline = time.perf_counter() + _SETTLING_SECONDS
        while time.perf_counter() < deadline:
            if all(exchange.seconds is not None for exchange in self._exchanges):
                break
            await asyncio.sleep(0.005)
        return web.json_response([asdict(exchange.trace()) for exchange in self._exchanges])

    async def _pass_on(self, name: str, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        body = await request.read()
        exchange = _Exchange(name, _read_query(request, body), started)
        self._exchanges.append(exchange)
        fault = self._faults.get(name)
        # Engines start as without faults, and look at profiles and descriptions.
        if fault is None or not exchange.query or not fault.strike():
            fault = Fault()
        try:
            if self._delay + fault.delay:
                await asyncio.sleep(self._delay + fault.delay)
            if fault.status is not None:
                exchange.status = fault.status
                return web.Response(status=fault.status, text="injected fault")
            return await self._exchange(request, body, fault, exchange)
        finally:
            exchange.seconds = time.perf_counter() - started

    async def _exchange(
        self, request: web.Request, body: bytes, fault: Fault, exchange: "_Exchange"
    ) -> web.StreamResponse:
        if self._session is None:
            raise RuntimeError("the proxy was not started")
        path = "/query" if request.path == "/sparql" else request.path
        url = self._backends[exchange.member] + path
        headers = {key: request.headers[key] for key in _PASSED_ON if key in request.headers}
        async with self._session.request(
            request.method, url, params=request.query_string, data=body or None, headers=headers
        ) as upstream:
            media_type = upstream.headers.get("Content-Type", "text/plain")
            exchange.status = upstream.status
            exchange.counter = RowCounter(media_type)
            response = web.StreamResponse(
                status=upstream.status, headers={"Content-Type": media_type}
            )
            if fault.row_cap is not None:
                document = cap_rows(await upstream.read(), media_type, fault.row_cap)
                exchange.take(document)
                return web.Response(status=upstream.status, body=document, headers=response.headers)
            await response.prepare(request)
            async for piece in upstream.content.iter_chunked(_PIECE):
                left = None if fault.cut_after is None else fault.cut_after - exchange.bytes
                if left is not None and len(piece) >= left:
                    exchange.take(piece[:left])
                    await response.write(piece[:left])
                    if request.transport is not None:
                        request.transport.abort()
                    return response
                exchange.take(piece)
                await response.write(piece)
            await response.write_eof()
            return response


class _Exchange:
    """What is known of a request so far."""

    def __init__(self, member: str, query: str, started: float) -> None:
        self.member = member
        self.query = query
        self.started = started
        self.seconds: float | None = None
        self.status = 0
        self.bytes = 0
        self.counter = RowCounter("")

    def take(self, piece: bytes) -> None:
        self.bytes += len(piece)
        self.counter.take(piece)

    def trace(self) -> RequestTrace:
        seconds = time.perf_counter() - self.started if self.seconds is None else self.seconds
        return RequestTrace(
            member=self.member,
            kind=classify_request(self.query) if self.query else OTHER,
            query=self.query,
            status=self.status,
            rows=self.counter.rows() if self.status == 200 else 0,
            bytes=self.bytes,
            milliseconds=seconds * 1000,
        )


def _read_query(request: web.Request, body: bytes) -> str:
    """Find the query in a request of the SPARQL protocol; empty where there is none."""
    if "query" in request.query:
        return request.query["query"]
    if request.content_type == "application/sparql-query":
        return body.decode("utf-8", "replace")
    if request.content_type == "application/x-www-form-urlencoded":
        return parse_qs(body.decode("utf-8", "replace")).get("query", [""])[0]
    return ""


async def _run(control_port: int, backends: Mapping[str, Any]) -> None:
    proxy = MemberProxy({name: f"http://127.0.0.1:{port}" for name, port in backends.items()})
    try:
        await proxy.start(control_port)
        await asyncio.Event().wait()
    finally:
        await proxy.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("control_port", type=int)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    asyncio.run(_run(arguments.control_port, json.loads(arguments.file.read_text())))
