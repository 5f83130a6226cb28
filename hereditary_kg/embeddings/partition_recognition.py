"""How the data of several sites lie to each other, recognised from the sizes of sets alone.

What is counted are entities and relations of the shared namespaces, which can be counted without
being shown: by keyed identifiers (`alignment`), or by a private set intersection
(`set_intersection`).
"""

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import PartitionError

__all__ = ["PartitionKind", "RecognisedPartition", "count_common", "recognise_partition"]

PartitionKind: TypeAlias = Literal["horizontal", "vertical", "mixed", "unrelated"]
"""``horizontal``: the sites have the same relations, about other entities or the same.
``vertical``: they have other relations about the same entities. ``mixed``: some of both.
``unrelated``: they share neither."""

# Two sites have "the same" relations where the smaller list lies for one half in the larger, and
# "other" ones where at most a tenth of it does.
_SAME = 0.5
_OTHER = 0.1


@dataclass(frozen=True)
class RecognisedPartition:
    """How the data of several sites lie to each other.

    Attributes:
        kind: what it is.
        entity_overlap: how much of the smaller of two sites' entities the larger has, as a mean
            over all pairs of sites, from 0 to 1.
        relation_overlap: the same of relations.
    """

    kind: PartitionKind
    entity_overlap: float
    relation_overlap: float

    def __str__(self) -> str:
        return (
            f"The federation is {self.kind}: two sites have {self.relation_overlap:.0%} of their "
            f"relations and {self.entity_overlap:.0%} of their entities in common, "
            "of the smaller's, on average."
        )


def count_common(sets: Sequence[AbstractSet[Hashable]]) -> NDArray[np.int64]:
    """Count what each two sets have in common.

    Returns:
        The counts; a set's own size on the diagonal. Shape ``[sites, sites]``.
    """
    counts = [[len(one & other) for other in sets] for one in sets]
    return np.array(counts, dtype=np.int64).reshape(len(sets), len(sets))


def recognise_partition(
    entities: NDArray[np.int64], relations: NDArray[np.int64]
) -> RecognisedPartition:
    """Recognise whether a federation is horizontal, vertical or mixed.

    The overlap of two sets is their common part over the smaller set (Szymkiewicz and Simpson), so
    that small sites beside large ones do not look as if they knew other relations.

    Args:
        entities: how many entities each two sites have in common, and each site by itself on the
            diagonal. Shape ``[sites, sites]``.
        relations: the same of relations.

    Raises:
        PartitionError: the counts are not of two sites or more, or cannot be right.
    """
    entity_overlap = _overlap(entities, "entities")
    relation_overlap = _overlap(relations, "relations")
    if entities.shape != relations.shape:
        raise PartitionError(
            f"Entities are counted at {len(entities)} sites and relations at {len(relations)}. "
            "Count both at all sites."
        )
    kind: PartitionKind
    if not entity_overlap and not relation_overlap:
        kind = "unrelated"
    elif relation_overlap >= _SAME:
        kind = "horizontal"
    elif relation_overlap <= _OTHER:
        kind = "vertical"
    else:
        kind = "mixed"
    return RecognisedPartition(kind, entity_overlap, relation_overlap)


def _overlap(counts: NDArray[np.int64], what: str) -> float:
    """Give the mean overlap of two sites; sites that have nothing overlap with none."""
    sites = len(counts)
    if counts.shape != (sites, sites) or sites < 2:
        raise PartitionError(
            f"Counts of common {what} have the shape {counts.shape}. Give one number for each two "
            "of at least two sites."
        )
    sizes = np.diagonal(counts)
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    if (counts < 0).any() or (counts > smaller).any() or (counts != counts.T).any():
        raise PartitionError(
            f"Counts of common {what} cannot be right: two sites have no more in common than the "
            "smaller has, in both directions the same."
        )
    pairs = np.triu_indices(sites, k=1)
    return float(np.mean(counts[pairs] / np.maximum(smaller[pairs], 1)))
