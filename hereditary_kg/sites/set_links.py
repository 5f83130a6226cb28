"""Links between characteristic sets, counted in a sample of each predicate's triples."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from hereditary_kg.sites.characteristic_sets import Link
from hereditary_kg.sites.shared_namespaces import FEWEST_USERS
from hereditary_kg.sites.store_columns import read_columns

if TYPE_CHECKING:
    from pyoxigraph import Store

__all__ = ["MOST_LINKS", "count_links"]

MOST_LINKS = 1024
"""A profile has no more links than this, those of most triples."""

_SHARE = 20
_SMALLEST_SAMPLE = 1000


def count_links(
    store: "Store",
    predicates: Mapping[str, int],
    members: pl.DataFrame,
    sets: Mapping[int, int],
    triples: int,
) -> tuple[Link, ...]:
    """Count the triples that lead from set to set.

    Of a predicate with many triples, a sample is looked at and scaled up: the triples of some
    objects. Oxigraph keeps them in the order of the objects' hashes, so that the first are as
    good as any, and always the same.

    Args:
        store: the store.
        predicates: those whose objects may be subjects, with their triples.
        members: hashes of all subjects (``subject``) with the keys of their signatures (``key``).
        sets: key -> position of the characteristic set.
        triples: how many triples there are in all; a twentieth of them is looked at.

    Returns:
        The links of at least three triples, by source, predicate and target.
    """
    if not predicates or not sets:
        return ()
    size = max(_SMALLEST_SAMPLE, triples // (_SHARE * len(predicates)))
    places = members.select(
        "subject",
        pl.col("key").replace_strict(sets, return_dtype=pl.Int32).alias("set"),
    )
    counts: Counter[tuple[int, str, int]] = Counter()
    small = [iri for iri, held in predicates.items() if held <= size]
    listed = " ".join(f"(<{iri}> {number})" for number, iri in enumerate(small))
    query = (
        f"SELECT ?number ?subject ?object {{ VALUES (?p ?number) {{ {listed} }} "
        "?subject ?p ?object }"
    )
    for number, source, target, count in _count_ends(store, query, places):
        counts[source, small[number], target] = count
    for iri, held in predicates.items():
        if held > size:
            query = (
                f"SELECT (0 AS ?number) ?subject ?object {{ ?subject <{iri}> ?object }} "
                f"LIMIT {size}"
            )
            for _, source, target, count in _count_ends(store, query, places):
                counts[source, iri, target] = round(count * held / size)
    frequent = sorted(
        (item for item in counts.items() if item[1] >= FEWEST_USERS),
        key=lambda item: (-item[1], item[0]),
    )
    return tuple(
        Link(source, iri, target, count)
        for (source, iri, target), count in sorted(frequent[:MOST_LINKS])
    )


def _count_ends(
    store: "Store", query: str, places: pl.DataFrame
) -> list[tuple[int, int, int, int]]:
    """Count triples by their predicate's number and the sets of both ends."""
    frames: list[pl.DataFrame] = []

    def take(frame: pl.DataFrame) -> None:
        hashed = frame.select(pl.col("number").cast(pl.Int64), pl.col("subject", "object").hash())
        ends = hashed.join(places, on="subject").join(
            places, left_on="object", right_on="subject", suffix="_of_object"
        )
        frames.append(ends.group_by("number", "set", "set_of_object").len())

    read_columns(store, query, ("number", "subject", "object"), take)
    if not frames:
        return []
    found = pl.concat(frames).group_by("number", "set", "set_of_object")
    return list(found.agg(pl.col("len").sum()).iter_rows())
