"""Why a predicted link is plausible, told by what is known at the site.

Two kinds of reasons. *Nearest known links*: triples of the same relation whose ends the model holds
to be alike those of the predicted link. They are what the model goes by, as far as vectors can
tell. And *paths*: two or three known triples that lead from one end to the other, which the model
may or may not have gone by: a gene causes another disease, which has a phenotype that this disease
has as well.

A reason is a known triple, so it is shown only where its relation and both its ends are public,
unless local ones are asked for.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hereditary_kg.embeddings.label_kinds import Namespaces
from hereditary_kg.embeddings.saved_models import SavedModel
from hereditary_kg.embeddings.triples import Triple

__all__ = ["LinkReasons", "NearLink", "Path", "ReasonFinder"]


@dataclass(frozen=True)
class NearLink:
    """A known link of the same relation.

    Attributes:
        head: its label.
        tail: its label.
        similarity: the mean of the cosines between both heads' vectors and both tails'.
    """

    head: str
    tail: str
    similarity: float


@dataclass(frozen=True)
class Path:
    """Two or three known triples that lead from the head to the tail.

    Attributes:
        relations: the relation of each step; with ``^`` before it where it is gone backwards, as in
            SPARQL's property paths.
        through: the entities between, one less.
    """

    relations: tuple[str, ...]
    through: tuple[str, ...]


@dataclass(frozen=True)
class LinkReasons:
    """Why a link is plausible.

    Attributes:
        nearest: the nearest known links, nearest first.
        paths: the shortest first, and among those of a length the ones through entities of few
            triples; of paths through the same entities one.
    """

    nearest: tuple[NearLink, ...]
    paths: tuple[Path, ...]


class ReasonFinder:
    """Finds reasons in what is known at a site.

    Args:
        saved: the model.
        namespaces: whose terms are everybody's.
        local: whether known triples of local terms may be shown.
        most: how many reasons of each kind are given.
    """

    def __init__(
        self, saved: SavedModel, namespaces: Namespaces, *, local: bool = False, most: int = 3
    ) -> None:
        known = saved.known
        ends = namespaces.mark_public(known.entities) | local
        kinds = namespaces.mark_public(known.relations) | local
        heads, relations, tails = known.triples.T
        self._known = known
        self._shown = known.triples[ends[heads] & kinds[relations] & ends[tails]]
        self._vectors = torch.nn.functional.normalize(saved.model.entities.float(), dim=1)
        self._most = most
        self._steps: defaultdict[int, dict[int, str]] = defaultdict(dict)
        for head, relation, tail in self._shown.tolist():
            name = known.relations[relation]
            self._steps[head].setdefault(tail, name)
            self._steps[tail].setdefault(head, f"^{name}")

    def find(self, link: Triple) -> LinkReasons:
        """Find reasons for a link of terms that the model knows."""
        head, relation, tail = link
        numbers = self._known.entity_numbers
        ends = (numbers[head], numbers[tail])
        rows = self._shown[self._shown[:, 1] == self._known.relation_numbers[relation]]
        return LinkReasons(tuple(self._nearest(*ends, rows)), tuple(self._paths(*ends)))

    def _nearest(self, head: int, tail: int, rows: NDArray[np.int64]) -> Iterable[NearLink]:
        if not len(rows):
            return
        places = torch.from_numpy(rows)
        likeness = (self._alike(head, places[:, 0]) + self._alike(tail, places[:, 2])) / 2
        best = torch.topk(likeness, min(self._most, len(rows)))
        for value, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            near, _, far = rows[place].tolist()
            yield NearLink(self._known.entities[near], self._known.entities[far], value)

    def _alike(self, entity: int, others: Tensor) -> Tensor:
        return self._vectors[others.to(self._vectors.device)] @ self._vectors[entity]

    def _paths(self, head: int, tail: int) -> Iterable[Path]:
        """Find the shortest paths; those of three steps only where there are too few of two."""
        begin, end = self._steps[head], self._steps[tail]
        ways: list[tuple[int, ...]] = [(between,) for between in begin.keys() & end.keys()]
        if len(ways) < self._most:
            ways += [
                (first, second)
                for first in begin.keys() - {tail}
                for second in self._steps[first].keys() & end.keys() - {head}
            ]
        for way in sorted(ways, key=self._rarity)[: self._most]:
            stops = (head, *way, tail)
            yield Path(
                tuple(self._steps[here][there] for here, there in pairwise(stops)),
                tuple(self._known.entities[stop] for stop in way),
            )

    def _rarity(self, way: tuple[int, ...]) -> tuple[int, int, tuple[str, ...]]:
        degrees = prod(len(self._steps[stop]) for stop in way)
        return len(way), degrees, tuple(self._known.entities[stop] for stop in way)
