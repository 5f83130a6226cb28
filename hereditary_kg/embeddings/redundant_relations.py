"""Relations that say again what others say: duplicates, inverses, and their own inverses.

A model that has seen ``(a, has_part, b)`` need not learn anything to predict ``(b, part_of, a)``.
Results over test triples whose twins were trained on are therefore too good, which is why FB15k
gave way to FB15k-237 and WN18 to WN18RR. Such relations are found by how far the pairs that they
link are the same.

Source: Toutanova and Chen, Observed versus latent features for knowledge base and text inference,
2015 (threshold .97); Akrami and others, Realistic re-evaluation of knowledge graph completion
methods, SIGMOD 2020, section 4.2 (threshold .8, both shares).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import SplitError
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "Redundancy",
    "RedundancyHandling",
    "RedundantRelations",
    "drop_redundant_relations",
    "find_redundant_relations",
    "handle_redundancy",
    "twin_groups",
]

Redundancy: TypeAlias = Literal["duplicate", "inverse", "symmetric"]
"""What two relations are to each other; ``symmetric`` is one that is its own inverse."""

RedundancyHandling: TypeAlias = Literal["together", "drop", "keep"]
"""What is done about redundant relations.

``together``: a triple and its twins go to the same part of a split. ``drop``: of relations that
say the same only the one with most triples is kept. ``keep``: nothing.
"""


@dataclass(frozen=True)
class RedundantRelations:
    """Two relations that link the same pairs, or one that links pairs both ways.

    Attributes:
        kind: what they are to each other.
        first: the label of one.
        second: the label of the other, the same where ``kind`` is ``symmetric``.
        common: how many pairs both link; ``inverse`` and ``symmetric``: in opposite directions.
        first_share: how much of the first relation's triples that is, from 0 to 1.
        second_share: how much of the second relation's.
    """

    kind: Redundancy
    first: str
    second: str
    common: int
    first_share: float
    second_share: float

    def __str__(self) -> str:
        if self.kind == "symmetric":
            return f"{self.first} is its own inverse in {self.first_share:.0%} of its triples"
        what = "says the same as" if self.kind == "duplicate" else "is the inverse of"
        return (
            f"{self.first} {what} {self.second} in {self.common} triples "
            f"({self.first_share:.0%} and {self.second_share:.0%})"
        )


def find_redundant_relations(
    triples: TripleSet, threshold: float = 0.8
) -> tuple[RedundantRelations, ...]:
    """Find relations that link the same pairs of entities.

    Args:
        triples: all triples, before they are split.
        threshold: how large the common share of each of both relations must be at least.

    Returns:
        The findings, by label; each pair of relations once a kind.

    Raises:
        SplitError: the threshold is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise SplitError(
            f"The threshold of redundant relations is {threshold}; give a share above 0 and at "
            "most 1, such as 0.8."
        )
    heads, kinds, tails = triples.triples.T
    size = len(triples.entities)
    sizes = np.bincount(kinds, minlength=len(triples.relations))
    found: list[RedundantRelations] = []
    for is_inverse, keys in ((False, heads * size + tails), (True, tails * size + heads)):
        for first, second, common in _count_common(heads * size + tails, keys, kinds, len(sizes)):
            shares = common / sizes[first], common / sizes[second]
            if min(shares) < threshold or (first == second and not is_inverse):
                continue
            labels = sorted(
                zip((triples.relations[first], triples.relations[second]), shares, strict=True)
            )
            kind: Redundancy = "duplicate"
            if is_inverse:
                kind = "symmetric" if first == second else "inverse"
            (one, one_share), (other, other_share) = labels
            found.append(
                RedundantRelations(kind, one, other, common, float(one_share), float(other_share))
            )
    return tuple(sorted(found, key=lambda each: (each.first, each.second, each.kind)))


