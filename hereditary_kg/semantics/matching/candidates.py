"""Pairs of terms that are worth a look, because names of theirs share words that tell something."""

import math
from collections.abc import Iterator, Mapping

import polars as pl

from hereditary_kg.semantics.matching.lexicon import Lexicon, WordWeights
from hereditary_kg.semantics.matching.relations import Relations

__all__ = ["name_pairs"]

_STEM = 5
_MOST_PAIRS = 40_000
"""How many pairs of names one key may bring together; a more frequent one tells too little."""
_MOST_NAMES = 6
"""With how many names of the other side a name is compared."""
_LEAST = 0.25
"""The cosine from which on two names are compared."""

_DIGITS = 9


def name_pairs(
    one: Lexicon, other: Lexicon, weights: WordWeights, relations: Relations
) -> list[tuple[int, int]]:
    """Find pairs of names, by their place in each lexicon, that have keys in common.

    A name's keys are its words, their beginnings, what they may be replaced by, and all of them in
    one.
    """
    related = _related(relations)
    mine = _keys(one, weights.values, related)
    theirs = _keys(other, weights.values, related)
    counts = mine.group_by("key").len("mine").join(theirs.group_by("key").len("theirs"), on="key")
    frequent = counts.filter(pl.col("mine") * pl.col("theirs") > _MOST_PAIRS)
    rare = mine.join(frequent, on="key", how="anti")
    pairs = (
        rare.join(theirs, on="key", suffix="_other")
        .group_by("name", "name_other")
        # Groups are summed up in any order: without rounding, ties would fall this way or that.
        .agg((pl.col("value") * pl.col("value_other")).sum().round(_DIGITS).alias("cosine"))
        .filter(pl.col("cosine") >= _LEAST)
    )
    ranked = pairs.with_columns(
        pl.col("cosine").rank("min", descending=True).over("name").alias("rank"),
        pl.col("cosine").rank("min", descending=True).over("name_other").alias("rank_other"),
    ).filter((pl.col("cosine") >= 0.999) | (pl.min_horizontal("rank", "rank_other") <= _MOST_NAMES))
    return sorted(ranked.select("name", "name_other").iter_rows())


def _related(relations: Relations) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for (one, other), count in relations.substitutions.items():
        if count > 1:
            found.setdefault(one, []).append(other)
            found.setdefault(other, []).append(one)
    return {word: tuple(sorted(others)) for word, others in found.items()}


def _keys(
    lexicon: Lexicon, weights: Mapping[str, float], related: Mapping[str, tuple[str, ...]]
) -> pl.DataFrame:
    rows: list[tuple[int, str, float]] = []
    for place, name in enumerate(lexicon.names):
        keys = dict(_keys_of(name.bag, weights, related))
        norm = math.sqrt(sum(weights[word] ** 2 for word in set(name.bag)))
        rows += [(place, key, value / norm) for key, value in keys.items()]
        rows.append((place, "=" + "".join(name.words), 1.0))
    return pl.DataFrame(
        rows, schema={"name": pl.UInt32, "key": pl.String, "value": pl.Float64}, orient="row"
    )


def _keys_of(
    bag: tuple[str, ...], weights: Mapping[str, float], related: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, float]]:
    for word in bag:
        for other in related.get(word, ()):
            yield other, 0.8 * weights[word]
        if len(word) > _STEM and word.isalpha():
            yield word[:_STEM] + "-", 0.6 * weights[word]
    for word in bag:
        yield word, weights[word]
