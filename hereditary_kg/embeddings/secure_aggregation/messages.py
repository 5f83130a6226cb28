"""The messages of the protocol, in the order in which they travel."""

from dataclasses import dataclass
from typing import ClassVar

from hereditary_kg.embeddings.secure_aggregation.encoding import Message

__all__ = [
    "Declaration",
    "DeclarationList",
    "Introduction",
    "MaskedUpdate",
    "Roster",
    "SignedMessage",
    "UnmaskingRequest",
    "UnmaskingShares",
]

_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class SignedMessage(Message):
    """What a site sends: the encoded message, and a signature by its certificate's key."""

    KIND: ClassVar[int] = 1
    LARGEST: ClassVar[int] = 4096 * _MEBIBYTE
    OVERHEAD: ClassVar[int] = 4096
    """More bytes than sender, signature and lengths ever have."""

    sender: str
    body: bytes
    signature: bytes


@dataclass(frozen=True)
class Introduction(Message):
    """Site to server, once a run: two fresh X25519 keys, under the certificate's signature."""

    KIND: ClassVar[int] = 2
    LARGEST: ClassVar[int] = 64 << 10

    run: bytes
    settings: bytes
    """The digest of the settings of the run, to which the site agrees."""
    site: str
    certificate: bytes
    channel_key: bytes
    mask_key: bytes


@dataclass(frozen=True)
class Roster(Message):
    """Server to site, once a run: the signed introductions of all sites, in the sites' order."""

    KIND: ClassVar[int] = 3
    LARGEST: ClassVar[int] = 64 * _MEBIBYTE

    run: bytes
    introductions: tuple[bytes, ...]


@dataclass(frozen=True)
class Declaration(Message):
    """Site to server, once a run: which rows the site owns, masked."""

    KIND: ClassVar[int] = 4
    LARGEST: ClassVar[int] = 256 * _MEBIBYTE

    roster: bytes
    site: str
    counts: tuple[bytes, ...]
    """For each space of rows in the settings' order, one residue a row."""


@dataclass(frozen=True)
class DeclarationList(Message):
    """Server to site, once a run: the signed declarations of all sites, in the sites' order."""

    KIND: ClassVar[int] = 5
    LARGEST: ClassVar[int] = 4096 * _MEBIBYTE

    roster: bytes
    declarations: tuple[bytes, ...]


@dataclass(frozen=True)
class MaskedUpdate(Message):
    """Site to server, once a round: the masked tensors, and what is needed to unmask their sum."""

    KIND: ClassVar[int] = 6
    LARGEST: ClassVar[int] = 4096 * _MEBIBYTE

    roster: bytes
    round: int
    site: str
    layout: bytes
    """The digest of what the tensors are."""
    tensors: tuple[bytes, ...]
    """The counts of owned rows of each space, then the tensors, in the layout's order."""
    pair_commitments: tuple[bytes, ...]
    """For each site, a commitment to the seed shared with it this round; empty for itself."""
    seed_commitment: bytes
    """A commitment to the seed of the site's own mask; empty where no site may drop out."""
    sealed_shares: tuple[bytes, ...]
    """For each site, its shares under authenticated encryption; empty for itself."""


@dataclass(frozen=True)
class UnmaskingRequest(Message):
    """Server to site, once a round where sites may drop out: whose updates came and whose not."""

    KIND: ClassVar[int] = 7
    LARGEST: ClassVar[int] = 64 * _MEBIBYTE

    roster: bytes
    round: int
    alive: tuple[str, ...]
    dead: tuple[str, ...]
    sealed_shares: tuple[bytes, ...]
    """For each site alive, what it sealed for the receiver; empty for the receiver itself."""


@dataclass(frozen=True)
class UnmaskingShares(Message):
    """Site to server: the shares that open the sum over the sites alive, and nothing else."""

    KIND: ClassVar[int] = 8
    LARGEST: ClassVar[int] = 64 * _MEBIBYTE

    roster: bytes
    round: int
    site: str
    alive: tuple[str, ...]
    seed_shares: tuple[bytes, ...]
    """For each site alive, a share of the seed of its own mask."""
    pair_shares: tuple[bytes, ...]
    """For each site alive, for each site dead, a share of the seed that the two have in common."""
