"""Shares of a round's seeds, sealed for one peer."""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hereditary_kg.embeddings.errors import RefusedMessageError
from hereditary_kg.embeddings.secure_aggregation.encoding import frame
from hereditary_kg.embeddings.secure_aggregation.secret_sharing import SHARE_BYTES

__all__ = ["ShareAddress", "open_shares", "seal_shares"]

_NONCE_BYTES = 12


class ShareAddress:
    """What sealed shares are bound to: run, round, sender and receiver."""

    def __init__(self, run: bytes, round_number: int, sender: str, receiver: str) -> None:
        self.sender = sender
        self.associated_data = frame(
            b"sealed shares",
            run,
            round_number.to_bytes(8, "little"),
            sender.encode(),
            receiver.encode(),
        )


def seal_shares(key: bytes, address: ShareAddress, shares: Sequence[bytes]) -> bytes:
    """Seal shares with ChaCha20-Poly1305 (RFC 8439).

    Args:
        key: the key of this sender and this receiver.
        address: what the shares are bound to.
        shares: 33 bytes each.
    """
    nonce = os.urandom(_NONCE_BYTES)
    sealed = ChaCha20Poly1305(key).encrypt(nonce, b"".join(shares), address.associated_data)
    return nonce + sealed


def open_shares(key: bytes, address: ShareAddress, sealed: bytes, count: int) -> list[bytes]:
    """Open what was sealed.

    Raises:
        RefusedMessageError: it was changed, or sealed by or for somebody else or for another
            round, or has another number of shares.
    """
    try:
        opened = ChaCha20Poly1305(key).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], address.associated_data
        )
    except (InvalidTag, ValueError) as error:
        raise RefusedMessageError(
            f"The shares of site {address.sender} cannot be opened: they were changed on their "
            "way, or are of another round or for another site. No share was given away."
        ) from error
    if len(opened) != count * SHARE_BYTES:
        raise RefusedMessageError(
            f"Site {address.sender} sealed another number of shares than the {count} that belong "
            "to a round. No share was given away."
        )
    return [opened[start : start + SHARE_BYTES] for start in range(0, len(opened), SHARE_BYTES)]
