"""Masks: the key stream of ChaCha20 under a whole 256-bit key, added as unsigned integers.

Each key is used for one tensor of one round, so the nonce is fixed. What is added is uniform
modulo the residues' modulus, and nobody without the key can tell it from chance (RFC 8439).
"""

from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

__all__ = ["KEY_BYTES", "add_mask"]

KEY_BYTES = 32
_NONCE = bytes(16)
_CHUNK_BYTES = 1 << 18
"""A part of the stream that stays in a core's cache between being made and being added."""

_ZEROS = bytes(_CHUNK_BYTES)
_LONGEST_STREAM = 64 << 32
"""ChaCha20 counts blocks of 64 bytes with 32 bits."""


def add_mask(residues: NDArray[np.unsignedinteger[Any]], key: bytes, negative: bool) -> None:
    """Add a mask to residues, in place, or take it away.

    Args:
        residues: flat, contiguous, of an unsigned type in little-endian order.
        key: 32 bytes, used for nothing else.
        negative: whether the mask is subtracted.

    Raises:
        ValueError: the key has another length, or the stream would repeat itself.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a mask's key has {KEY_BYTES} bytes, not {len(key)}")
    if residues.nbytes > _LONGEST_STREAM:
        raise ValueError("a tensor is longer than the key stream of one key")
    stream = Cipher(algorithms.ChaCha20(key, _NONCE), mode=None).encryptor()
    buffer = bytearray(min(_CHUNK_BYTES, residues.nbytes))
    chunk = np.frombuffer(buffer, dtype=residues.dtype)
    apply = np.subtract if negative else np.add
    for start in range(0, len(residues), len(chunk) or 1):
        part = residues[start : start + len(chunk)]
        stream.update_into(memoryview(_ZEROS)[: part.nbytes], memoryview(buffer))
        apply(part, chunk[: len(part)], out=part)
