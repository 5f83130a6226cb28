"""Files as they lie on disk: opened whatever they are compressed with."""

import gzip
import lzma
import zlib
from pathlib import Path

from hereditary_kg.semantics.errors import UnreadableFileError

__all__ = ["decode", "line_of", "read_bytes"]

_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\x00"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


def read_bytes(path: Path) -> bytes:
    """Read a file, unpacking gzip, xz and Zstandard by what its first bytes are.

    Raises:
        UnreadableFileError: it cannot be opened, or is damaged.
    """
    try:
        packed = path.read_bytes()
        if packed.startswith(_GZIP):
            return gzip.decompress(packed)
        if packed.startswith(_XZ):
            return lzma.decompress(packed)
        if packed.startswith(_ZSTANDARD):
            return _unpack_zstandard(path, packed)
    except OSError as error:
        # gzip.BadGzipFile is an OSError as well.
        reason = error.strerror or f"it is damaged: {error}."
        raise UnreadableFileError(str(path), reason) from error
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        raise _damaged(path, error) from error
    return packed


def _unpack_zstandard(path: Path, packed: bytes) -> bytes:
    try:
        import zstandard  # noqa: PLC0415
    except ImportError as error:
        remedy = "Install it with: pip install 'hereditary-kg[map]'"
        raise UnreadableFileError(str(path), "reading it needs zstandard.", remedy) from error
    frames, rest, complete = [], packed, True
    try:
        # A reader of streams would take a file that ends too early for a short one.
        while rest:
            frame = zstandard.ZstdDecompressor().decompressobj()
            frames.append(frame.decompress(rest))
            rest, complete = frame.unused_data, frame.eof
    except zstandard.ZstdError as error:
        raise _damaged(path, error) from error
    if not complete:
        raise _damaged(path, "it ends too early")
    return b"".join(frames)


def _damaged(path: Path, reason: object) -> UnreadableFileError:
    return UnreadableFileError(str(path), f"it is damaged: {reason}.", "Copy or download it again.")


def decode(path: Path, content: bytes) -> str:
    """Give a file's text, which has to be UTF-8; a byte order mark is left out.

    Raises:
        UnreadableFileError: it is not; the line is named.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"{path}:{line_of(content, error.start)}"
        remedy = "Save it as UTF-8."
        raise UnreadableFileError(place, f"it is not UTF-8: {error.reason}.", remedy) from error


def line_of(content: bytes, offset: int) -> int:
    """Give the number of the line, from 1, that a byte stands in."""
    return content.count(b"\n", 0, offset) + 1
