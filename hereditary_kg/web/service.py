"""The federation's service: one SPARQL 1.1 endpoint over all its members."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from hereditary_kg.execution.engine import AsyncFederation
from hereditary_kg.execution.memory import DEFAULT_MEMORY_LIMIT
from hereditary_kg.federation.description import FederationDescription
from hereditary_kg.rdf.media_types import GraphFormat
from hereditary_kg.sites.protocol import ENDPOINT_PATH, ServiceError, create_application
from hereditary_kg.sites.service_description import describe_service
from hereditary_kg.sites.serving import serve_application
from hereditary_kg.web.backend import MediatorBackend
from hereditary_kg.web.certificate_shelf import CertificateShelf
from hereditary_kg.web.page import PAGE_HEADERS, write_page
from hereditary_kg.web.page_explanations import describe_diagnosis, describe_plan

__all__ = [
    "CERTIFICATES_PATH",
    "DIAGNOSES_PATH",
    "PLANS_PATH",
    "create_federation_application",
    "serve",
]

CERTIFICATES_PATH = "/certificates"
DIAGNOSES_PATH = "/diagnoses"
PLANS_PATH = "/plans"


async def serve(
    federation: AsyncFederation,
    host: str,
    port: int,
    *,
    timeout: float,
    concurrency: int,
    memory_limit: int | None = DEFAULT_MEMORY_LIMIT,
    allowed_origins: Sequence[str] = (),
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
    drain_seconds: float = 30.0,
) -> None:
    """Serve a federation until SIGTERM or SIGINT comes, or ``stop`` is set.

    Then no more connections are taken, queries that run may finish, and the federation's
    connections are closed.

    Args:
        federation: the federation; closed at the end.
        host: the address to listen on.
        port: the TCP port; 0 takes a free one.
        timeout: seconds that one query may take.
        concurrency: how many queries run at once; further ones wait for their turn.
        memory_limit: bytes that one query may hold, None for no limit.
        allowed_origins: the origins whose pages may read answers (CORS); none as a rule.
        on_ready: told the service's URL once it takes queries.
        stop: ends the service when it is set.
        drain_seconds: how long queries that run may take to finish at the end.

    Raises:
        SiteError: the address cannot be listened on.
    """
    application = create_federation_application(
        federation,
        timeout=timeout,
        concurrency=concurrency,
        memory_limit=memory_limit,
        allowed_origins=allowed_origins,
    )
    try:
        await serve_application(
            application, host, port, on_ready=on_ready, stop=stop, drain_seconds=drain_seconds
        )
    finally:
        await federation.close()


def create_federation_application(
    federation: AsyncFederation,
    *,
    timeout: float,
    concurrency: int,
    memory_limit: int | None = DEFAULT_MEMORY_LIMIT,
    queue_limit: int = 1024,
    allowed_origins: Sequence[str] = (),
) -> web.Application:
    """Make the application that serves a federation.

    ``/sparql`` answers queries (see `MediatorBackend`), ``/certificates/ID`` tells what became
    of an answer and what it is worth, ``/plans/ID`` what was asked of whom for it, ``/`` is a
    page for people. POST to ``/diagnoses/ID`` asks why an answer is empty, and is answered by a
    `Diagnosis` as JSON.

    Args:
        federation: the federation; it stays open.
        timeout: seconds that one query may take.
        concurrency: how many queries run at once.
        memory_limit: bytes that one query may hold, None for no limit.
        queue_limit: how many more may wait for their turn.
        allowed_origins: the origins whose pages may read answers (CORS).
    """
    shelf = CertificateShelf()
    backend = MediatorBackend(
        federation,
        shelf,
        timeout=timeout,
        concurrency=concurrency,
        queue_limit=queue_limit,
        memory_limit=memory_limit,
    )
    desk = _Desk(federation.description, shelf, backend)
    application = create_application(
        backend,
        service_description=desk.describe,
        allowed_origins=allowed_origins,
        redirect_root=False,
    )
    application.router.add_get("/", desk.show_page)
    application.router.add_get(CERTIFICATES_PATH + "/{identifier}", desk.show_record)
    application.router.add_get(PLANS_PATH + "/{identifier}", desk.show_plan)
    application.router.add_post(DIAGNOSES_PATH + "/{identifier}", desk.diagnose)
    return application


class _Desk:
    """The handlers of one federation's own resources."""

    def __init__(
        self, description: FederationDescription, shelf: CertificateShelf, backend: MediatorBackend
    ) -> None:
        self._description = description
        self._shelf = shelf
        self._backend = backend
        self._page = write_page(description)

    def describe(self, base_url: str, graph_format: GraphFormat) -> bytes:
        return describe_service(
            title=self._description.title or self._description.name,
            endpoint=base_url + ENDPOINT_PATH,
            graph_format=graph_format,
        )

    async def show_page(self, request: web.Request) -> web.Response:
        """Show people the page; whatever asks for no HTML is a client of the endpoint."""
        if "text/html" not in request.headers.get("Accept", "").lower():
            query = f"?{request.query_string}" if request.query_string else ""
            raise web.HTTPFound(ENDPOINT_PATH + query)
        return web.Response(text=self._page, content_type="text/html", headers=PAGE_HEADERS)

    async def show_record(self, request: web.Request) -> web.Response:
        record = self._shelf.find(request.match_info["identifier"])
        if record is None:
            raise ServiceError(
                404,
                "There is no such answer here; only the certificates of the last ones are kept.",
            )
        headers = {"Cache-Control": "no-store"}
        return web.json_response(record.to_dict(), headers=headers)

    async def show_plan(self, request: web.Request) -> web.Response:
        record = self._shelf.find(request.match_info["identifier"])
        if record is None or record.plan is None:
            raise ServiceError(
                404, "There is no such plan here; only those of the last answers are."
            )
        headers = {"Cache-Control": "no-store"}
        return web.json_response(describe_plan(record.plan()), headers=headers)

    async def diagnose(self, request: web.Request) -> web.Response:
        record = self._shelf.find(request.match_info["identifier"])
        if record is None or record.request is None:
            raise ServiceError(
                404,
                "There is no such query here; only those of the last answers are kept. "
                "Ask it again.",
            )
        diagnosis = await self._backend.diagnose(record.request)
        headers = {"Cache-Control": "no-store"}
        told = describe_diagnosis(diagnosis, self._description.prefixes)
        return web.json_response(told, headers=headers)
