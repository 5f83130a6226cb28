"""What a site remembers of a run between two messages, and how it is written as bytes.

A site whose process lives as long as the run keeps it in memory. Where each message has a process
of its own, it is kept on the site's disk in between, as the secret that it is, and by this rule:
what a site says leaves it after the state that remembers having said it is on the disk. A state
that is put back to an earlier one would let a server ask for a round twice, and learn the
difference of two updates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from numpy.typing import NDArray

from hereditary_kg.embeddings.secure_aggregation.encoding import Message, Record
from hereditary_kg.embeddings.secure_aggregation.key_derivation import PairSecrets, SiteKeys
from hereditary_kg.embeddings.secure_aggregation.settings import RunSettings

__all__ = ["SentUpdate", "SiteState"]

_OWNED_TYPE, _COUNT_TYPE = np.dtype(np.bool_), np.dtype("<i8")


@dataclass
class SentUpdate:
    """What a site remembers of the update that it sent last.

    Attributes:
        round: its round.
        own_shares: the site's own shares of its own seeds, in the order in which they are sealed
            for others.
        answered: whether the site has helped to open the round.
    """

    round: int
    own_shares: list[bytes]
    answered: bool = False


@dataclass(frozen=True)
class _WrittenPair(Record):
    other: str
    mask_secret: bytes
    sending_key: bytes
    receiving_key: bytes


@dataclass(frozen=True)
class _WrittenRows(Record):
    space: str
    values: bytes


@dataclass(frozen=True)
class _WrittenUpdate(Record):
    round: int
    own_shares: tuple[bytes, ...]
    answered: int


@dataclass(frozen=True)
class _WrittenState(Message):
    KIND: ClassVar[int] = 10
    LARGEST: ClassVar[int] = 4096 << 20

    site: str
    channel_key: bytes
    mask_key: bytes
    settings: bytes
    introduction: bytes
    roster: bytes
    pairs: tuple[_WrittenPair, ...]
    owned: tuple[_WrittenRows, ...]
    declaration: bytes
    counts: tuple[_WrittenRows, ...]
    last_round: int
    sent: tuple[_WrittenUpdate, ...]


@dataclass
class SiteState:
    """What a site remembers of a run; secret, and changed by its `SiteProtocol` alone.

    Attributes:
        site: the site's name.
        keys: its private keys in this run.
        settings: what it has agreed to; None before it has introduced itself.
        introduction: what it has signed then.
        roster: the digest of who takes part; empty until it knows.
        pairs: what it shares with each other site.
        owned: for each space which rows it has declared, ``bool``, shape ``[rows]``.
        declaration: what it has signed then.
        counts: for each space how many sites own each row, shape ``[rows]``.
        last_round: the last round that it has masked an update of.
        sent: that update.
    """

    site: str
    keys: SiteKeys = field(default_factory=SiteKeys.generate)
    settings: RunSettings | None = None
    introduction: bytes = b""
    roster: bytes = b""
    pairs: dict[str, PairSecrets] = field(default_factory=dict)
    owned: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    declaration: bytes = b""
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    last_round: int = 0
    sent: SentUpdate | None = None

    def encode(self) -> bytes:
        """Write the state as bytes, from which `decode` makes an equal one."""
        sent = self.sent
        written = _WrittenState(
            self.site,
            self.keys.channel.private_bytes_raw(),
            self.keys.mask.private_bytes_raw(),
            b"" if self.settings is None else self.settings.encode(),
            self.introduction,
            self.roster,
            tuple(
                _WrittenPair(other, pair.mask_secret, pair.sending_key, pair.receiving_key)
                for other, pair in self.pairs.items()
            ),
            _write_rows(self.owned, _OWNED_TYPE),
            self.declaration,
            _write_rows(self.counts, _COUNT_TYPE),
            self.last_round,
            ()
            if sent is None
            else (_WrittenUpdate(sent.round, tuple(sent.own_shares), int(sent.answered)),),
        )
        return written.encode()

    @classmethod
    def decode(cls, data: bytes) -> "SiteState":
        """Read a state.

        Raises:
            RefusedMessageError: the bytes are no state of this version.
        """
        read = _WrittenState.decode(data)
        return cls(
            read.site,
            SiteKeys(
                X25519PrivateKey.from_private_bytes(read.channel_key),
                X25519PrivateKey.from_private_bytes(read.mask_key),
            ),
            RunSettings.decode(read.settings) if read.settings else None,
            read.introduction,
            read.roster,
            {
                pair.other: PairSecrets(pair.mask_secret, pair.sending_key, pair.receiving_key)
                for pair in read.pairs
            },
            _read_rows(read.owned, _OWNED_TYPE, np.bool_),
            read.declaration,
            _read_rows(read.counts, _COUNT_TYPE, np.int64),
            read.last_round,
            SentUpdate(
                read.sent[0].round, list(read.sent[0].own_shares), bool(read.sent[0].answered)
            )
            if read.sent
            else None,
        )


def _write_rows(
    arrays: Mapping[str, NDArray[Any]], written: np.dtype[Any]
) -> tuple[_WrittenRows, ...]:
    return tuple(
        _WrittenRows(space, values.astype(written).tobytes()) for space, values in arrays.items()
    )


def _read_rows(
    rows: tuple[_WrittenRows, ...], written: np.dtype[Any], kind: type[Any]
) -> dict[str, NDArray[Any]]:
    return {each.space: np.frombuffer(each.values, written).astype(kind) for each in rows}
