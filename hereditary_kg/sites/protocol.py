"""The SPARQL 1.1 Protocol for queries, as an application over any backend that answers them.

Sources: SPARQL 1.1 Protocol; SPARQL 1.1 Service Description, section 2; VoID, section 7.2.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from hereditary_kg.rdf.media_types import GraphFormat, negotiate
from hereditary_kg.sites.answering import Answer, BrokenAnswerError, send_answer
from hereditary_kg.sites.protocol_request import (
    QueryRequest,
    ServiceError,
    read_query_request,
)

__all__ = [
    "ENDPOINT_PATH",
    "PROFILE_PATH",
    "VERSION_HEADER",
    "VOID_PATH",
    "Answer",
    "Backend",
    "GraphDocument",
    "ProfileDocument",
    "QueryRequest",
    "ServiceError",
    "create_application",
]

ENDPOINT_PATH = "/sparql"
VOID_PATH = "/.well-known/void"
PROFILE_PATH = "/.well-known/hkg-profile"
VERSION_HEADER = "HKG-Data-Version"

_BODY_LIMIT = 8 * 2**20
_VARY = "Accept, Accept-Encoding"
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_request_number: ContextVar[str] = ContextVar("request_number", default="-")
_access = logging.getLogger("hereditary_kg.access")
_log = logging.getLogger("hereditary_kg.service")

GraphDocument: TypeAlias = Callable[[str, GraphFormat], bytes]
"""Writes an RDF document, given the URL at which the service is seen, and a format."""

ProfileDocument: TypeAlias = Callable[[], tuple[bytes, str] | None]
"""Gives the profile and its ETag; None where there is none."""


class Backend(Protocol):
    """Answers queries."""

    async def answer(self, request: QueryRequest) -> Answer:
        """Start to answer a query.

        Raises:
            ServiceError: there is no answer.
        """


def create_application(
    backend: Backend,
    *,
    service_description: GraphDocument,
    void: GraphDocument | None = None,
    profile: ProfileDocument | None = None,
    data_version: Callable[[], str] | None = None,
    allowed_origins: Sequence[str] = (),
    body_limit: int = _BODY_LIMIT,
    redirect_root: bool = True,
) -> web.Application:
    """Make the application that serves a backend.

    Run it with handler cancellation (as `serving.serve_application` does), so that a client that
    leaves ends its query.

    Args:
        backend: answers the queries that come to ``/sparql``.
        service_description: written where ``/sparql`` is asked for nothing.
        void: written at ``/.well-known/void``.
        profile: given at ``/.well-known/hkg-profile``, with ETag and 304.
        data_version: sent with every answer as ``HKG-Data-Version``.
        allowed_origins: the origins whose pages may read answers (CORS); ``*`` allows all.
        body_limit: the longest request body in bytes.
        redirect_root: whether ``/`` leads to ``/sparql``.

    Returns:
        The application; further routes may be added to it.
    """
    desk = _Desk(backend, service_description, void, profile)
    guard = _Guard(data_version, tuple(allowed_origins))
    application = web.Application(middlewares=[guard.wrap], client_max_size=body_limit)
    application.on_response_prepare.append(guard.prepare)
    router = application.router
    router.add_get(ENDPOINT_PATH, desk.query)
    router.add_post(ENDPOINT_PATH, desk.query)
    router.add_options(ENDPOINT_PATH, desk.options)
    if void is not None:
        router.add_get(VOID_PATH, desk.describe_data)
    if profile is not None:
        router.add_get(PROFILE_PATH, desk.give_profile)
    if redirect_root:
        router.add_get("/", desk.redirect)
    return application


@dataclass(frozen=True)
class _Desk:
    """The handlers of one application."""

    backend: Backend
    service_description: GraphDocument
    void: GraphDocument | None
    profile: ProfileDocument | None

    async def query(self, request: web.Request) -> web.StreamResponse:
        query = await read_query_request(request)
        if query is None:
            return _respond_graph(request, self.service_description)
        query = replace(query, base=_base_url(request) + ENDPOINT_PATH)
        answer = await self.backend.answer(query)
        return await send_answer(request, answer)

    async def describe_data(self, request: web.Request) -> web.StreamResponse:
        if self.void is None:
            raise web.HTTPNotFound
        return _respond_graph(request, self.void)

    async def give_profile(self, request: web.Request) -> web.StreamResponse:
        found = self.profile() if self.profile is not None else None
        if found is None:
            raise ServiceError(
                404,
                "There is no profile of the data as they are now; `hkg site profile` builds it.",
            )
        body, version = found
        etag = f'"{version}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        asked = request.headers.get("If-None-Match", "")
        known = {each.strip().removeprefix("W/") for each in asked.split(",")}
        if etag in known or "*" in known:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def options(self, request: web.Request) -> web.StreamResponse:
        """Answer what may be asked; CORS headers are the guard's."""
        del request
        return web.Response(status=204, headers={"Allow": "GET, HEAD, OPTIONS, POST"})

    async def redirect(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(ENDPOINT_PATH + (f"?{request.query_string}" if request.query else ""))


def _respond_graph(request: web.Request, document: GraphDocument) -> web.Response:
    chosen = negotiate(request.headers.get("Accept"), list(GraphFormat))
    if chosen is None:
        offered = ", ".join(each.media_type for each in GraphFormat)
        raise ServiceError(406, f"This document is offered as {offered}.")
    return web.Response(
        body=document(_base_url(request), chosen),
        headers={"Content-Type": f"{chosen.media_type}; charset=utf-8"},
    )


def _base_url(request: web.Request) -> str:
    """Give the URL at which the asker sees the service; a host that is none is not repeated."""
    host = request.host if _HOST.fullmatch(request.host) else "localhost"
    return f"{request.scheme}://{host}"


@dataclass(frozen=True)
class _Guard:
    """What holds of every answer: its version, CORS, errors as plain text, the access log.

    Neither queries nor data nor who asked are logged.
    """

    data_version: Callable[[], str] | None
    allowed_origins: tuple[str, ...]

    @property
    def wrap(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self.handle(request, handler)

        return guard

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        number = secrets.token_hex(4)
        _request_number.set(number)
        started = time.monotonic()
        status: int | str = "aborted"
        response: web.StreamResponse | None = None
        try:
            response = await self._answer(request, handler, number)
            status = response.status
        except BrokenAnswerError as error:
            _log.warning("request %s: the answer broke off: %s", number, error)
            # The connection is gone; this only ends the handler.
            response = web.Response(status=500)
        finally:
            _access.info(
                "request %s: status %s, %s bytes, %.0f ms",
                number,
                status,
                _size(response),
                (time.monotonic() - started) * 1000,
            )
        return response

    async def _answer(
        self, request: web.Request, handler: Handler, number: str
    ) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ServiceError as error:
            response = _refuse(error.status, error.text)
            response.headers.update(error.headers)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = _refuse(error.status, _EXPLANATIONS.get(error.status, error.reason))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except BrokenAnswerError:
            raise
        except Exception as error:
            _log.error("request %s: %s in the service", number, type(error).__name__)
            response = _refuse(500, f"The service failed; the operator's log has it as {number}.")
        return response

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers that every response has."""
        headers = response.headers
        headers["X-Request-Id"] = _request_number.get()
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Vary"] = f"{_VARY}, Origin" if self.allowed_origins else _VARY
        if self.data_version is not None:
            headers[VERSION_HEADER] = self.data_version()
        origin = request.headers.get("Origin")
        if origin and ("*" in self.allowed_origins or origin in self.allowed_origins):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = VERSION_HEADER
            if request.method == "OPTIONS":
                headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS, POST"
                headers["Access-Control-Allow-Headers"] = "Accept, Authorization, Content-Type"
                headers["Access-Control-Max-Age"] = "86400"


def _size(response: web.StreamResponse | None) -> int:
    if isinstance(response, web.Response):
        return len(response.body) if isinstance(response.body, bytes) else 0
    return response.body_length if response is not None else 0


_EXPLANATIONS = {
    404: f"There is nothing here; queries go to {ENDPOINT_PATH}.",
    405: "This method is not allowed here; ask by GET or POST.",
    413: "The request's body is larger than this endpoint takes.",
}


def _refuse(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text.rstrip("\n") + "\n")
