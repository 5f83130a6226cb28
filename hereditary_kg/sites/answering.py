"""Sending answers over HTTP: whole where they are short, streamed where they are long.

An answer's beginning is held back for a moment, so that most failures still get a proper status.
What breaks after that aborts the connection: a client never takes a short answer for a whole one.
"""

import asyncio
import contextlib
import re
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from hereditary_kg.sites.protocol_request import ServiceError

__all__ = ["Answer", "BrokenAnswerError", "send_answer"]

_HELD_BYTES = 1 << 18
_HELD_SECONDS = 1.0
_STALL_SECONDS = 60.0
_WORTH_COMPRESSING = 1024
# Level 1 keeps up with the network of one site; higher ones gain little on such regular text.
_COMPRESSION_LEVEL = 1


class BrokenAnswerError(Exception):
    """An answer cannot be completed, and its beginning has been sent."""


@dataclass
class Answer:
    """The answer to a query.

    Attributes:
        media_type: of the document.
        chunks: the document. Reading it may raise `ServiceError`; whoever reads it closes it
            (``aclose``) where it has that.
        headers: further headers; what reading the document's beginning adds to them is sent too.
    """

    media_type: str
    chunks: AsyncIterator[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)


async def send_answer(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send an answer.

    Args:
        request: the request that it answers.
        answer: the answer; closed afterwards in any case.

    Returns:
        The response, whole or already sent.

    Raises:
        ServiceError: the answer failed before anything was sent.
        BrokenAnswerError: it failed afterwards; the connection is already aborted.
    """
    media_type = answer.media_type
    if media_type.startswith("text/") and "charset" not in media_type:
        media_type += "; charset=utf-8"
    reader = _Reader(answer.chunks)
    try:
        beginning, complete = await reader.read_beginning()
        headers = {**answer.headers, "Content-Type": media_type}
        compress = _takes_gzip(request.headers.get("Accept-Encoding", ""))
        if complete:
            return _respond(beginning, headers, compress=compress)
        if request.method == "HEAD":
            return web.Response(headers=headers)
        return await _stream(request, beginning, reader, headers, compress=compress)
    finally:
        await reader.close()


def _respond(body: bytes, headers: Mapping[str, str], *, compress: bool) -> web.Response:
    if not compress or len(body) < _WORTH_COMPRESSING:
        return web.Response(body=body, headers=headers)
    packer = _Packer()
    packed = packer.pack(body) + packer.finish()
    return web.Response(body=packed, headers={**headers, "Content-Encoding": "gzip"})


async def _stream(
    request: web.Request,
    beginning: bytes,
    reader: "_Reader",
    headers: Mapping[str, str],
    *,
    compress: bool,
) -> web.StreamResponse:
    packer = _Packer() if compress else None
    response = web.StreamResponse(
        headers={**headers, "Content-Encoding": "gzip"} if packer else headers
    )
    try:
        await response.prepare(request)
        chunk: bytes | None = beginning
        while chunk is not None:
            await _write(response, packer.pack(chunk) if packer else chunk)
            chunk = await reader.read()
        if packer:
            await _write(response, packer.finish())
        await response.write_eof()
    except (ServiceError, OSError, TimeoutError, asyncio.CancelledError) as error:
        _abort(request)
        if isinstance(error, asyncio.CancelledError):
            raise
        raise BrokenAnswerError(str(error)) from error
    return response


def _abort(request: web.Request) -> None:
    """End the connection by a reset.

    Closing it would do for HTTP/1.1, whose chunks tell their end, but in HTTP/1.0 the closing of
    the connection is the end of the answer.
    """
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        async with asyncio.timeout(_STALL_SECONDS):
            await response.write(data)


class _Reader:
    """Reads an answer's chunks; its pending read survives a time-out."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._pending: asyncio.Task[bytes | None] | None = None

    async def read_beginning(self) -> tuple[bytes, bool]:
        """Read until there is enough, or enough time has passed since there was something.

        Returns:
            What was read, and whether it is all.
        """
        held = bytearray()
        until: float | None = None
        clock = asyncio.get_running_loop().time
        while len(held) < _HELD_BYTES:
            chunk = self._next()
            done, _ = await asyncio.wait(
                {chunk}, timeout=None if until is None else max(0.0, until - clock())
            )
            if not done:
                return bytes(held), False
            part = await self.read()
            if part is None:
                return bytes(held), True
            held += part
            until = until if until is not None else clock() + _HELD_SECONDS
        return bytes(held), False

    async def read(self) -> bytes | None:
        """Read a chunk; None at the end."""
        try:
            return await self._next()
        finally:
            self._pending = None

    async def close(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, ServiceError):
                await self._pending
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    def _next(self) -> "asyncio.Task[bytes | None]":
        if self._pending is None:
            self._pending = asyncio.create_task(self._take())
        return self._pending

    async def _take(self) -> bytes | None:
        async for chunk in self._chunks:
            return chunk
        return None


class _Packer:
    """Compresses a stream with gzip."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, 31)

    def pack(self, data: bytes) -> bytes:
        # Flushed each time: rows that have come must not wait for more.
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._compressor.flush()


_CODING = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([0-9.]+))?\s*")


def _takes_gzip(accept_encoding: str) -> bool:
    """Say whether an Accept-Encoding header names gzip (RFC 9110, section 12.5.3)."""
    weights = {}
    for element in accept_encoding.split(","):
        match = _CODING.fullmatch(element)
        if match:
            weights[match[1].lower()] = match[2]
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", "0"))) or "1"
    try:
        return float(weight) > 0
    except ValueError:
        return False
