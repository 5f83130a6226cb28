"""Training triples: an integer matrix beside the labels that its numbers stand for."""

import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import TripleError

__all__ = ["Triple", "TripleSet", "read_triples"]

Triple = tuple[str, str, str]
"""The labels of head, relation and tail."""


@dataclass(frozen=True, eq=False)
class TripleSet:
    """Triples of entities and relations, each of which has a number.

    A label need not be in any triple: sets that are trained or tested together share their labels.

    Args:
        entities: labels, different ones; an entity's number is its place.
        relations: labels, different ones; a relation's number is its place.
        triples: one row a triple: head, relation, tail. Shape ``[n, 3]``, ``int64``; rows may
            be given more than once, and are kept once, in ascending order.

    Raises:
        TripleError: a label is given twice, or a number has no label.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    triples: NDArray[np.int64]

    def __post_init__(self) -> None:
        for kind, labels in (("entities", self.entities), ("relations", self.relations)):
            if len(set(labels)) != len(labels):
                raise TripleError(f"The labels of {kind} are not all different. Give each once.")
        rows = np.unique(np.asarray(self.triples, dtype=np.int64).reshape(-1, 3), axis=0)
        sizes = (len(self.entities), len(self.relations), len(self.entities))
        if rows.size and (rows.min() < 0 or (rows.max(axis=0) >= sizes).any()):
            raise TripleError("A triple has a number without a label. Give each number's label.")
        object.__setattr__(self, "triples", rows)

    @classmethod
    def from_labels(
        cls,
        triples: Iterable[Triple],
        entities: Sequence[str] = (),
        relations: Sequence[str] = (),
    ) -> Self:
        """Number the labels of triples: those given first, the others in their order as texts.

        Args:
            triples: labels of head, relation and tail.
            entities: labels that come first, in this order.
            relations: labels that come first, in this order.
        """
        listed = list(triples)
        ends = _number(entities, (end for head, _, tail in listed for end in (head, tail)))
        kinds = _number(relations, (relation for _, relation, _ in listed))
        rows = [(ends[head], kinds[relation], ends[tail]) for head, relation, tail in listed]
        return cls(tuple(ends), tuple(kinds), np.array(rows, dtype=np.int64).reshape(-1, 3))

    def __len__(self) -> int:
        return len(self.triples)

    @cached_property
    def entity_numbers(self) -> dict[str, int]:
        """The number of each entity."""
        return {label: number for number, label in enumerate(self.entities)}

    @cached_property
    def relation_numbers(self) -> dict[str, int]:
        """The number of each relation."""
        return {label: number for number, label in enumerate(self.relations)}

    def labels(self) -> list[Triple]:
        """Give the labels of each triple, in the order of the rows."""
        return [
            (self.entities[head], self.relations[relation], self.entities[tail])
            for head, relation, tail in self.triples.tolist()
        ]

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Give some of the triples, under the same labels.

        Args:
            rows: a mask of shape ``[n]``, or places of rows.
        """
        return type(self)(self.entities, self.relations, self.triples[rows])

    def used_only(self) -> Self:
        """Leave out the labels that are in no triple, and number the others anew."""
        ends, kinds = self.triples[:, [0, 2]], self.triples[:, 1]
        entities, new_ends = _renumber(self.entities, ends)
        relations, new_kinds = _renumber(self.relations, kinds)
        heads, tails = new_ends.T
        return type(self)(entities, relations, np.stack([heads, new_kinds, tails], axis=1))


def read_triples(path: Path) -> list[Triple]:
    """Read triples from tab-separated text, one a line: head, relation, tail; also gzipped.

    Raises:
        TripleError: the file cannot be read, or a line has not three fields.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    found: list[Triple] = []
    try:
        with opened(path, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                fields = line.rstrip("\r\n").split("\t")
                if fields == [""]:
                    continue
                if len(fields) != 3 or not all(fields):
                    raise TripleError(
                        f"{path}:{number}: a line has a head, a relation and a tail between tabs; "
                        f"this one has {len(fields)} fields, or an empty one."
                    )
                found.append((fields[0], fields[1], fields[2]))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise TripleError(f"{path}: it cannot be read as tab-separated text: {error}") from error
    return found


def _renumber(
    labels: tuple[str, ...], numbers: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Give the labels in use in their order as texts, and the numbers under them."""
    used = sorted(np.unique(numbers).tolist(), key=labels.__getitem__)
    places = np.zeros(len(labels), dtype=np.int64)
    places[used] = np.arange(len(used))
    return tuple(labels[number] for number in used), places[numbers]


def _number(first: Sequence[str], others: Iterable[str]) -> dict[str, int]:
    if len(set(first)) != len(first):
        raise TripleError("Labels that come first are not all different. Give each once.")
    labels = dict.fromkeys(first)
    labels.update(dict.fromkeys(sorted(set(others) - labels.keys())))
    return {label: number for number, label in enumerate(labels)}
