"""Serving a review's page to its reviewers, on this machine only.

Each reviewer has an address with a random token; whoever has no token gets nothing, also from
other programs and pages on the machine. Nothing is logged.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from hereditary_kg.semantics.errors import ReviewError
from hereditary_kg.semantics.review.decisions import Decision
from hereditary_kg.semantics.review.reviewers import Reviewer
from hereditary_kg.semantics.review.session import ReviewSession, View
from hereditary_kg.sites.serving import serve_application
from hereditary_kg.web.review.page import PAGE_HEADERS, write_page
from hereditary_kg.web.review.views import describe_view

__all__ = ["create_review_application", "make_tokens", "serve_review"]

_HOST = "127.0.0.1"
_LARGEST = 1 << 14
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_tokens(reviewers: Sequence[Reviewer]) -> dict[str, Reviewer]:
    """Make a token for each reviewer."""
    return {secrets.token_urlsafe(24): reviewer for reviewer in reviewers}


async def serve_review(
    session: ReviewSession,
    reviewers: Sequence[Reviewer],
    *,
    port: int = 0,
    on_ready: Callable[[Mapping[Reviewer, str]], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve a review until SIGTERM or SIGINT comes, or ``stop`` is set.

    Args:
        session: the review; stays open.
        reviewers: who may review.
        port: the TCP port on 127.0.0.1; 0 takes a free one.
        on_ready: told each reviewer's address.
        stop: ends the service when it is set.

    Raises:
        SiteError: the port cannot be listened on.
    """
    tokens = make_tokens(reviewers)

    def tell(url: str) -> None:
        if on_ready is not None:
            on_ready({reviewer: f"{url}/{token}/" for token, reviewer in tokens.items()})

    application = create_review_application(session, tokens)
    await serve_application(application, _HOST, port, on_ready=tell, stop=stop, drain_seconds=5.0)


def create_review_application(
    session: ReviewSession, tokens: Mapping[str, Reviewer]
) -> web.Application:
    """Make the application that serves a review.

    ``/TOKEN/`` is the page, ``/TOKEN/state`` what its reviewer is to decide. POST to
    ``/TOKEN/decisions`` (``{"subject": ..., "object": ..., "decision": ...}``), ``/TOKEN/undo``
    and ``/TOKEN/recall`` answer with the state after that.

    Args:
        session: the review; stays open.
        tokens: who has which.
    """
    desk = _Desk(session, tokens)
    application = web.Application(client_max_size=_LARGEST, middlewares=[_guard])
    application.router.add_get("/{token}/", desk.show_page)
    application.router.add_get("/{token}/state", desk.show_state)
    application.router.add_post("/{token}/decisions", desk.decide)
    application.router.add_post("/{token}/undo", desk.undo)
    application.router.add_post("/{token}/recall", desk.recall)
    return application


@web.middleware
async def _guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Keep out pages of other origins, also ones whose name leads to this machine."""
    name = request.host.rsplit(":", 1)[0]
    if name not in {_HOST, "localhost"}:
        return _refusal(403, "This page is for this machine only.")
    origin = request.headers.get("Origin")
    if request.method == "POST":
        if origin not in {None, f"http://{request.host}"}:
            return _refusal(403, "This comes from another page.")
        if request.content_type != "application/json":
            return _refusal(415, "Decisions are sent as JSON.")
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _refusal(error.status, error.reason)
    except ReviewError as error:
        return _refusal(409, str(error))


def _refusal(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status, headers=_HEADERS)


class _Desk:
    """The handlers of one review."""

    def __init__(self, session: ReviewSession, tokens: Mapping[str, Reviewer]) -> None:
        self._session = session
        self._tokens = tokens

    def _reviewer(self, request: web.Request) -> Reviewer:
        given = request.match_info["token"].encode()
        for token, reviewer in self._tokens.items():
            # In a time that tells nothing of how much of a token was right.
            if hmac.compare_digest(token.encode(), given):
                return reviewer
        raise web.HTTPNotFound

    async def show_page(self, request: web.Request) -> web.Response:
        page = write_page(self._session.path.name, self._reviewer(request))
        return web.Response(text=page, content_type="text/html", headers=PAGE_HEADERS)

    async def show_state(self, request: web.Request) -> web.Response:
        reviewer = self._reviewer(request)
        return await self._answer(lambda: self._session.view(reviewer))

    async def decide(self, request: web.Request) -> web.Response:
        reviewer = self._reviewer(request)
        try:
            sent = json.loads(await request.text())
            pair = (str(sent["subject"]), str(sent["object"]))
            decision = Decision(sent["decision"])
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(reason="This is no decision.") from error
        return await self._answer(lambda: self._session.decide(reviewer, pair, decision))

    async def undo(self, request: web.Request) -> web.Response:
        reviewer = self._reviewer(request)
        return await self._answer(lambda: self._session.undo(reviewer))

    async def recall(self, request: web.Request) -> web.Response:
        reviewer = self._reviewer(request)
        return await self._answer(lambda: self._session.recall(reviewer))

    async def _answer(self, act: Callable[[], View]) -> web.Response:
        """Act in a thread, to the end also where the client leaves meanwhile."""
        view = await asyncio.shield(asyncio.to_thread(act))
        told: dict[str, Any] = describe_view(view)
        return web.json_response(told, headers=_HEADERS)
