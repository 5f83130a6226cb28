"""Splits into training, validation and test triples, reproducible and without leakage."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import SplitError
from hereditary_kg.embeddings.redundant_relations import twin_groups
from hereditary_kg.embeddings.stable_order import hash_triples
from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["USUAL_RATIOS", "Split", "split_triples"]

USUAL_RATIOS = (0.8, 0.1, 0.1)
"""Shares of training, validation and test triples."""


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test triples under the same labels.

    Attributes:
        training: what is trained on.
        validation: what choices are made by.
        testing: what results are reported on.
        kept_in_training: how many triples were drawn for validation or testing and kept in
            training nevertheless, because one of their entities or relations would have been
            missing there.
    """

    training: TripleSet
    validation: TripleSet
    testing: TripleSet
    kept_in_training: int = 0

    def __post_init__(self) -> None:
        labels = (self.training.entities, self.training.relations)
        if any(
            (part.entities, part.relations) != labels for part in (self.validation, self.testing)
        ):
            raise SplitError(
                "The parts of a split have different labels. Number all triples in one set, and "
                "select the parts from it."
            )

    def whole(self) -> TripleSet:
        """Give all triples of the split as one set."""
        parts = [self.training.triples, self.validation.triples, self.testing.triples]
        return TripleSet(
            self.training.entities, self.training.relations, np.concatenate(parts, axis=0)
        )

    def __str__(self) -> str:
        kept = self.kept_in_training
        return (
            f"{len(self.training)} training, {len(self.validation)} validation and "
            f"{len(self.testing)} test triples"
        ) + (f"; {kept} drawn ones stay in training, which needs them" if kept else "")


def split_triples(
    triples: TripleSet,
    *,
    seed: int,
    ratios: tuple[float, float, float] = USUAL_RATIOS,
    groups: NDArray[np.int64] | None = None,
) -> Split:
    """Split triples so that nothing that is tested was trained on in another form.

    Every entity and relation of validation and test triples is in a training triple. Triples of
    one group stay together. The split depends on the labels, the seed and the ratios, and not on
    the order or the numbers in which they are given.

    Args:
        triples: what to split.
        seed: chooses one of many splits.
        ratios: the shares of training, validation and test triples, which add up to 1. The last
            two are missed where too many triples are needed in training.
        groups: which triples belong together, as `redundant_relations.handle_redundancy` says;
            where nothing is given, a triple and its reversed one. Shape ``[n]``.

    Raises:
        SplitError: the ratios are none, or the groups belong to other triples.
    """
    _check_ratios(ratios)
    if groups is None:
        groups = twin_groups(triples)
    if groups.shape != (len(triples),):
        raise SplitError(
            f"There are groups of {len(groups)} triples, and {len(triples)} triples. Form the "
            "groups of the triples that are split."
        )
    wanted = [math.floor(len(triples) * ratio + 0.5) for ratio in ratios[1:]]
    parts, kept = _draw(triples, _order_groups(triples, groups, seed), wanted)
    training, validation, testing = (triples.select(parts == part) for part in range(3))
    return Split(training, validation, testing, kept)


def _check_ratios(ratios: tuple[float, float, float]) -> None:
    is_right = len(ratios) == 3 and all(ratio >= 0 for ratio in ratios)
    if not (is_right and ratios[0] > 0 and math.isclose(sum(ratios), 1, abs_tol=1e-6)):
        shown = ", ".join(f"{ratio:g}" for ratio in ratios)
        raise SplitError(
            f"The ratios {shown} split nothing: give three shares of training, validation and test "
            "triples that add up to 1, the first above 0, such as 0.8, 0.1, 0.1."
        )


def _order_groups(
    triples: TripleSet, groups: NDArray[np.int64], seed: int
) -> list[NDArray[np.int64]]:
    """Give the rows of each group, the groups in the order in which they are drawn."""
    hashes = hash_triples(triples, seed, "split")
    smallest = np.full(int(groups.max(initial=-1)) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, groups, hashes)
    order = np.lexsort((hashes, groups, smallest[groups]))
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    return np.split(order, borders) if len(order) else []


def _draw(
    triples: TripleSet, groups: list[NDArray[np.int64]], wanted: list[int]
) -> tuple[NDArray[np.int64], int]:
    """Give groups to validation (1) and testing (2), the emptier first, until both are full."""
    heads, kinds, tails = triples.triples.T
    left_of_entities = np.bincount(
        np.concatenate([heads, tails]), minlength=len(triples.entities)
    ).tolist()
    left_of_relations = np.bincount(kinds, minlength=len(triples.relations)).tolist()
    parts = np.zeros(len(triples), dtype=np.int64)
    sizes = [0, 0]
    kept = 0
    for rows in groups:
        lacking = [
            (size / aim, place)
            for place, (size, aim) in enumerate(zip(sizes, wanted, strict=True))
            if size < aim
        ]
        if not lacking:
            break
        members = triples.triples[rows].tolist()
        for head, relation, tail in members:
            left_of_entities[head] -= 1
            left_of_entities[tail] -= 1
            left_of_relations[relation] -= 1
        if all(
            left_of_entities[head] and left_of_entities[tail] and left_of_relations[relation]
            for head, relation, tail in members
        ):
            _, place = min(lacking)
            parts[rows] = place + 1
            sizes[place] += len(members)
            continue
        kept += len(members)
        for head, relation, tail in members:
            left_of_entities[head] += 1
            left_of_entities[tail] += 1
            left_of_relations[relation] += 1
    return parts, kept
