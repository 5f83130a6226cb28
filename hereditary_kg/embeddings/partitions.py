"""Partitions of one graph over several sites, as benchmarks of federated training deal it.

By relation, each site has relations of its own about entities that others know too: a *vertical*
partition. By triple or by entity, the sites have the same relations: a *horizontal* one.

Source: Chen and others, FedE: Embedding knowledge graphs in federated setting, 2021 (by
relation); Zhu, Li and Hu, Heterogeneous federated knowledge graph embedding learning and
unlearning, WWW 2023 (FB15k-237-R10, a published partition by relation).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hereditary_kg.embeddings.errors import PartitionError
from hereditary_kg.embeddings.stable_order import hash_labels, hash_triples
from hereditary_kg.embeddings.triples import TripleSet

__all__ = [
    "partition_as_published",
    "partition_by_entity",
    "partition_by_relation",
    "partition_by_triple",
    "read_relation_sites",
]


def partition_by_relation(triples: TripleSet, sites: int, *, seed: int) -> tuple[TripleSet, ...]:
    """Deal the relations: each site has all triples of its own ones.

    Args:
        triples: the graph.
        sites: how many sites; their numbers of relations differ by one at most.
        seed: chooses one of many partitions.

    Returns:
        The triples of each site, under the labels that it uses.

    Raises:
        PartitionError: there are too few relations, or fewer than two sites.
    """
    used = np.unique(triples.triples[:, 1])
    _check_sites(sites, len(used), "relations")
    hashes = hash_labels(triples.relations, seed, "partition")
    dealt = np.full(len(triples.relations), -1, dtype=np.int64)
    dealt[used[np.argsort(hashes[used], kind="stable")]] = np.arange(len(used)) % sites
    return _take(triples, dealt[triples.triples[:, 1]], sites)


def partition_by_triple(triples: TripleSet, sites: int, *, seed: int) -> tuple[TripleSet, ...]:
    """Deal the triples one by one, as `partition_by_relation` does the relations."""
    _check_sites(sites, len(triples), "triples")
    dealt = np.empty(len(triples), dtype=np.int64)
    order = np.argsort(hash_triples(triples, seed, "partition"), kind="stable")
    dealt[order] = np.arange(len(triples)) % sites
    return _take(triples, dealt, sites)


def partition_by_entity(triples: TripleSet, sites: int, *, seed: int) -> tuple[TripleSet, ...]:
    """Deal the entities that are heads: each site has all triples that begin with its own ones.

    Other sites may know these entities as tails. The rest is as of `partition_by_relation`.
    """
    heads = np.unique(triples.triples[:, 0])
    _check_sites(sites, len(heads), "heads")
    hashes = hash_labels(triples.entities, seed, "partition")
    dealt = np.full(len(triples.entities), -1, dtype=np.int64)
    dealt[heads[np.argsort(hashes[heads], kind="stable")]] = np.arange(len(heads)) % sites
    return _take(triples, dealt[triples.triples[:, 0]], sites)


def partition_as_published(
    triples: TripleSet, relation_sites: Mapping[str, int]
) -> tuple[TripleSet, ...]:
    """Give each relation's triples to the site that a published partition names.

    Args:
        triples: the graph.
        relation_sites: the site of each relation, from 0 (`read_relation_sites`).

    Raises:
        PartitionError: a relation of the graph has no site, or a site would have no triples.
    """
    used = np.unique(triples.triples[:, 1]).tolist()
    missing = [
        triples.relations[one] for one in used if triples.relations[one] not in relation_sites
    ]
    if missing:
        raise PartitionError(
            f"The partition gives no site to {len(missing)} of the graph's {len(used)} relations, "
            f"such as {missing[0]!r}. Take the graph that it was published for."
        )
    sites = max(relation_sites.values(), default=-1) + 1
    dealt = np.array([relation_sites.get(label, -1) for label in triples.relations], dtype=np.int64)
    parts = _take(triples, dealt[triples.triples[:, 1]], sites)
    empty = [site for site, part in enumerate(parts) if not len(part)]
    if empty:
        raise PartitionError(
            f"Site {empty[0]} of the partition has no triple of this graph. Take the graph that it "
            "was published for, and number the sites from 0 without gaps."
        )
    return parts


def read_relation_sites(path: Path) -> dict[str, int]:
    """Read which relation belongs to which site: lines of a site's number, a tab, a relation.

    Raises:
        PartitionError: the file cannot be read, a line is something else, or a relation has two
            sites.
    """
    found: dict[str, int] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PartitionError(f"{path}: it cannot be read as text: {error}") from error
    for number, line in enumerate(lines, start=1):
        site, tab, relation = line.partition("\t")
        if not (tab and relation and site.isascii() and site.isdigit()):
            raise PartitionError(
                f"{path}:{number}: a line has a site's number, a tab and a relation; this is "
                f"{line[:80]!r}."
            )
        if found.setdefault(relation, int(site)) != int(site):
            raise PartitionError(
                f"{path}:{number}: {relation!r} is at site {found[relation]} and at site {site}. "
                "Name one."
            )
    return found


def _check_sites(sites: int, parts: int, what: str) -> None:
    if sites < 2:
        raise PartitionError(f"{sites} sites are no federation; deal the graph over two at least.")
    if parts < sites:
        raise PartitionError(
            f"{parts} {what} cannot be dealt over {sites} sites. Take fewer sites, or a larger "
            "graph."
        )


def _take(
    triples: TripleSet, sites_of_rows: NDArray[np.int64], sites: int
) -> tuple[TripleSet, ...]:
    return tuple(triples.select(sites_of_rows == site).used_only() for site in range(sites))
