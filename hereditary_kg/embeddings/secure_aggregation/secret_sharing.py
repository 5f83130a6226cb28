"""Shamir's secret sharing of 32 bytes: any ``threshold`` shares give the secret, fewer nothing.

Source: A. Shamir, How to share a secret, Communications of the ACM 22(11), 1979. The field is that
of the integers modulo 2^256 + 297, the smallest prime that every 32 bytes are below.
"""

import secrets
from collections.abc import Mapping
from functools import lru_cache

from hereditary_kg.embeddings.errors import RefusedMessageError, TooFewSitesError

__all__ = ["PRIME", "SECRET_BYTES", "SHARE_BYTES", "join_shares", "split_secret"]

PRIME = 2**256 + 297
SECRET_BYTES = 32
SHARE_BYTES = 33


def split_secret(secret: bytes, holders: int, threshold: int) -> list[bytes]:
    """Split a secret into one share for each holder.

    Args:
        secret: 32 bytes.
        holders: how many shares there are; holder ``i``, counted from 0, has the value of a random
            polynomial at ``i + 1``.
        threshold: how many of them give the secret back.

    Returns:
        The shares, 33 bytes each.

    Raises:
        ValueError: the secret has another length, or no such threshold can be.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    if not 1 <= threshold <= holders:
        raise ValueError(f"{threshold} of {holders} shares cannot be a threshold")
    coefficients = [secrets.randbelow(PRIME) for _ in range(threshold - 1)]
    shares = []
    for place in range(1, holders + 1):
        value = 0
        for coefficient in coefficients:
            value = (value + coefficient) * place % PRIME
        value = (value + int.from_bytes(secret, "little")) % PRIME
        shares.append(value.to_bytes(SHARE_BYTES, "little"))
    return shares


def join_shares(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """Give the secret back.

    Args:
        shares: by holder, counted from 0; those beyond the threshold are left aside.
        threshold: the one that the secret was split with.

    Raises:
        TooFewSitesError: there are fewer shares than the threshold.
        RefusedMessageError: a share is none, or they belong to no secret of 32 bytes.
    """
    if len(shares) < threshold:
        raise TooFewSitesError(
            f"{len(shares)} shares of a secret came, and {threshold} are needed. The round stays "
            "closed; go on with the next one."
        )
    chosen = dict(sorted(shares.items())[:threshold])
    places = tuple(holder + 1 for holder in chosen)
    total = 0
    for place, weight in zip(places, _weights_at_zero(places), strict=True):
        share = chosen[place - 1]
        value = int.from_bytes(share, "little")
        if len(share) != SHARE_BYTES or value >= PRIME:
            raise RefusedMessageError("A share of a secret is no number of the field.")
        total = (total + value * weight) % PRIME
    if total >> (8 * SECRET_BYTES):
        raise RefusedMessageError("The shares belong to no secret of 32 bytes: one was changed.")
    return total.to_bytes(SECRET_BYTES, "little")


@lru_cache(maxsize=16)
def _weights_at_zero(places: tuple[int, ...]) -> list[int]:
    weights = []
    for place in places:
        above, below = 1, 1
        for other in places:
            if other != place:
                above = above * other % PRIME
                below = below * (other - place) % PRIME
        weights.append(above * pow(below, -1, PRIME) % PRIME)
    return weights
