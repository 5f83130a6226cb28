"""Secrets of pairs of sites, and what each round and tensor derives from them.

From the X25519 secret of two sites' mask keys comes one *seed* a round (HKDF-SHA256, RFC 5869),
from a seed one key for each tensor. A seed can be shown without showing the secret or another
round's seed, which is why a drop-out opens nothing but its round. The mask of a site's own comes
from a seed that it draws anew each round, in the same way.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from hereditary_kg.embeddings.errors import RefusedMessageError
from hereditary_kg.embeddings.secure_aggregation.encoding import frame
from hereditary_kg.embeddings.secure_aggregation.messages import Introduction

__all__ = [
    "PairSecrets",
    "SiteKeys",
    "derive_commitment",
    "derive_tensor_key",
    "digest_roster",
]

_LENGTH = 32


@dataclass(frozen=True)
class PairSecrets:
    """What two sites of a run share, and keep to themselves.

    Attributes:
        mask_secret: for seeds of masks.
        sending_key: for what this site seals for the other.
        receiving_key: for what the other seals for this one.
    """

    mask_secret: bytes
    sending_key: bytes
    receiving_key: bytes

    def derive_seed(self, run: bytes, round_number: int, site: str, other: str) -> bytes:
        """Derive the seed of the two sites' mask in a round; both derive the same."""
        lower, upper = sorted((site, other))
        info = frame(
            b"seed of a pair", run, _write_round(round_number), lower.encode(), upper.encode()
        )
        return HKDFExpand(SHA256(), _LENGTH, info).derive(self.mask_secret)


@dataclass(frozen=True)
class SiteKeys:
    """The private keys of one site in one run."""

    channel: X25519PrivateKey
    mask: X25519PrivateKey

    @classmethod
    def generate(cls) -> "SiteKeys":
        """Draw fresh keys."""
        return cls(X25519PrivateKey.generate(), X25519PrivateKey.generate())

    @property
    def channel_key(self) -> bytes:
        """The public key under which shares are sealed."""
        return self.channel.public_key().public_bytes_raw()

    @property
    def mask_key(self) -> bytes:
        """The public key from which seeds of masks come."""
        return self.mask.public_key().public_bytes_raw()

    def agree(
        self, site: str, others: Mapping[str, Introduction], roster: bytes, run: bytes
    ) -> dict[str, PairSecrets]:
        """Agree on secrets with each other site.

        Args:
            site: the name of this site.
            others: the introductions of the others, whose signatures were checked.
            roster: the digest of all introductions; sites that were shown different ones end up
                with different secrets, and their masks do not cancel.
            run: the name of the run.

        Raises:
            RefusedMessageError: a public key is none.
        """
        agreed = {}
        for other, introduction in others.items():
            try:
                channel = self.channel.exchange(
                    X25519PublicKey.from_public_bytes(introduction.channel_key)
                )
                mask = self.mask.exchange(X25519PublicKey.from_public_bytes(introduction.mask_key))
            except ValueError as error:
                raise RefusedMessageError(
                    f"Site {other} introduces itself with a key that is no X25519 key."
                ) from error
            pair = [name.encode() for name in sorted((site, other))]
            agreed[other] = PairSecrets(
                _derive(mask, roster, frame(b"mask secret", run, *pair)),
                _derive(channel, roster, frame(b"channel", run, site.encode(), other.encode())),
                _derive(channel, roster, frame(b"channel", run, other.encode(), site.encode())),
            )
        return agreed


def digest_roster(settings: bytes, introductions: tuple[bytes, ...]) -> bytes:
    """Give the SHA-256 of the digest of the settings and of all introductions."""
    return hashlib.sha256(frame(b"roster", settings, *introductions)).digest()


def derive_tensor_key(seed: bytes, run: bytes, round_number: int, tensor: str) -> bytes:
    """Derive the key of the mask of one tensor in one round from a seed of that round.

    Returns:
        32 bytes.
    """
    info = frame(b"mask of a tensor", run, _write_round(round_number), tensor.encode())
    return HKDFExpand(SHA256(), _LENGTH, info).derive(seed)


def derive_commitment(seed: bytes, run: bytes, round_number: int) -> bytes:
    """Derive what a seed is recognised by once it is shown, and from which it cannot be told.

    Returns:
        32 bytes.
    """
    info = frame(b"commitment to a seed", run, _write_round(round_number))
    return HKDFExpand(SHA256(), _LENGTH, info).derive(seed)


def _derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), _LENGTH, salt, info).derive(secret)


def _write_round(number: int) -> bytes:
    return number.to_bytes(8, "little")
