"""Undoing a Content-Encoding, with an eye on the end.

aiohttp could do it, but takes a gzip stream that stops in the middle for a whole one. A proxy
that loses its server and frames what it has as a complete answer would then cut an answer short
without anyone noticing.

Source: RFC 9110, section 8.4.1; RFC 1952.
"""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from hereditary_kg.federation.errors import TruncatedAnswerError, UnusableAnswerError

__all__ = ["ACCEPTED_ENCODINGS", "decode_content", "is_checked_encoding"]

ACCEPTED_ENCODINGS = "gzip, deflate"
# A few bytes can stand for gigabytes; never more than this at a time is unpacked.
_PIECE = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS


def is_checked_encoding(encoding: str) -> bool:
    """Say whether the encoding itself tells a whole document from a cut one."""
    return encoding.strip().lower() in {"gzip", "x-gzip", "deflate"}


async def decode_content(
    chunks: AsyncIterator[bytes], encoding: str
) -> AsyncGenerator[bytes, None]:
    """Undo a Content-Encoding.

    Args:
        chunks: the encoded body.
        encoding: the Content-Encoding header, empty for none.

    Yields:
        The body in pieces of at most 256 KiB (of any size where it is not encoded).

    Raises:
        TruncatedAnswerError: the encoded stream is not complete.
        UnusableAnswerError: the encoding is not one that was asked for, or the data are not
            in it.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        async for chunk in chunks:
            yield chunk
        return
    if not is_checked_encoding(name):
        raise UnusableAnswerError(
            f"the answer is encoded as {name!r}, which was not asked for ({ACCEPTED_ENCODINGS})"
        )
    stream = _CompressedStream(name)
    async for chunk in chunks:
        for piece in stream.unpack(chunk):
            yield piece
    stream.check_end()


class _CompressedStream:
    """One or more gzip members, or one deflate stream (with the zlib header, or without)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_gzip = name != "deflate"
        self._decompressor = zlib.decompressobj(_GZIP) if self._is_gzip else None

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decompressor is None:
                # RFC 9110 means zlib (RFC 1950) by deflate; some servers leave its header out.
                bits = zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS
                self._decompressor = zlib.decompressobj(bits)
            elif self._decompressor.eof:
                if not self._is_gzip:
                    return
                self._decompressor = zlib.decompressobj(_GZIP)
            try:
                piece = self._decompressor.decompress(data, _PIECE)
            except zlib.error as error:
                raise UnusableAnswerError(
                    f"the answer says that it is {self._name}, but is not: {error}"
                ) from error
            if piece:
                yield piece
            data = self._decompressor.unconsumed_tail or self._decompressor.unused_data

    def check_end(self) -> None:
        if self._decompressor is not None and not self._decompressor.eof:
            raise TruncatedAnswerError(f"the {self._name} stream ends in the middle")
