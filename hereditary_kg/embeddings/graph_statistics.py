"""What a graph is like: sizes, degrees, and of each relation how many ends belong to how many."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.label_kinds import LabelKind
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "RELATION_COLUMNS",
    "Cardinality",
    "DegreeStatistics",
    "GraphStatistics",
    "RelationStatistics",
    "measure_graph",
]

Cardinality: TypeAlias = Literal["1-1", "1-n", "n-1", "n-n"]
"""How many heads of a relation belong to how many tails: a mean below 1.5 counts as one.

Source: Bordes and others, Translating embeddings for modeling multi-relational data, 2013,
section 4.3.
"""

RELATION_COLUMNS = (
    "relation",
    "triples",
    "heads",
    "tails",
    "tails_per_head",
    "heads_per_tail",
    "cardinality",
    "density",
)
"""The heads of the table of relations."""

_SEVERAL = 1.5


@dataclass(frozen=True)
class DegreeStatistics:
    """In how many triples an entity is, over the entities that are in one; a loop counts twice.

    Attributes:
        smallest: the smallest degree.
        median: the middle one.
        mean: the mean.
        largest: the largest one.
    """

    smallest: int
    median: float
    mean: float
    largest: int


@dataclass(frozen=True)
class RelationStatistics:
    """One relation.

    Attributes:
        relation: its label.
        triples: how many it has.
        heads: how many different heads.
        tails: how many different tails.
        tails_per_head: how many tails a head has on average.
        heads_per_tail: how many heads a tail has on average.
        cardinality: the two means in short.
        density: the share of all its heads times all its tails that is linked; 1 is a Cartesian
            product, which tests no model.
    """

    relation: str
    triples: int
    heads: int
    tails: int
    tails_per_head: float
    heads_per_tail: float
    cardinality: Cardinality
    density: float


@dataclass(frozen=True)
class GraphStatistics:
    """What a graph is like. No entity is named in it.

    Attributes:
        triples: how many.
        entities: how many are in a triple.
        degrees: theirs; None without triples.
        relations: those that are in a triple, the largest first.
        entities_by_kind: how many of these entities are local, public and shared; empty where
            that was not said.
        triples_by_shared_ends: how many triples have no, one or two shared ends; empty where that
            was not said.
    """

    triples: int
    entities: int
    degrees: DegreeStatistics | None
    relations: tuple[RelationStatistics, ...]
    entities_by_kind: Mapping[LabelKind, int]
    triples_by_shared_ends: tuple[int, ...]

    @property
    def shared_entities(self) -> float | None:
        """The share of entities that are shared, from 0 to 1; None where that was not said."""
        if not self.entities_by_kind or not self.entities:
            return None
        return self.entities_by_kind[LabelKind.SHARED] / self.entities

    def relation_rows(self) -> list[tuple[str | int | float, ...]]:
        """Give the relations as a table, whose heads are `RELATION_COLUMNS`."""
        return [tuple(asdict(each).values()) for each in self.relations]

    def to_json(self) -> str:
        """Write all of it as one JSON object, shares included."""
        return json.dumps(asdict(self) | {"shared_entities": self.shared_entities}, indent=2)

    def __str__(self) -> str:
        parts = [
            f"{self.triples} triples, {self.entities} entities, {len(self.relations)} relations"
        ]
        if self.degrees is not None:
            parts.append(
                f"degrees from {self.degrees.smallest} to {self.degrees.largest}, "
                f"{self.degrees.median:g} in the middle, {self.degrees.mean:.1f} on average"
            )
        if self.entities_by_kind:
            kinds = (f"{count} {kind}" for kind, count in self.entities_by_kind.items())
            parts.append(f"entities: {', '.join(kinds)}")
        return "; ".join(parts)


def measure_graph(triples: TripleSet, kinds: Sequence[LabelKind] | None = None) -> GraphStatistics:
    """Measure a graph.

    Args:
        triples: the graph.
        kinds: the kind of each entity, where it is known.
    """
    heads, relations, tails = triples.triples.T
    degrees = np.bincount(np.concatenate([heads, tails]), minlength=len(triples.entities))
    used = degrees > 0
    by_kind: dict[LabelKind, int] = {}
    by_ends: tuple[int, ...] = ()
    if kinds is not None:
        marks = np.array([kind == LabelKind.SHARED for kind in kinds], dtype=np.bool_)
        used_kinds = [kinds[number] for number in np.flatnonzero(used).tolist()]
        by_kind = {kind: used_kinds.count(kind) for kind in LabelKind}
        ends = marks[heads].astype(np.int64) + marks[tails]
        by_ends = tuple(np.bincount(ends, minlength=3).tolist())
    measured = _measure_relations(triples, heads, relations, tails)
    return GraphStatistics(
        len(triples), int(used.sum()), _measure_degrees(degrees[used]), measured, by_kind, by_ends
    )


def _measure_degrees(degrees: NDArray[np.int64]) -> DegreeStatistics | None:
    if not len(degrees):
        return None
    return DegreeStatistics(
        int(degrees.min()), float(np.median(degrees)), float(degrees.mean()), int(degrees.max())
    )


def _measure_relations(
    triples: TripleSet,
    heads: NDArray[np.int64],
    relations: NDArray[np.int64],
    tails: NDArray[np.int64],
) -> tuple[RelationStatistics, ...]:
    count = len(triples.relations)
    sizes = np.bincount(relations, minlength=count)
    head_counts, tail_counts = (
        np.bincount(np.unique(np.stack([relations, ends], axis=1), axis=0)[:, 0], minlength=count)
        for ends in (heads, tails)
    )
    measured = []
    for number in np.flatnonzero(sizes).tolist():
        size, first, last = (int(each[number]) for each in (sizes, head_counts, tail_counts))
        left = "n" if size / last >= _SEVERAL else "1"
        right = "n" if size / first >= _SEVERAL else "1"
        measured.append(
            RelationStatistics(
                triples.relations[number],
                size,
                first,
                last,
                size / first,
                size / last,
                _CARDINALITIES[left, right],
                size / (first * last),
            )
        )
    return tuple(sorted(measured, key=lambda each: (-each.triples, each.relation)))


_CARDINALITIES: Mapping[tuple[str, str], Cardinality] = {
    ("1", "1"): "1-1",
    ("1", "n"): "1-n",
    ("n", "1"): "n-1",
    ("n", "n"): "n-n",
}
