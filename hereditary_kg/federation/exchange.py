"""One query sent to one member: its attempts, its limits of time, and what they moved."""

import html
import re
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from http import HTTPStatus

from hereditary_kg.federation.deadline import WaitBudget
from hereditary_kg.federation.dialects import check_dialect
from hereditary_kg.federation.errors import RefusedError, StatusError, UnusableAnswerError
from hereditary_kg.federation.retry import RetryPolicy, read_retry_after, send_patiently
from hereditary_kg.federation.transport import Transport, TransportRequest, TransportResponse
from hereditary_kg.rdf.media_types import ResultFormat, essence

__all__ = ["Exchange"]

_QUOTED_CHARACTERS = 300
_QUOTED_BYTES = 4096
_SELF_DELIMITING = {ResultFormat.JSON, ResultFormat.XML}
_INVISIBLE = re.compile(
    r"<!--.*?-->|<(head|script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE
)
_HTML_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)


class Exchange:
    """A request and its answer.

    Attributes:
        query: the query text.
        budget: the time it may wait.
        attempts: how often it was sent.
        status: the last HTTP status, None before there was one.
        latency: seconds until the answer began, of the last attempt.
        bytes: size of the answer so far, after content decoding.
        rows: solutions handed out so far; kept by whoever reads them.
    """

    def __init__(
        self,
        transport: Transport,
        query: str,
        accept: str,
        budget: WaitBudget,
        policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.query = query
        self.budget = budget
        self.attempts = 0
        self.status: int | None = None
        self.latency = 0.0
        self.bytes = 0
        self.rows = 0
        self._transport = transport
        self._accept = accept
        self._policy = policy
        self._clock = clock

    async def open(self, stack: AsyncExitStack) -> TransportResponse:
        """Send the query, again after passing failures, until an answer begins.

        Args:
            stack: what the answer lives in; closing it gives up the rest of the answer.

        Returns:
            An answer of status 200 with query results in a format that is read here.

        Raises:
            TransportError: there is no such answer.
            TimeoutError: none began in time.
        """
        return await send_patiently(
            lambda: self._attempt(stack), self._policy, self.budget.deadline, clock=self._clock
        )

    async def chunks(self, response: TransportResponse) -> AsyncGenerator[bytes, None]:
        """Read the body within the limits of time, and count it.

        Raises:
            TransportError: it breaks off.
            TimeoutError: the time ran out.
        """
        async with aclosing(response.chunks) as source:
            while True:
                async with self.budget.waiting():
                    chunk = await anext(source, None)
                if chunk is None:
                    return
                self.bytes += len(chunk)
                yield chunk

    async def _attempt(self, stack: AsyncExitStack) -> TransportResponse:
        self.attempts += 1
        request = TransportRequest(self.query, self._accept, self.budget.remaining())
        waited = self.budget.spent
        async with AsyncExitStack() as attempt:
            async with self.budget.waiting():
                response = await attempt.enter_async_context(self._transport.send(request))
            self.status = response.status
            self.latency = self.budget.spent - waited
            check_dialect(response)
            if response.status != 200:
                raise _status_error(response, await self._read_start(response))
            result_format = ResultFormat.of_media_type(response.media_type)
            if result_format is None:
                start = await self._read_start(response)
                raise UnusableAnswerError(
                    f"answered with {essence(response.media_type) or 'no media type'}, which is "
                    f"no query result: {_first_line(start)}; check that the address is the "
                    "SPARQL endpoint's"
                )
            if not response.delimited and result_format not in _SELF_DELIMITING:
                raise UnusableAnswerError(
                    f"does not mark the end of its answer (neither Content-Length nor chunked), "
                    f"so {result_format.value.upper()} cut short could not be told from a whole "
                    'one; set results = "json" for this member'
                )
            await stack.enter_async_context(attempt.pop_all())
            return response

    async def _read_start(self, response: TransportResponse) -> str:
        content = b""
        async with aclosing(self.chunks(response)) as chunks:
            async for chunk in chunks:
                content += chunk
                if len(content) >= _QUOTED_BYTES:
                    break
        return _readable(content[:_QUOTED_BYTES].decode("utf-8", "replace"))


def _status_error(response: TransportResponse, text: str) -> RefusedError | StatusError:
    try:
        phrase = f" {HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = ""
    retry_after = read_retry_after(response.header("Retry-After"))
    message = f"answered {response.status}{phrase}"
    if retry_after is not None:
        message += f" and wants to be asked again after {retry_after:g} s"
    quoted = text[:_QUOTED_CHARACTERS]
    if quoted:
        message += f": {quoted}"
    if response.status in {401, 403}:
        return RefusedError(message)
    return StatusError(message, response.status, retry_after)


def _readable(text: str) -> str:
    """Take the mark-up out of a page, so that what it says fits into a message."""
    if not text.lstrip().startswith("<"):
        return text.strip()
    title = _HTML_TITLE.search(text)
    body = _INVISIBLE.sub(" ", text)
    lines = [title.group(1)] if title else []
    lines += body.splitlines()
    words = (" ".join(html.unescape(line).split()) for line in lines)
    return "\n".join(line for line in words if line)


def _first_line(text: str) -> str:
    line = text.partition("\n")[0].strip()
    return repr(line[:_QUOTED_CHARACTERS]) if line else "an empty document"
