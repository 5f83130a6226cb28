"""The public graph that link prediction is measured on: FB15k-237, in OpenKE's form."""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hereditary_kg.embeddings.triples import TripleSet

__all__ = ["FB15K_237", "Splits", "densest_part", "read_openke"]

FB15K_237 = Path("../shared/data/kge/FB15k-237")


class Splits(NamedTuple):
    """Triples to train on, to choose by and to test on, under the same labels."""

    train: TripleSet
    valid: TripleSet
    test: TripleSet


def read_openke(directory: Path) -> Splits:
    """Read numbered triples, which stand as head, tail and relation, below their number.

    Raises:
        SystemExit: the data are not there.
    """
    if not directory.is_dir():
        raise SystemExit(f"{directory} is not there: give the graph's directory by --data")

    def labels(name: str) -> tuple[str, ...]:
        with gzip.open(directory / f"{name}2id.txt.gz", "rt", encoding="utf-8") as lines:
            next(lines)
            numbered = (line.rstrip("\n").split("\t") for line in lines)
            return tuple(label for label, _ in sorted(numbered, key=lambda pair: int(pair[1])))

    def triples(name: str) -> TripleSet:
        with gzip.open(directory / f"{name}2id.txt.gz", "rt", encoding="utf-8") as lines:
            rows = np.loadtxt(lines, skiprows=1, dtype=np.int64)
        return TripleSet(entities, relations, rows[:, [0, 2, 1]])

    entities, relations = labels("entity"), labels("relation")
    return Splits(triples("train"), triples("valid"), triples("test"))


def densest_part(triples: TripleSet, share: float) -> TripleSet:
    """Give a share of a graph's triples: those among the entities that have the most.

    So what is left has more triples an entity than the whole, not fewer; it is the same each time.
    """
    ends = triples.triples[:, [0, 2]]
    degrees = np.bincount(ends.reshape(-1), minlength=len(triples.entities))
    ranks = np.empty(len(degrees), dtype=np.int64)
    ranks[np.argsort(-degrees, kind="stable")] = np.arange(len(degrees))
    order = np.argsort(ranks[ends].max(axis=1), kind="stable")
    mask = np.zeros(len(triples), dtype=np.bool_)
    mask[order[: round(share * len(triples))]] = True
    return triples.select(mask).used_only()
