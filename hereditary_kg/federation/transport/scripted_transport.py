"""A member that answers what a test has written for it, faults included."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from hereditary_kg.federation.transport.protocol import (
    FetchedProfile,
    ServiceIdentity,
    TransportRequest,
    TransportResponse,
)

__all__ = ["ScriptedAnswer", "ScriptedTransport"]

Step: TypeAlias = bytes | str | float | Exception


@dataclass(frozen=True)
class ScriptedAnswer:
    """An answer and how it goes wrong.

    Attributes:
        body: the steps of the body: bytes and text are sent, a number is a pause in seconds,
            an exception is raised (`TruncatedAnswerError` for a cut connection). A lone step
            needs no list.
        status: the HTTP status.
        media_type: the Content-Type.
        headers: further headers.
        delay: seconds before the answer begins.
        delimited: whether the body's end can be told from a broken connection.
    """

    body: Step | Sequence[Step] = ()
    status: int = 200
    media_type: str = "text/tab-separated-values"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    delimited: bool = True

    async def play(self) -> AsyncGenerator[bytes, None]:
        """Do the steps of the body in turn."""
        steps = self.body
        if isinstance(steps, bytes | str | float | int | Exception):
            steps = (steps,)
        for step in steps:
            match step:
                case bytes():
                    yield step
                case str():
                    yield step.encode()
                case Exception():
                    raise step
                case _:
                    await asyncio.sleep(step)


Handler: TypeAlias = Callable[
    [TransportRequest], ScriptedAnswer | Exception | Awaitable[ScriptedAnswer | Exception]
]


class ScriptedTransport:
    """A transport whose answers a handler gives.

    Attributes:
        requests: every request so far.
        open: number of answers that are being read now.
        most_open: the greatest number of answers that were open at once.
        profile: what `fetch_profile` gives.
        identity: what `identify` gives.
    """

    def __init__(self, handler: Handler) -> None:
        """Take the handler.

        Args:
            handler: called with every request. What it returns is the answer (an exception is
                raised instead); it may raise, too, and may be a coroutine function.
        """
        self._handler = handler
        self.requests: list[TransportRequest] = []
        self.open = 0
        self.most_open = 0
        self.profile: FetchedProfile | None = None
        self.identity = ServiceIdentity(software="scripted")

    @asynccontextmanager
    async def send(self, request: TransportRequest) -> AsyncIterator[TransportResponse]:
        """Call the handler and play its answer."""
        self.requests.append(request)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            answer = self._handler(request)
            if isinstance(answer, Awaitable):
                answer = await answer
            if isinstance(answer, Exception):
                raise answer
            await asyncio.sleep(answer.delay)
            yield TransportResponse(
                status=answer.status,
                media_type=answer.media_type,
                headers=answer.headers,
                chunks=answer.play(),
                delimited=answer.delimited,
            )
        finally:
            self.open -= 1

    async def fetch_profile(self, etag: str | None) -> FetchedProfile | None:
        """Give `profile`, without its content where the version is the one asked with."""
        profile = self.profile
        if profile is not None and profile.etag is not None and profile.etag == etag:
            return FetchedProfile(etag, None)
        return profile

    async def identify(self) -> ServiceIdentity:
        """Give `identity`."""
        return self.identity

    async def close(self) -> None:
        """Nothing is open."""
