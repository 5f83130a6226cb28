"""What two terms share beside names: causal genes, phenotypes, anything that others say of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from hereditary_kg.semantics.matching.lexicon import Lexicon

__all__ = ["EVIDENCE", "KINDS", "Shared", "shared_evidence"]

EVIDENCE = pl.Schema({"id": pl.String, "kind": pl.String, "feature": pl.String})
"""A term, the kind of evidence (see `KINDS`), and what is said of the term: a gene, a phenotype."""

KINDS = ("gene", "phenotype")
"""``gene``: what causes a disease, or is part of it. ``phenotype``: how it shows."""

_PAIRS = pl.Schema({"one": pl.Int64, "other": pl.Int64})
_MOST_PAIRS = 400
"""How many pairs of terms a feature may bring together; a commoner one tells too little."""
_LEAST = 0.3
"""The cosine from which on evidence alone makes a pair worth a look."""

_DIGITS = 9


@dataclass(frozen=True)
class Shared:
    """How alike the evidence of pairs is.

    Attributes:
        cosines: per kind, pairs of terms by their places, with the cosine of their features.
        told: per kind, the terms of either side of which it tells something.
    """

    cosines: Mapping[str, Mapping[tuple[int, int], float]]
    told: Mapping[str, tuple[frozenset[int], frozenset[int]]]

    def of(self, kind: str, pair: tuple[int, int]) -> float | None:
        """Give the cosine of a pair; None where nothing is said of one of them."""
        told = self.told.get(kind)
        if told is None or pair[0] not in told[0] or pair[1] not in told[1]:
            return None
        return self.cosines[kind].get(pair, 0.0)


def shared_evidence(
    one: Lexicon,
    other: Lexicon,
    evidence: tuple[pl.DataFrame, pl.DataFrame] | None,
    pairs: list[tuple[int, int]],
) -> Shared:
    """Compare the evidence of pairs of terms, and of all that share something rare.

    Args:
        one: the one side.
        other: the other side.
        evidence: frames like `EVIDENCE`, of either side.
        pairs: terms by their places.
    """
    if evidence is None:
        return Shared({}, {})
    wanted = pl.DataFrame(pairs, schema=_PAIRS, orient="row").unique()
    sides: dict[str, tuple[pl.DataFrame, pl.DataFrame]] = {}
    for kind in KINDS:
        mine, theirs = (
            _placed(frame, lexicon, kind)
            for frame, lexicon in zip(evidence, (one, other), strict=True)
        )
        if mine.height and theirs.height:
            sides[kind] = _weighted(mine, theirs)
    met = [_met(*frames) for frames in sides.values()]
    wanted = pl.concat([wanted, *met]).unique()
    return Shared(
        {kind: _cosines(*frames, wanted) for kind, frames in sides.items()},
        {kind: (frozenset(a["term"]), frozenset(b["term"])) for kind, (a, b) in sides.items()},
    )


def _placed(frame: pl.DataFrame, lexicon: Lexicon, kind: str) -> pl.DataFrame:
    places = pl.DataFrame(
        {"id": lexicon.ids, "term": range(len(lexicon.ids))},
        schema={"id": pl.String, "term": pl.Int64},
    )
    chosen = frame.filter(pl.col("kind") == kind).select("id", "feature").unique()
    return chosen.join(places, on="id").select("term", "feature").sort("term", "feature")


def _weighted(mine: pl.DataFrame, theirs: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Weigh features by how rare they are, to unit length a term."""
    terms = mine["term"].n_unique() + theirs["term"].n_unique()
    counts = pl.concat([mine, theirs]).group_by("feature").len()
    weights = counts.select("feature", (terms / pl.col("len")).log1p().alias("value"))
    first, second = (
        frame.join(weights, on="feature").with_columns(
            pl.col("value") / (pl.col("value") ** 2).sum().over("term").sqrt(),
        )
        for frame in (mine, theirs)
    )
    return first, second


def _met(mine: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    """Give the pairs that share something rare, and enough of it."""
    counts = (
        mine.group_by("feature")
        .len("mine")
        .join(theirs.group_by("feature").len("theirs"), on="feature")
    )
    rare = counts.filter(pl.col("mine") * pl.col("theirs") <= _MOST_PAIRS)
    pairs = (
        mine.join(rare, on="feature", how="semi")
        .join(theirs, on="feature", suffix="_other")
        .select(pl.col("term").alias("one"), pl.col("term_other").alias("other"))
        .unique()
    )
    return _products(mine, theirs, pairs).filter(pl.col("cosine") >= _LEAST).select(list(_PAIRS))


def _products(mine: pl.DataFrame, theirs: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    return (
        pairs.join(mine, left_on="one", right_on="term")
        .join(theirs, left_on=["other", "feature"], right_on=["term", "feature"], suffix="_other")
        .group_by("one", "other")
        # Groups are summed up in any order: without rounding, ties would fall this way or that.
        .agg((pl.col("value") * pl.col("value_other")).sum().round(_DIGITS).alias("cosine"))
    )


def _cosines(
    mine: pl.DataFrame, theirs: pl.DataFrame, pairs: pl.DataFrame
) -> dict[tuple[int, int], float]:
    products = _products(mine, theirs, pairs)
    return {(one, other): cosine for one, other, cosine in products.iter_rows()}
