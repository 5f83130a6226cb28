"""What is agreed before a run, what a site insists on, and what a round's tensors are."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import SecureAggregationError, TooFewSitesError
from hereditary_kg.embeddings.secure_aggregation.encoding import Message, Record, frame
from hereditary_kg.embeddings.secure_aggregation.fixed_point import (
    RESIDUE_TYPES,
    FixedPoint,
    count_bits,
)

__all__ = [
    "RUN_BYTES",
    "RoundLayout",
    "RowSpace",
    "RunSettings",
    "SitePolicy",
    "TensorLayout",
    "default_owners",
    "default_threshold",
]

RUN_BYTES = 16
_FEWEST_OWNERS = 2
_LARGEST_SPACE = 1 << 31


def default_owners(sites: int) -> int:
    """Give how many sites have to own a row before it is exchanged: three, or two of two."""
    return min(3, sites)


def default_threshold(sites: int) -> int:
    """Give how many updates open a sum: all of up to four sites, else about nine tenths."""
    if sites <= 4:
        return sites
    return sites - max(1, min(sites // 10, math.isqrt(sites) - 1))


@dataclass(frozen=True)
class RowSpace(Record):
    """Rows that all sites number alike, as alignment fixed them before the run.

    Attributes:
        name: such as ``entities``.
        rows: how many there are.
    """

    name: str
    rows: int


@dataclass(frozen=True)
class RunSettings(Message):
    """What all sites of a run have to agree to; each signs its digest with its keys.

    Args:
        run: 16 bytes that no other run has.
        sites: names of the sites, in ascending order.
        threshold: how many updates open a sum. Where it is the number of sites, none may drop out,
            and a round needs one message of each site. The square of how many may drop out has to
            be below it: then no lists of drop-outs, however they differ from site to site, open a
            sum over fewer sites than the threshold (``docs/threat-model.md`` has the proof).
        owners: how many sites have to have contributed to any row that opens.
        spaces: the rows, by kind.

    Raises:
        SecureAggregationError: a number or a name makes no sense.
    """

    KIND: ClassVar[int] = 9

    run: bytes
    sites: tuple[str, ...]
    threshold: int
    owners: int
    spaces: tuple[RowSpace, ...]

    def __post_init__(self) -> None:
        count = len(self.sites)
        if len(self.run) != RUN_BYTES:
            raise SecureAggregationError(f"A run is named by {RUN_BYTES} bytes.")
        if list(self.sites) != sorted(set(self.sites)) or count < 2:
            raise SecureAggregationError(
                "A run is of two sites or more, each named once and in ascending order."
            )
        if not count - self.threshold >= 0 or (count - self.threshold) ** 2 >= self.threshold:
            fewest = next(t for t in range(count + 1) if (count - t) ** 2 < t)
            raise SecureAggregationError(
                f"A threshold of {self.threshold} cannot be for {count} sites: with fewer than "
                f"{fewest}, a server that names different drop-outs to different sites could open "
                f"sums over fewer of them. Take {fewest} to {count}."
            )
        if not _FEWEST_OWNERS <= self.owners <= self.threshold:
            raise SecureAggregationError(
                f"A row cannot be opened for {self.owners} owners: at least {_FEWEST_OWNERS}, and "
                f"at most the threshold of {self.threshold}."
            )
        names = [space.name for space in self.spaces]
        if not names or len(set(names)) != len(names):
            raise SecureAggregationError("The spaces of rows need names that are different.")
        if any(space.rows > _LARGEST_SPACE for space in self.spaces):
            raise SecureAggregationError(f"A space has at most {_LARGEST_SPACE} rows.")

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of the settings."""
        return hashlib.sha256(self.encode()).digest()

    @property
    def may_drop_out(self) -> bool:
        """Whether a round can do without a site."""
        return self.threshold < len(self.sites)

    @property
    def owners_needed(self) -> int:
        """How many sites have to own a row before it is exchanged.

        A sum that opens lacks at most ``sites - threshold`` sites. So that many owners more than
        have to be left at the end; then every row that opens has ``owners`` in it, whoever drops.
        """
        return self.owners + len(self.sites) - self.threshold

    @property
    def count_type(self) -> np.dtype[Any]:
        """The residues in which owners of a row are counted."""
        return RESIDUE_TYPES[count_bits(len(self.sites))]