def handle_redundancy(
    triples: TripleSet,
    redundant: Sequence[RedundantRelations],
    handling: RedundancyHandling = "together",
) -> tuple[TripleSet, NDArray[np.int64] | None]:
    """Do about redundant relations what was chosen.

    Args:
        triples: all triples.
        redundant: what `find_redundant_relations` found.
        handling: what to do.

    Returns:
        The triples that are left, and which belong together, for `splitting.split_triples`:
        None where they need not.

    Raises:
        SplitError: there is no such handling.
    """
    if handling not in get_args(RedundancyHandling):
        choices = ", ".join(get_args(RedundancyHandling))
        raise SplitError(
            f"Redundant relations cannot be handled by {handling!r}; take one of {choices}."
        )
    if handling == "keep":
        return triples, None
    if handling == "drop":
        triples = drop_redundant_relations(triples, redundant)
    return triples, twin_groups(triples, redundant)


def drop_redundant_relations(
    triples: TripleSet, redundant: Iterable[RedundantRelations]
) -> TripleSet:
    """Keep of relations that say the same only the one with most triples.

    The labels stay as they are; `TripleSet.used_only` leaves out those without triples. A symmetric
    relation stays.
    """
    kinds = triples.triples[:, 1]
    sizes = np.bincount(kinds, minlength=len(triples.relations))
    groups = _group_relations(triples, redundant)
    kept: dict[int, int] = {}
    by_label = sorted(range(len(groups)), key=triples.relations.__getitem__)
    for relation in by_label:
        best = kept.setdefault(int(groups[relation]), relation)
        if sizes[relation] > sizes[best]:
            kept[int(groups[relation])] = relation
    return triples.select(np.isin(kinds, list(kept.values())))


def twin_groups(
    triples: TripleSet, redundant: Iterable[RedundantRelations] = ()
) -> NDArray[np.int64]:
    """Say which triples are twins: they link the same two entities, and say the same.

    Twins are triples of one relation, or of relations that say the same, between the same two
    entities in whatever direction. So a triple and its reversed one are twins also where their
    relation is rarely symmetric.

    Args:
        triples: the triples.
        redundant: what `find_redundant_relations` found.

    Returns:
        The number of each triple's group, from 0. Shape ``[n]``.
    """
    heads, kinds, tails = triples.triples.T
    groups = _group_relations(triples, redundant)
    keys = np.stack([groups[kinds], np.minimum(heads, tails), np.maximum(heads, tails)], axis=1)
    _, numbers = np.unique(keys, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)


def _group_relations(
    triples: TripleSet, redundant: Iterable[RedundantRelations]
) -> NDArray[np.int64]:
    """Give each relation the number of its group, so that what says the same has one."""
    parents = list(range(len(triples.relations)))

    def find(relation: int) -> int:
        while parents[relation] != relation:
            parents[relation] = parents[parents[relation]]
            relation = parents[relation]
        return relation

    for pair in redundant:
        first = triples.relation_numbers.get(pair.first)
        second = triples.relation_numbers.get(pair.second)
        if first is not None and second is not None:
            parents[find(first)] = find(second)
    return np.array([find(relation) for relation in parents], dtype=np.int64)


def _count_common(
    keys: NDArray[np.int64],
    wanted: NDArray[np.int64],
    kinds: NDArray[np.int64],
    relations: int,
) -> list[tuple[int, int, int]]:
    """Count for two relations how often a wanted key of one is a key of the other.

    Returns:
        Relation, relation that is not smaller, and count, where the count is not 0.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.searchsorted(ordered, wanted, side="left")
    lengths = np.searchsorted(ordered, wanted, side="right") - starts
    ends = np.cumsum(lengths)
    # For each wanted key, the places from its start on, one behind the other.
    places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
    first = np.repeat(kinds, lengths)
    second = kinds[order[places]]
    pairs, counts = np.unique(first * relations + second, return_counts=True)
    return [
        (pair // relations, pair % relations, count)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True)
        if pair // relations <= pair % relations
    ]