@dataclass(frozen=True)
class SitePolicy:
    """What a site insists on, whatever the server proposes; set by its own operator.

    Args:
        fewest_sites: the smallest number of updates in any sum that opens. With two, each site can
            compute the other's update from the sum and its own.
        fewest_owners: the smallest number of owners of any row that opens, of three or more sites.
    """

    fewest_sites: int = 3
    fewest_owners: int = 3

    def check(self, settings: RunSettings) -> None:
        """Check what a server proposes.

        Raises:
            TooFewSitesError: sums would open over fewer sites, or rows of fewer owners, than this
                site accepts.
        """
        if settings.threshold < self.fewest_sites:
            raise TooFewSitesError(
                f"Sums would open over {settings.threshold} of {len(settings.sites)} sites, and "
                f"this site takes part from {self.fewest_sites} on. Wait for more sites, or lower "
                "the smallest number in this site's own settings."
            )
        fewest = min(self.fewest_owners, len(settings.sites))
        if settings.owners < fewest:
            raise TooFewSitesError(
                f"Rows of {settings.owners} owners would open, and this site wants {fewest}. Ask "
                "for more owners, or lower the number in this site's own settings."
            )


@dataclass(frozen=True)
class TensorLayout:
    """One tensor of a round: so many numbers for each chosen row of a space.

    Args:
        name: such as ``entities/difference``; different in a round.
        space: the name of the space of its rows.
        columns: numbers a row.
        coding: how they are written.
    """

    name: str
    space: str
    columns: int
    coding: FixedPoint


@dataclass(frozen=True, eq=False)
class RoundLayout:
    """What is exchanged in a round. Sites and server each compute it, and compare its digest.

    Args:
        rows: for each space in this round, the numbers of the chosen rows in ascending order, shape
            ``[n]``, ``int64``. The owners of these rows are counted beside the tensors.
        tensors: what is added, one or more tensors.

    Raises:
        SecureAggregationError: rows are not in ascending order, a tensor has no rows, or two
            tensors have one name.
    """

    rows: Mapping[str, NDArray[np.int64]]
    tensors: Sequence[TensorLayout]

    def __post_init__(self) -> None:
        for space, rows in self.rows.items():
            if rows.ndim != 1 or rows.dtype != np.int64 or (np.diff(rows) <= 0).any():
                raise SecureAggregationError(
                    f"The rows of {space} have to be a list of int64 in ascending order."
                )
        names = [tensor.name for tensor in self.tensors]
        if not names or len(set(names)) != len(names):
            raise SecureAggregationError("A round needs tensors whose names are different.")
        for tensor in self.tensors:
            if tensor.space not in self.rows or tensor.columns < 1:
                raise SecureAggregationError(
                    f"Tensor {tensor.name} has no columns, or no rows of {tensor.space} are chosen."
                )

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of rows, tensors and codings."""
        parts: list[bytes] = []
        for space in sorted(self.rows):
            parts += [space.encode(), self.rows[space].astype("<i8").tobytes()]
        parts.append(b"")
        for tensor in self.tensors:
            coding = tensor.coding
            parts += [tensor.name.encode(), tensor.space.encode(), b"%d" % tensor.columns]
            parts += [float(coding.limit).hex().encode(), float(coding.step).hex().encode()]
            parts += [b"%d" % coding.sites, b"%d" % coding.bits]
        return hashlib.sha256(frame(*parts)).digest()

    def residue_parts(self, settings: RunSettings) -> list[tuple[str, int, np.dtype[Any]]]:
        """List what a masked update consists of: its name, length and type of residues, in order.

        The counts of owners come first, by space, under the name ``owners/`` and the space's.
        """
        parts = [
            (f"owners/{space}", len(self.rows[space]), settings.count_type)
            for space in sorted(self.rows)
        ]
        for tensor in self.tensors:
            length = len(self.rows[tensor.space]) * tensor.columns
            parts.append((tensor.name, length, RESIDUE_TYPES[tensor.coding.bits]))
        return parts

    def check(self, settings: RunSettings) -> None:
        """Check that the rows exist and that no sum of all sites can overflow.

        Raises:
            SecureAggregationError: one of both doesn't hold, or a name is reserved.
        """
        sizes = {space.name: space.rows for space in settings.spaces}
        for space, rows in self.rows.items():
            if space not in sizes or (len(rows) and not 0 <= rows[0] <= rows[-1] < sizes[space]):
                raise SecureAggregationError(f"Rows of {space} are chosen that do not exist.")
        for tensor in self.tensors:
            if tensor.coding.sites < len(settings.sites):
                raise SecureAggregationError(
                    f"Tensor {tensor.name} is coded for sums of {tensor.coding.sites} sites, and "
                    f"{len(settings.sites)} take part: the sum could overflow."
                )
            if tensor.name.startswith("owners/"):
                raise SecureAggregationError("Names of tensors cannot begin with owners/.")
